# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from pam_ros.attention.errors import AttentionError
from pam_ros.faithfulness.perturbation import (
    blurred,
    mean_pictures,
    replacements,
    with_pictures,
)


def test_blur_keeps_a_flat_picture_and_takes_an_objects_shape(toy):
    observation = {name: np.full_like(image, 90) for name, image in toy.observation().items()}
    flat = blurred(observation, toy.cells)
    assert np.array_equal(flat["front"], observation["front"])
    observation["front"][8:16, 16:24] = 255
    before = observation["front"].copy()
    spoilt = blurred(observation, toy.cells)["front"]
    assert np.array_equal(observation["front"], before)
    # A Gaussian of 12 pixels leaves (erf(4 / (12 sqrt 2)))^2 in the middle of an 8 by 8 square.
    assert spoilt[12, 20, 0] == pytest.approx(90 + 165 * 0.0682, abs=1.5)


def test_the_mean_picture_is_the_mean_pixel_by_pixel(toy):
    observations = [toy.observation(seed) for seed in range(5)]
    pictures = mean_pictures(observations, toy.cells)
    expected = np.mean([o["wrist"].astype(float) for o in observations], axis=0)
    assert np.abs(pictures["wrist"] - expected).max() <= 0.5
    replaced = with_pictures({**observations[0], "observation.state": np.ones(3)}, pictures)
    assert np.array_equal(replaced["wrist"], pictures["wrist"])
    assert np.array_equal(replaced["observation.state"], np.ones(3))


def test_no_observation_has_no_mean(toy):
    with pytest.raises(AttentionError, match="at least one"):
        mean_pictures([], toy.cells)


def test_a_replacement_that_there_is_not_is_refused(toy):
    with pytest.raises(AttentionError, match="name blur or mean"):
        replacements(("blur", "noise"), toy.cells, {})
    assert list(replacements(("mean",), toy.cells, {})) == ["mean"]
