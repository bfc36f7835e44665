# SPDX-License-Identifier: Apache-2.0
"""Pixels into cells, cells into shares."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pam_ros.attention.attribution import GRADIENT_METHODS, attribution_maps
from pam_ros.attention.cell_grids import pool_into_cells
from pam_ros.attention.errors import AttentionError
from pam_ros.attention.layout import CameraTokens
from pam_ros.attention.scale import TickScale
from pam_ros.policy.act.spec import lay_out


def camera(name, height, width, step=32.0, first=0.0):
    rows, cols = math.ceil(height / step), math.ceil(width / step)
    return CameraTokens(name, 0, rows, cols, height, width, first, first, step, step)


LAYOUT = lay_out(
    [camera("top", 70, 100), camera("wrist", 64, 48)], joint_state=True, environment=False
)


def values(shape_of, seed=0):
    rng = np.random.default_rng(seed)
    return {c.feature: rng.normal(size=shape_of(c)).astype(np.float32) for c in LAYOUT.cameras}


def pixels_of(c):
    return c.height, c.width


def cells_of(c):
    return c.rows, c.cols


@settings(deadline=None, max_examples=50)
@given(
    height=st.integers(1, 130),
    width=st.integers(1, 130),
    step=st.sampled_from([16.0, 32.0, 20.5]),
    first=st.sampled_from([0.0, 7.5]),
    data=st.data(),
)
def test_a_pixel_goes_into_the_nearest_cell_and_nothing_is_lost(height, width, step, first, data):
    place = camera("top", height, width, step, first)
    y = data.draw(st.integers(0, height - 1))
    x = data.draw(st.integers(0, width - 1))
    single = np.zeros((height, width), np.float32)
    single[y, x] = -2.5
    cells = pool_into_cells(single, place)
    assert cells.shape == (place.rows, place.cols)
    assert cells.sum() == -2.5
    ((row, col),) = np.argwhere(cells)
    to_rows = np.abs(place.y0 + place.dy * np.arange(place.rows) - y)
    to_cols = np.abs(place.x0 + place.dx * np.arange(place.cols) - x)
    assert to_rows[row] == to_rows.min()
    assert to_cols[col] == to_cols.min()

    noise = np.random.default_rng(height).normal(size=(height, width)).astype(np.float32)
    assert pool_into_cells(noise, place).sum() == pytest.approx(noise.sum(dtype=np.float64))


@pytest.mark.parametrize("method", GRADIENT_METHODS)
@pytest.mark.parametrize("shape_of", [pixels_of, cells_of])
def test_cells_of_all_cameras_are_shares_of_the_absolute_attribution(method, shape_of):
    given_values = values(shape_of)
    maps = attribution_maps(
        method, given_values, LAYOUT, layer="images", target="chunk", completeness_error=0.25
    )
    everything = sum(np.abs(v).sum(dtype=np.float64) for v in given_values.values())
    assert maps.total == pytest.approx(everything)
    assert sum(c.share for c in maps.cameras) == pytest.approx(1)
    flat = np.concatenate([c.cells.ravel() for c in maps.cameras]).astype(np.float64)
    assert flat.min() >= 0
    assert maps.entropy == pytest.approx(-(flat * np.log(flat)).sum(), rel=1e-5)
    assert maps.tokens == flat.size == LAYOUT.size - 2
    for c, place in zip(maps.cameras, LAYOUT.cameras, strict=True):
        magnitude = np.abs(given_values[c.feature])
        assert c.share == pytest.approx(magnitude.sum() / everything, rel=1e-5)
        assert c.cells[c.peak] == c.cells.max()
        assert c.cells.shape == (place.rows, place.cols)
        assert (c.x0, c.y0, c.dx, c.dy) == (place.x0, place.y0, place.dx, place.dy)
        if shape_of is cells_of:
            np.testing.assert_allclose(c.cells, magnitude / everything, rtol=1e-5)
    assert math.isnan(maps.latent_share)
    assert math.isnan(maps.joint_state_share)
    assert (maps.method, maps.layer, maps.target) == (method, "images", "chunk")
    assert maps.completeness_error == 0.25


def test_pixels_of_opposite_sign_do_not_cancel_in_a_cell():
    opposed = {c.feature: np.zeros(pixels_of(c), np.float32) for c in LAYOUT.cameras}
    opposed["top"][33, 65], opposed["top"][33, 66] = 3, -3
    maps = attribution_maps("integrated_gradients", opposed, LAYOUT)
    assert maps.total == 6
    assert maps.cameras[0].peak == (1, 2)
    assert maps.cameras[0].cells[1, 2] == 1
    assert maps.cameras[1].share == 0


def test_no_attribution_at_all_is_an_empty_map_that_can_be_drawn():
    nothing = {c.feature: np.zeros(cells_of(c), np.float32) for c in LAYOUT.cameras}
    maps = attribution_maps("grad_cam", nothing, LAYOUT)
    assert maps.total == 0
    assert math.isnan(maps.entropy)
    assert all(not c.cells.any() for c in maps.cameras)
    assert TickScale().scale(maps) > 0


def test_what_does_not_fit_is_named():
    good = values(cells_of)
    with pytest.raises(AttentionError, match=r"method 'saliency' is unknown.*grad_cam"):
        attribution_maps("saliency", good, LAYOUT)
    with pytest.raises(AttentionError, match="are of top: they must be of top, wrist"):
        attribution_maps("grad_cam", {"top": good["top"]}, LAYOUT)
    with pytest.raises(AttentionError, match=r"wrist .* \(64, 48\) or its cells' \(2, 2\)"):
        attribution_maps("grad_cam", {**good, "wrist": np.zeros((3, 3), np.float32)}, LAYOUT)
    good["top"][0, 0] = np.nan
    with pytest.raises(AttentionError, match="top are not all finite"):
        attribution_maps("grad_cam", good, LAYOUT)
    with pytest.raises(AttentionError, match=r"top has pixel values .* must be \(70, 100\)"):
        pool_into_cells(np.zeros((70, 99)), LAYOUT.cameras[0])
    with pytest.raises(AttentionError, match="they must be of a camera"):
        attribution_maps("grad_cam", {}, lay_out([], joint_state=True, environment=True))


def test_pixels_are_summed_by_the_nearest_cell_one_by_one():
    rng = np.random.default_rng(0)
    camera = CameraTokens("top", 0, 3, 5, 50, 70, 4.0, -20.0, 13.0, 32.0)
    pixels = rng.standard_normal((50, 70)).astype(np.float32)
    expected = np.zeros((3, 5))
    for y, x in np.ndindex(pixels.shape):
        row = min(max(int(np.floor((y + 20.0) / 32.0 + 0.5)), 0), 2)
        col = min(max(int(np.floor((x - 4.0) / 13.0 + 0.5)), 0), 4)
        expected[row, col] += pixels[y, x]
    np.testing.assert_allclose(pool_into_cells(pixels, camera), expected, atol=1e-4)
    assert not pool_into_cells(pixels, camera)[0].any()  # beyond the picture
