# SPDX-License-Identifier: Apache-2.0
"""An ACT that reads joints and an environment state and sees nothing, and its contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from lerobot.configs.types import FeatureType, PolicyFeature
from lerobot.policies.act.configuration_act import ACTConfig
from lerobot.policies.act.modeling_act import ACTPolicy
from lerobot.policies.factory import make_pre_post_processors

if TYPE_CHECKING:
    from pathlib import Path

CONTRACT = """
robot: blind
rate_hz: 4.0
sync_tolerance_s: 0.3
max_age_s: 0.5
state:
  topic: /joint_states
  joints: [{name: pan, limits: [-3, 3]}, {name: lift, limits: [-3, 3]}]
environment: {topic: /environment}
command: {topic: /joint_commands, type: sensor_msgs/msg/JointState, max_velocity: 5.0}
"""


def write_blind(folder: Path) -> tuple[Path, Path]:
    """The checkpoint's folder and the contract's file."""
    torch.manual_seed(0)
    config = ACTConfig(
        input_features={
            "observation.state": PolicyFeature(FeatureType.STATE, (2,)),
            "observation.environment_state": PolicyFeature(FeatureType.ENV, (3,)),
        },
        output_features={"action": PolicyFeature(FeatureType.ACTION, (2,))},
        pretrained_backbone_weights=None,
        dim_model=32,
        n_heads=4,
        dim_feedforward=32,
        n_encoder_layers=1,
        chunk_size=8,
        n_action_steps=1,
        use_vae=False,
        device="cpu",
    )
    stats = {
        "observation.state": {"mean": torch.zeros(2), "std": torch.ones(2)},
        "action": {"mean": torch.zeros(2), "std": torch.full((2,), 0.1)},
    }
    for part in (ACTPolicy(config), *make_pre_post_processors(config, dataset_stats=stats)):
        part.save_pretrained(folder / "policy")
    file = folder / "blind.yaml"
    file.write_text(CONTRACT)
    return folder / "policy", file
