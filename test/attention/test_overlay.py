# SPDX-License-Identifier: Apache-2.0
"""What a picture shows, where, and what it leaves alone."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pam_ros.attention.errors import AttentionError
from pam_ros.attention.overlay import COLORMAPS, Overlay

GRID = (0.0, 0.0, 32.0, 32.0)
BLACK = np.zeros((240, 320, 3), np.uint8)
WHITE = np.full_like(BLACK, 255)
MAGENTA = [255, 0, 255]


def noise(seed=0, shape=(240, 320, 3)):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def one_hot(row, col, rows=8, cols=10, value=1.0):
    cells = np.zeros((rows, cols), np.float32)
    cells[row, col] = value
    return cells


def opacity(overlay, cells, grid=GRID, full_scale=1.0, shape=(240, 320), **options):
    """Of the heat at each pixel, from what it hides: white minus black, whatever the colour."""
    black, white = np.zeros((*shape, 3), np.uint8), np.full((*shape, 3), 255, np.uint8)
    on_white = overlay.draw(white, cells, *grid, full_scale, **options).astype(int)
    on_black = overlay.draw(black, cells, *grid, full_scale, **options).astype(int)
    return 1 - (on_white - on_black).mean(axis=2) / 255


def interpolated(cells, shape, grid):
    """NumPy's linear interpolation in float64, first down the columns, then along the rows."""
    x0, y0, dx, dy = grid
    ys, xs = (np.arange(shape[0]) - y0) / dy, (np.arange(shape[1]) - x0) / dx
    columns = [np.interp(ys, np.arange(len(cells)), column) for column in cells.T]
    rows = np.stack(columns, axis=1)
    return np.stack([np.interp(xs, np.arange(cells.shape[1]), row) for row in rows])


@settings(max_examples=40, deadline=None)
@given(
    row=st.integers(0, 7),
    col=st.integers(0, 9),
    x0=st.floats(-20, 20),
    y0=st.floats(-20, 20),
    dx=st.floats(9, 40),
    dy=st.floats(9, 40),
)
def test_the_heat_of_one_cell_peaks_on_the_pixel_it_looks_at(row, col, x0, y0, dx, dy):
    x, y = x0 + col * dx, y0 + row * dy
    shown = opacity(Overlay(alpha=1.0), one_hot(row, col), (x0, y0, dx, dy))
    if not (0 <= x <= 319 and 0 <= y <= 239):
        return  # it looks at a place outside of the picture
    peak_y, peak_x = np.unravel_index(shown.argmax(), shown.shape)
    # Beyond the outermost cells the heat is held, so there the peak is a plateau.
    # Half a pixel off in both directions is up to 1 - (1 - 0.5 / 9) ** 2.
    assert shown[round(y), round(x)] == pytest.approx(shown.max(), abs=0.12)
    if 0 < col < 9:
        assert abs(peak_x - x) <= 1
    if 0 < row < 7:
        assert abs(peak_y - y) <= 1
    assert shown.max() == pytest.approx(1, abs=0.15)


def test_opacity_is_linear_between_cells_and_exact_on_them():
    cells = np.random.default_rng(0).random((8, 10)).astype(np.float32)
    shown = opacity(Overlay(alpha=0.6), cells)
    np.testing.assert_allclose(shown[0:225:32, 0:289:32], 0.6 * cells, atol=0.006)
    halfway = (cells[:, :-1] + cells[:, 1:]) / 2
    np.testing.assert_allclose(shown[0:225:32, 16:289:32], 0.6 * halfway, atol=0.006)


def test_opacity_follows_the_mass_and_saturates_at_full_scale():
    overlay = Overlay(alpha=0.5)
    for mass in (0.0, 0.01, 0.02, 0.04, 0.08):
        shown = opacity(overlay, one_hot(3, 4, value=mass), full_scale=0.04)
        assert shown.max() == pytest.approx(0.5 * min(mass / 0.04, 1), abs=0.006)


@pytest.mark.parametrize("bgr", [False, True])
def test_without_attention_the_picture_is_the_image(bgr):
    image = noise()
    picture = Overlay(alpha=1.0).draw(
        image, np.zeros((8, 10), np.float32), *GRID, 0.01, 0.0, bgr=bgr
    )
    np.testing.assert_array_equal(picture, image)


def test_pixels_without_attention_are_the_images():
    image = noise()
    picture = Overlay().draw(image, one_hot(3, 4), *GRID, 1.0)
    changed = (picture != image).any(axis=2)
    far = np.ones_like(changed)
    far[64:129, 96:161] = False  # one cell around (row 3, col 4), which is at (96, 128)
    assert not changed[far].any()
    assert changed[90:103, 120:137].all()


def test_flat_attention_is_faint_and_even():
    uniform = np.full((8, 10), 1 / 162, np.float32)
    shown = opacity(Overlay(alpha=0.6), uniform, full_scale=4 / 162)
    np.testing.assert_allclose(shown, 0.15, atol=0.006)


@pytest.mark.parametrize("colormap", ["turbo", "inferno", "jet"])
def test_red_is_red_in_rgb_and_in_bgr(colormap):
    image, cells = noise(), np.random.default_rng(0).random((8, 10)).astype(np.float32)
    overlay = Overlay(colormap)
    rgb = overlay.draw(image, cells, *GRID, 1.0, 0.4)
    bgr = overlay.draw(np.ascontiguousarray(image[..., ::-1]), cells, *GRID, 1.0, 0.4, bgr=True)
    np.testing.assert_array_equal(rgb, bgr[..., ::-1])
    table = cv2.applyColorMap(np.arange(256, dtype=np.uint8), cv2.COLORMAP_JET)
    hottest = Overlay("jet", alpha=1.0).draw(BLACK, np.ones((8, 10), np.float32), *GRID, 1.0)
    np.testing.assert_array_equal(hottest[100, 100], table[255, 0, ::-1])
    red, _, blue = hottest[100, 100]
    assert red > blue


def test_each_colour_is_the_colour_maps_at_the_cells_level():
    """Against OpenCV's applyColorMap, which the overlay does not call per picture."""
    cells = (np.arange(80, dtype=np.float32) / 79).reshape(8, 10)
    picture = Overlay("viridis", alpha=1.0).draw(BLACK, cells, *GRID, 1.0)
    level = np.rint(cells * 255).astype(np.uint8)
    colour = cv2.applyColorMap(level, cv2.COLORMAP_VIRIDIS)[..., ::-1]
    expected = colour * cells[..., None]
    np.testing.assert_allclose(picture[0:225:32, 0:289:32], expected, atol=1.5)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_the_joint_state_share_is_a_magenta_border_and_leaves_the_rest(share):
    image, cells = noise(), one_hot(3, 4)
    without = Overlay(border=6).draw(image, cells, *GRID, 1.0)
    picture = Overlay(border=6).draw(image, cells, *GRID, 1.0, share)
    np.testing.assert_array_equal(picture[6:-6, 6:-6], without[6:-6, 6:-6])
    frame = np.ones((240, 320), bool)
    frame[6:-6, 6:-6] = False
    expected = without * (1 - share) + share * np.array(MAGENTA)
    np.testing.assert_allclose(picture[frame], expected[frame], atol=0.51)


def test_a_policy_without_joint_state_has_no_border():
    picture = Overlay().draw(noise(), one_hot(3, 4), *GRID, 1.0, float("nan"))
    np.testing.assert_array_equal(picture, Overlay().draw(noise(), one_hot(3, 4), *GRID, 1.0))


@given(border=st.integers(0, 1000), height=st.integers(1, 40), width=st.integers(1, 40))
@settings(deadline=None)
def test_no_border_can_blank_the_picture(border, height, width):
    image = np.zeros((height, width, 3), np.uint8)
    picture = Overlay(border=border).draw(image, np.zeros((2, 2), np.float32), *GRID, 1.0, 1.0)
    covered = (picture != image).any(axis=2).mean()
    assert covered <= 1 - (3 / 4) ** 2 + 1e-9


@given(
    shape=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    cells=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    offset=st.floats(-100, 100),
    step=st.floats(0.5, 100),
    seed=st.integers(0, 100),
)
@settings(deadline=None)
def test_any_size_is_a_blend_of_image_and_colour(shape, cells, offset, step, seed):
    """Every pixel against the formula: linear interpolation, then image * (1 - a) + colour * a."""
    rng = np.random.default_rng(seed)
    image, mass = noise(seed, (*shape, 3)), rng.random(cells).astype(np.float32)
    picture = Overlay("viridis", alpha=0.8).draw(image, mass, offset, offset, step, step, 0.7)
    level = interpolated(np.clip(mass / 0.7, 0, 1), shape, (offset, offset, step, step))
    colour = cv2.applyColorMap(np.rint(level * 255).astype(np.uint8), cv2.COLORMAP_VIRIDIS)
    a = 0.8 * level[..., None]
    expected = image * (1 - a) + colour[..., ::-1] * a
    # A level is off by one at most; viridis changes by at most 4 from one to the next.
    np.testing.assert_allclose(picture, expected, atol=6)


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(st.integers(2, 300), st.integers(2, 300)),
    cells=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    x0=st.floats(-30, 30),
    y0=st.floats(-30, 30),
    dx=st.floats(3, 60),
    dy=st.floats(3, 60),
    seed=st.integers(0, 100),
)
def test_fixed_point_is_within_two_levels_of_the_formula(shape, cells, x0, y0, dx, dy, seed):
    mass = np.random.default_rng(seed).random(cells).astype(np.float32)
    shown = opacity(Overlay(alpha=1.0), mass, (x0, y0, dx, dy), 0.9, shape)
    levels = np.clip(mass.astype(np.float64) / 0.9, 0, 1) * 255
    expected = interpolated(levels, shape, (x0, y0, dx, dy))
    # Half a level for rounding to 8 bits, half for the step from row to row, one for the 256ths.
    assert np.abs(shown * 255 - expected).max() <= 2 + 1e-3


def test_the_image_is_not_changed_unless_it_is_the_output():
    image = noise()
    before = image.copy()
    expected = Overlay().draw(image, one_hot(3, 4), *GRID, 1.0, 0.3)
    np.testing.assert_array_equal(image, before)
    out = np.empty_like(image)
    assert Overlay().draw(image, one_hot(3, 4), *GRID, 1.0, 0.3, out=out) is out
    np.testing.assert_array_equal(out, expected)
    assert Overlay().draw(image, one_hot(3, 4), *GRID, 1.0, 0.3, out=image) is image
    np.testing.assert_array_equal(image, expected)


def test_one_overlay_draws_pictures_of_several_sizes():
    overlay = Overlay()
    for shape in ((240, 320, 3), (48, 64, 3), (240, 320, 3)):
        image = noise(shape=shape)
        fresh = Overlay().draw(image, one_hot(1, 1), *GRID, 1.0, 0.2)
        np.testing.assert_array_equal(overlay.draw(image, one_hot(1, 1), *GRID, 1.0, 0.2), fresh)


def test_views_and_read_only_images_are_drawn_as_they_are():
    image = noise()
    expected = Overlay().draw(image, one_hot(3, 4), *GRID, 1.0)
    view = np.ascontiguousarray(image[:, ::-1, ::-1])[:, ::-1, ::-1]
    view.flags.writeable = False
    np.testing.assert_array_equal(Overlay().draw(view, one_hot(3, 4), *GRID, 1.0), expected)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: Overlay("rainbows"), "colormap 'rainbows' is unknown: .*turbo"),
        (lambda: Overlay(alpha=1.5), "alpha 1.5 must be from 0 to 1"),
        (lambda: Overlay(border=-1), "border -1 must be 0 pixels or more"),
        (lambda: Overlay().draw(BLACK[..., 0], one_hot(0, 0), *GRID, 1.0), "image of shape"),
        (lambda: Overlay().draw(BLACK / 255, one_hot(0, 0), *GRID, 1.0), "float64 must be"),
        (lambda: Overlay().draw(BLACK, one_hot(0, 0)[0], *GRID, 1.0), "cells of shape"),
        (lambda: Overlay().draw(BLACK, one_hot(0, 0, value=np.nan), *GRID, 1.0), "all finite"),
        (lambda: Overlay().draw(BLACK, one_hot(0, 0), *GRID, 0.0), "full scale 0.0 must be above"),
        (lambda: Overlay().draw(BLACK, one_hot(0, 0), 0, 0, -1, 1, 1.0), "dx -1"),
        (
            lambda: Overlay().draw(BLACK, one_hot(0, 0), *GRID, 1.0, out=noise(shape=(9, 9, 3))),
            r"out of shape \(9, 9, 3\)",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(call, sentence):
    with pytest.raises(AttentionError, match=sentence):
        call()


def test_every_colour_map_draws():
    for name in COLORMAPS:
        Overlay(name).draw(BLACK, one_hot(3, 4), *GRID, 1.0)
