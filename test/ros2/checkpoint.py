# SPDX-License-Identifier: Apache-2.0
"""Writes a small random ACT checkpoint for one camera and six joints: checkpoint.py FOLDER."""

import sys

import torch
from lerobot.configs.types import FeatureType, PolicyFeature
from lerobot.policies.act.configuration_act import ACTConfig
from lerobot.policies.act.modeling_act import ACTPolicy
from lerobot.policies.factory import make_pre_post_processors

torch.manual_seed(0)
features = {
    "observation.images.front": PolicyFeature(FeatureType.VISUAL, (3, 96, 128)),
    "observation.state": PolicyFeature(FeatureType.STATE, (6,)),
}
action = {"action": PolicyFeature(FeatureType.ACTION, (6,))}
config = ACTConfig(
    input_features=features,
    output_features=action,
    pretrained_backbone_weights=None,
    device="cpu",
    dim_model=32,
    n_heads=4,
    dim_feedforward=48,
    n_encoder_layers=2,
    n_vae_encoder_layers=1,
    chunk_size=10,
    n_action_steps=5,
)
statistics = {
    name: {
        "mean": torch.zeros(feature.shape[0], *[1] * (len(feature.shape) - 1)),
        "std": torch.full((feature.shape[0], *[1] * (len(feature.shape) - 1)), 0.1),
    }
    for name, feature in {**features, **action}.items()
}
policy = ACTPolicy(config).eval()
for part in (policy, *make_pre_post_processors(config, dataset_stats=statistics)):
    part.save_pretrained(sys.argv[1])
