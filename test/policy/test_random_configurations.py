# SPDX-License-Identifier: Apache-2.0
"""Whole policies of random configurations, backbone included, against lerobot's select_action."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pam_ros.policy import wrap
from pam_ros.policy.act.hooks import HookedForward

NAMES = [f"observation.images.{name}" for name in ("top", "wrist", "side")]
SIZES = [(32, 40), (48, 64), (64, 48), (17, 31)]


def draw(seed):
    """Options of make_reference."""
    rng = np.random.default_rng(seed)
    backbone = ["resnet18", "resnet34", "resnet50"][seed % 3]
    alike = SIZES[rng.integers(len(SIZES))]
    cameras = {
        name: alike if rng.random() < 0.5 else SIZES[rng.integers(len(SIZES))]
        for name in NAMES[: rng.integers(1, 4 if backbone == "resnet18" else 2)]
    }
    ensemble = rng.random() < 0.3
    steps = 1 if ensemble else int(rng.integers(1, 5))
    return {
        "seed": seed,
        "cameras": cameras,
        "vision_backbone": backbone,
        "replace_final_stride_with_dilation": backbone == "resnet50" and rng.random() < 0.5,
        "state_dim": int(rng.choice([0, 3, 7])),
        "environment_dim": int(rng.choice([0, 4])),
        "pre_norm": bool(rng.random() < 0.5),
        "n_encoder_layers": int(rng.integers(1, 4)),
        "n_decoder_layers": int(rng.integers(1, 4)),
        "use_vae": bool(rng.random() < 0.5),
        "feedforward_activation": str(rng.choice(["relu", "gelu"])),
        "n_action_steps": steps,
        "chunk_size": steps + int(rng.integers(1, 6)),
        "temporal_ensemble_coeff": 0.01 if ensemble else None,
    }


@pytest.mark.parametrize("seed", range(12))
def test_actions_and_weights_are_lerobots(reference_policy, seed):
    reference = reference_policy(**draw(seed))
    policy = wrap(reference.policy, reference.preprocessor, reference.postprocessor, "eager")
    assert policy.engine.name == "eager"
    model = reference.policy.model
    policy.show_encoder_layers(range(policy.spec.encoder_layers))
    rng = np.random.default_rng(seed)
    for _ in range(3):
        observation = reference.observation(rng)
        batch = reference.batch(observation)
        if not policy.spec.state_feature:
            batch["observation.state"] = torch.zeros(1, 1)  # lerobot reads its device
        with torch.inference_mode():
            expected = reference.postprocessor(reference.policy.select_action(batch))[0].numpy()
        output = policy.step(observation)
        assert reference.normalised_difference(output.action, expected) <= 1e-5
        hooked = HookedForward(model)(policy.prepare([observation]), (0,))
        assert np.abs(output.attention - hooked.attention[0].numpy()).max() <= 1e-6
        weights = hooked.encoder_attention[0][0].numpy()
        assert np.abs(output.encoder_attention[0] - weights).max() <= 5e-5
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
