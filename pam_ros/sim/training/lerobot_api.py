# SPDX-License-Identifier: Apache-2.0
"""What the training takes from lerobot, in one place because lerobot moves its modules."""

from __future__ import annotations

from datasets import disable_progress_bars
from lerobot.configs.types import FeatureType, PolicyFeature
from lerobot.datasets.lerobot_dataset import LeRobotDataset
from lerobot.policies.act.configuration_act import ACTConfig
from lerobot.policies.act.modeling_act import ACTPolicy, ACTTemporalEnsembler
from lerobot.policies.factory import make_pre_post_processors

__all__ = [
    "ACTConfig",
    "ACTPolicy",
    "ACTTemporalEnsembler",
    "FeatureType",
    "LeRobotDataset",
    "PolicyFeature",
    "disable_progress_bars",
    "make_pre_post_processors",
]
