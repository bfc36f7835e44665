# SPDX-License-Identifier: Apache-2.0
"""A small policy on disk and its contract, for nodes that are to be disturbed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

JOINTS = ("pan", "lift")
RATE_HZ = 10.0
PERIOD_S = 1.0 / RATE_HZ
LIMIT_RAD, MAX_STEP_RAD, MAX_VELOCITY = 0.8, 0.06, 0.5
"""A target is mostly further away than a command may go: the limits are at work at every tick."""
TOP, WRIST = (64, 96), (120, 160)
"""Height and width of what the cameras send. The second one comes as JPEG, and is resized."""
MAX_AGE_S = 0.5
DETECTED_S = MAX_AGE_S + PERIOD_S
"""What was published before a fault may be acted on until it is max_age old, on a machine that is
busy; how soon the robot is held is measured apart (docs/faults.md)."""

CONTRACT = f"""# What the fault suite's robot publishes, and takes.
robot: faulty
rate_hz: {RATE_HZ}
trigger: {{trigger}}
sync_tolerance_s: 0.03
max_age_s: {MAX_AGE_S}
cameras:
  - {{{{name: top, topic: /top/image_raw, type: sensor_msgs/msg/Image,
     feature: observation.images.top, encoding: rgb8}}}}
  - {{{{name: wrist, topic: /wrist/image_raw/compressed, type: sensor_msgs/msg/CompressedImage,
     feature: observation.images.wrist, resize: policy}}}}
state:
  topic: /joint_states
  feature: observation.state
  unit: rad
  joints:
    - {{{{name: pan, limits: [-{LIMIT_RAD}, {LIMIT_RAD}]}}}}
    - {{{{name: lift, limits: [-{LIMIT_RAD}, {LIMIT_RAD}]}}}}
command:
  topic: /joint_commands
  type: sensor_msgs/msg/JointState
  max_velocity: {MAX_VELOCITY}
  max_step: {MAX_STEP_RAD}
"""


def contract_text(trigger: str | None) -> str:
    """The contract: ticks by a timer, or by each new image of a camera."""
    return CONTRACT.format(trigger=trigger or "null")


def write_policy(folder: Path) -> None:
    """A random ACT that reads two cameras and two joints, and wants far more than it may."""
    import torch  # noqa: PLC0415
    from lerobot.configs.types import FeatureType, PolicyFeature  # noqa: PLC0415
    from lerobot.policies.act.configuration_act import ACTConfig  # noqa: PLC0415
    from lerobot.policies.act.modeling_act import ACTPolicy  # noqa: PLC0415
    from lerobot.policies.factory import make_pre_post_processors  # noqa: PLC0415

    torch.manual_seed(0)
    cameras = ("observation.images.top", "observation.images.wrist")
    config = ACTConfig(
        input_features={
            **{name: PolicyFeature(FeatureType.VISUAL, (3, *TOP)) for name in cameras},
            "observation.state": PolicyFeature(FeatureType.STATE, (2,)),
        },
        output_features={"action": PolicyFeature(FeatureType.ACTION, (2,))},
        pretrained_backbone_weights=None,
        dim_model=32,
        n_heads=4,
        dim_feedforward=32,
        n_encoder_layers=1,
        chunk_size=8,
        n_action_steps=4,
        use_vae=False,
        device="cpu",
    )
    policy = ACTPolicy(config)
    with torch.no_grad():
        policy.model.action_head.weight.mul_(4.0)
    pixels = {"mean": torch.full((3, 1, 1), 0.5), "std": torch.ones(3, 1, 1)}
    stats = {
        **dict.fromkeys(cameras, pixels),
        "observation.state": {"mean": torch.zeros(2), "std": torch.ones(2)},
        "action": {"mean": torch.zeros(2), "std": torch.full((2,), 0.5)},
    }
    for part in (policy, *make_pre_post_processors(config, dataset_stats=stats)):
        part.save_pretrained(folder)
