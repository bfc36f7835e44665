# SPDX-License-Identifier: Apache-2.0
"""Grids carried back through crop and resize, against what OpenCV's resize does to an image."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pam_ros.robot import Grid, MessageError, SourceRegion

HEIGHT, WIDTH = 120, 160


@settings(deadline=None)
@given(
    crop=st.tuples(
        st.integers(0, 60), st.integers(0, 40), st.integers(40, 100), st.integers(30, 80)
    ),
    size=st.tuples(st.integers(32, 128), st.integers(24, 96)),
    data=st.data(),
)
def test_a_policy_pixel_shows_the_source_pixel_that_it_is_carried_to(crop, size, data):
    x, y, width, height = crop
    region = SourceRegion(x, y, width, height, *size)
    # Every source pixel holds its own coordinates; the resize interpolates them linearly.
    ramp = np.dstack(np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))).astype(np.float32)
    cropped = ramp[y : y + height, x : x + width]
    resized = cv2.resize(cropped, size, interpolation=cv2.INTER_LINEAR)
    margin = 6  # where the resize runs over the crop's edge it clamps
    column = data.draw(st.integers(margin, size[0] - margin))
    row = data.draw(st.integers(margin, size[1] - margin))
    assert region.to_source(column, row) == pytest.approx(resized[row, column], abs=0.05)


@settings(deadline=None)
@given(
    crop=st.tuples(*[st.floats(0, 100)] * 2, *[st.floats(1, 500)] * 2),
    size=st.tuples(st.integers(1, 500), st.integers(1, 500)),
    cell=st.tuples(st.integers(0, 20), st.integers(0, 20)),
)
def test_cells_of_the_carried_grid_are_the_carried_cells(crop, size, cell):
    region = SourceRegion(*crop, *size)
    grid = Grid(0.0, 0.0, 32.0, 32.0)
    row, col = cell
    carried = region.grid_in_source(grid)
    expected = region.to_source(grid.x0 + col * grid.dx, grid.y0 + row * grid.dy)
    found = (carried.x0 + col * carried.dx, carried.y0 + row * carried.dy)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-6)


def test_an_image_taken_as_it_is_keeps_its_grid():
    grid = Grid(0.0, 0.0, 32.0, 32.0)
    assert SourceRegion(0, 0, 640, 480, 640, 480).grid_in_source(grid) == grid


def test_halving_an_image_doubles_the_grid():
    grid = SourceRegion(0, 0, 640, 480, 320, 240).grid_in_source(Grid(0.0, 0.0, 32.0, 32.0))
    assert grid == (0.5, 0.5, 64.0, 64.0)  # the middle of the 2x2 pixels that became pixel 0


def test_a_crop_without_extent_is_refused():
    with pytest.raises(MessageError, match="positive sizes"):
        SourceRegion(0, 0, 0, 10, 10, 10)
