# SPDX-License-Identifier: Apache-2.0
"""Images normalised from their pixels are lerobot's, or lerobot's own steps make them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from lerobot.configs.types import FeatureType, NormalizationMode

from pam_ros.policy import wrap
from pam_ros.policy.image_normaliser import read_off

TOP, WRIST = "observation.images.top", "observation.images.wrist"


@pytest.mark.parametrize("mode", ["MEAN_STD", "MIN_MAX", "IDENTITY"])
def test_every_normalisation_of_lerobot_is_read_off(reference_policy, mode):
    reference = reference_policy(cameras={TOP: (64, 96), WRIST: (17, 31)})
    normaliser = reference.preprocessor.steps[-1]
    normaliser.norm_map[FeatureType.VISUAL] = NormalizationMode[mode]
    reference.policy.config.normalization_mapping["VISUAL"] = NormalizationMode[mode]
    for name in (TOP, WRIST):
        stats = normaliser._tensor_stats[name]
        stats["min"], stats["max"] = stats["mean"] - 1, stats["mean"] + 0.7
    policy = wrap(reference.policy, reference.preprocessor, reference.postprocessor)
    assert all(policy._preparation._normalisers)
    observation = reference.observation(np.random.default_rng(0))
    expected = reference.batch(observation)
    for camera, image in zip(
        policy.spec.cameras, policy.prepare([observation]).images, strict=True
    ):
        assert image.dtype == torch.float32
        assert (image - expected[camera.feature]).abs().max() <= 1e-6


def test_a_step_of_another_kind_is_left_to_do_its_work(reference_policy):
    reference = reference_policy(cameras={TOP: (32, 40)})
    flipped = type("FlipStep", (type(reference.preprocessor.steps[-1]),), {})
    step = reference.preprocessor.steps[-1]
    step.__class__ = flipped
    original = flipped.__call__

    def upside_down(self, transition):
        out = dict(original(self, transition))
        key = next(key for key in out if "observation" in str(key).lower())
        out[key] = {k: v.flip(2) if v.ndim == 4 else v for k, v in out[key].items()}
        return out

    flipped.__call__ = upside_down
    policy = wrap(reference.policy, reference.preprocessor, reference.postprocessor)
    assert policy._preparation._normalisers == [None]
    observation = reference.observation(np.random.default_rng(0))
    expected = reference.batch(observation)[TOP]
    assert torch.equal(policy.prepare([observation]).images[0], expected)


def test_a_known_step_that_does_something_else_is_noticed(reference_policy):
    reference = reference_policy(cameras={TOP: (32, 40)})
    camera = wrap(reference.policy, reference.preprocessor, reference.postprocessor).spec.cameras[0]
    assert read_off(reference.preprocessor, camera, "cpu") is not None
    normalise = reference.preprocessor.steps[-1]._apply_transform
    reference.preprocessor.steps[-1]._apply_transform = lambda tensor, *args, **kwargs: (
        normalise(tensor, *args, **kwargs) ** 2
    )
    assert read_off(reference.preprocessor, camera, "cpu") is None


def test_the_callers_image_is_left_as_it_is(reference_policy):
    reference = reference_policy(cameras={TOP: (32, 40)})
    policy = wrap(reference.policy, reference.preprocessor, reference.postprocessor)
    observation = reference.observation(np.random.default_rng(0))
    before = {name: array.copy() for name, array in observation.items()}
    first = policy.prepare([observation]).images[0]
    kept = first.clone()
    policy.step(reference.observation(np.random.default_rng(1)))
    assert torch.equal(first, kept)  # not a buffer that the next image overwrites
    for name, array in before.items():
        np.testing.assert_array_equal(observation[name], array)
