# SPDX-License-Identifier: Apache-2.0
"""Scales: one number for all cameras, never stretched for flat attention."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pam_ros.attention.errors import AttentionError
from pam_ros.attention.layout import CameraTokens
from pam_ros.attention.maps import attention_maps
from pam_ros.attention.scale import RunningScale, TickScale, UniformScale
from pam_ros.policy.act.spec import lay_out

LAYOUT = lay_out(
    [CameraTokens(name, 0, 8, 10, 256, 320, 0, 0, 32, 32) for name in ("top", "wrist")],
    joint_state=True,
    environment=False,
)
UNIFORM = 1 / LAYOUT.size


def maps_of(mass):
    return attention_maps(np.float32(mass)[None, None, None] / np.sum(mass), LAYOUT)


def random_maps(seed):
    return maps_of(np.random.default_rng(seed).exponential(size=LAYOUT.size) ** 3)


def one_hot(token):
    return maps_of(np.eye(LAYOUT.size)[token])


@pytest.mark.parametrize("scale", [TickScale(), RunningScale(), UniformScale(4)])
def test_flat_attention_is_drawn_faint(scale):
    flat = maps_of(np.ones(LAYOUT.size))
    assert scale.scale(flat) == pytest.approx(4 * UNIFORM)


@pytest.mark.parametrize("scale", [TickScale(), RunningScale(), UniformScale()])
def test_no_attention_on_any_camera_still_has_a_scale(scale):
    assert scale.scale(one_hot(LAYOUT.of_kind("joint_state")[0].start)) > UNIFORM


def test_the_tick_scale_is_the_largest_cell_of_all_cameras():
    for seed in range(5):
        maps = random_maps(seed)
        largest = max(camera.cells.max() for camera in maps.cameras)
        assert TickScale().scale(maps) == pytest.approx(largest)
    assert TickScale().scale(one_hot(LAYOUT.cameras[1].start)) == 1


def test_the_uniform_scale_does_not_depend_on_the_maps():
    scale = UniformScale(10)
    assert {scale.scale(random_maps(seed)) for seed in range(5)} == {10 * UNIFORM}


@pytest.mark.parametrize("percentile", [0.5, 50, 90, 99.9, 100])
def test_the_running_scale_is_the_percentile_of_the_last_ticks(percentile):
    scale = RunningScale(percentile=percentile, window=3, floor=1e-9)
    ticks = [random_maps(seed) for seed in range(7)]
    for last, maps in enumerate(ticks):
        level = scale.scale(maps)
        window = ticks[max(0, last - 2) : last + 1]
        cells = np.concatenate([c.cells.ravel() for m in window for c in m.cameras])
        assert level == pytest.approx(np.percentile(cells, percentile), rel=1e-5)
    scale.reset()
    first = scale.scale(ticks[0])
    assert first == RunningScale(percentile, window=3, floor=1e-9).scale(ticks[0])


def test_the_running_scale_begins_anew_with_another_method():
    scale, maps = RunningScale(window=3, floor=1e-9), random_maps(0)
    scale.scale(one_hot(3))
    other = replace(maps, method="rollout")
    assert scale.scale(other) == RunningScale(window=3, floor=1e-9).scale(other)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: TickScale(floor=0), "floor 0 must be a number above 0"),
        (lambda: UniformScale(multiples=float("nan")), "multiples nan"),
        (lambda: RunningScale(percentile=101), "percentile 101 must be above 0 and at most 100"),
        (lambda: RunningScale(window=0), "window 0 must be at least 1 tick"),
    ],
)
def test_settings_out_of_range_are_refused(make, sentence):
    with pytest.raises(AttentionError, match=sentence):
        make()
