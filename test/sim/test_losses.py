# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import pytest
import torch

from pam_ros.sim.losses import STRIDE, location_loss, looking_loss

ROWS, COLS = 8, 10


def perfect_output(rows, cols, column, row):
    output = torch.zeros(1, 3, rows, cols)
    output[:, 0] = -50.0
    r, c = round(row / STRIDE), round(column / STRIDE)
    output[0, :, r, c] = torch.tensor([50.0, column / STRIDE - c, row / STRIDE - r])
    return output


def test_the_auxiliary_loss_is_zero_for_the_right_cell_and_place():
    cube = torch.tensor([[100.0, 50.0, 0.7]])
    output = perfect_output(8, 10, 100.0, 50.0)
    assert location_loss(output, cube).item() == pytest.approx(0.0, abs=1e-6)
    # 16 pixels too far to the right are half a cell.
    assert location_loss(output, cube + torch.tensor([16.0, 0.0, 0.0])) > 0.4


@pytest.mark.parametrize("cube", [[-40.0, 50.0, 0.7], [100.0, 400.0, 0.7], [100.0, 50.0, -0.1]])
def test_a_cube_out_of_sight_asks_for_no_cell(cube):
    nowhere = torch.zeros(1, 3, 8, 10)
    nowhere[:, 0] = -50.0
    assert location_loss(nowhere, torch.tensor([cube])).item() == pytest.approx(0.0, abs=1e-6)
    somewhere = perfect_output(8, 10, 100.0, 50.0)
    assert location_loss(somewhere, torch.tensor([cube])).item() > 10


def attention_on(*cells, share=1.0):
    """One query that gives `share` of its mass to (camera, row, column) cells, none to others."""
    weights = torch.zeros(1, 1, 2 + 2 * ROWS * COLS)
    weights[..., 0] = 1.0 - share
    for camera, row, column in cells:
        weights[..., 2 + camera * ROWS * COLS + row * COLS + column] = share / len(cells)
    return weights


# The top camera sees the cube between cells (2, 3) and (2, 4), the wrist camera does not.
CUBE = torch.tensor([[[3.5 * STRIDE, 2 * STRIDE, 0.7], [-90.0, 40.0, 0.2]]])


def test_attention_on_the_cube_costs_nothing_from_half_of_the_mass_on():
    for share in (1.0, 0.51):
        looking = attention_on((0, 2, 3), (0, 2, 4), share=share)
        assert looking_loss(looking, CUBE, ROWS, COLS).item() == 0.0


def test_less_attention_costs_what_is_missing_in_nats():
    looking = attention_on((0, 2, 3), share=0.1)
    assert looking_loss(looking, CUBE, ROWS, COLS).item() == pytest.approx(math.log(5), rel=1e-3)


def test_attention_beside_the_cube_costs_much():
    for cell in [(0, 2, 2), (0, 1, 3), (0, 3, 4), (1, 2, 3)]:
        assert looking_loss(attention_on(cell), CUBE, ROWS, COLS).item() > 5


def test_a_cube_that_no_camera_sees_costs_nothing():
    unseen = torch.tensor([[[-90.0, 40.0, 0.2], [100.0, 40.0, -0.1]]])
    assert looking_loss(attention_on((0, 1, 1)), unseen, ROWS, COLS).item() == 0.0
