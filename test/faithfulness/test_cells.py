# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from pam_ros.attention.cell_grids import pool_into_cells
from pam_ros.attention.errors import AttentionError
from pam_ros.attention.layout import CameraTokens
from pam_ros.attention.maps import attention_maps
from pam_ros.faithfulness.cells import Cells, ranked
from pam_ros.policy.act.spec import lay_out


def test_every_pixel_belongs_to_the_nearest_centre(toy):
    centres = toy.cells.centres()
    for index, camera in enumerate(toy.cells.cameras):
        own = slice(index * 20, (index + 1) * 20)
        for y in range(camera.height):
            for x in range(camera.width):
                away = np.hypot(*(centres[own] - [x, y]).T)
                cell = toy.cells.of_pixels(camera.feature)[y, x] - index * 20
                assert away[cell] == away.min()


def test_the_gradient_methods_divide_the_picture_alike(toy):
    camera = toy.cells.cameras[1]
    pixels = np.random.default_rng(0).random((camera.height, camera.width))
    sums = np.bincount(toy.cells.of_pixels("wrist").ravel(), weights=pixels.ravel(), minlength=40)
    assert np.allclose(pool_into_cells(pixels, camera).ravel(), sums[20:])


def test_a_map_becomes_a_row_in_the_order_of_its_tokens(layout, toy):
    weights = np.arange(layout.size, dtype=np.float32)
    weights /= weights.sum()
    row = toy.cells.of(attention_maps(weights[None, None, None], layout))
    assert np.allclose(row, weights[2:])


def test_mixing_takes_the_pixels_of_the_chosen_cells_and_no_others(toy):
    one = toy.observation()
    other = toy.black(one)
    taken = toy.one_hot(27) > 0
    mixed = toy.cells.mix(one, other, taken)
    assert np.array_equal(mixed["front"], one["front"])
    there = toy.cells.of_pixels("wrist") == 27
    assert not mixed["wrist"][there].any()
    assert np.array_equal(mixed["wrist"][~there], one["wrist"][~there])
    assert there.sum() == 64


def test_equal_values_come_in_random_order_and_the_order_repeats_by_seed():
    values = np.array([1.0, 0.0, 1.0, 2.0, 0.0])
    orders = {tuple(ranked(values, np.random.default_rng(seed))) for seed in range(50)}
    assert all(order[0] == 3 and set(order[1:3]) == {0, 2} for order in orders)
    assert len(orders) == 4
    first, again = (ranked(values, np.random.default_rng(9)) for _ in range(2))
    assert np.array_equal(first, again)


def test_a_map_of_another_policy_is_refused(toy):
    grid = CameraTokens("front", 0, 2, 2, 16, 16, 0.0, 0.0, 8.0, 8.0)
    other = lay_out([grid], joint_state=False, environment=False)
    maps = attention_maps(np.full((1, 1, 1, 5), 0.2, dtype=np.float32), other)
    with pytest.raises(AttentionError, match=r"no map of front with 4 x 5"):
        toy.cells.of(maps)


def test_a_policy_without_cameras_has_nothing_to_rank():
    with pytest.raises(AttentionError, match="no camera"):
        Cells([])
