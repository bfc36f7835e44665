# SPDX-License-Identifier: Apache-2.0
"""Turned, cut, resized and padded pictures: against numpy, LeRobot and torch, and by probes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lerobot.cameras.configs import Cv2Rotation
from lerobot.cameras.utils import get_cv2_rotation
from robot_pictures import camera
from torchvision.transforms import InterpolationMode, v2

from pam_ros.policy.resizing import INTERPOLATIONS, resize
from pam_ros.robot import ContractError, MessageError, fit, parse_contract, source_region
from pam_ros.robot.contract import ALIGNMENTS, Crop, Resizing, Size
from pam_ros.robot.explain import explain
from pam_ros.robot.regions import Grid, cells_in_source

RNG = np.random.default_rng(8)
NOISE = RNG.integers(0, 256, (60, 80, 3), dtype=np.uint8)
SMOOTH = cv2.resize(RNG.integers(0, 256, (6, 8, 3), dtype=np.uint8), (80, 60))
HEIGHT, WIDTH = 90, 120
# Each pixel holds its own column and row, 2 levels apart.
PROBE = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
PROBE[..., 0], PROBE[..., 1] = np.arange(WIDTH) * 2, np.arange(HEIGHT)[:, None] * 2


def turned(degrees: int, crop=None, resize=None, **how):
    return camera(crop, resize, None, rotate=degrees, resizing=Resizing(**how))


@pytest.mark.parametrize(
    ("degrees", "lerobots"),
    [(90, Cv2Rotation.ROTATE_90), (180, Cv2Rotation.ROTATE_180), (270, Cv2Rotation.ROTATE_270)],
)
def test_a_camera_is_turned_as_lerobot_and_numpy_turn_it(degrees, lerobots):
    picture = fit(turned(degrees), NOISE)
    np.testing.assert_array_equal(picture, cv2.rotate(NOISE, get_cv2_rotation(lerobots)))
    np.testing.assert_array_equal(picture, np.rot90(NOISE, -degrees // 90))


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_the_crop_counts_in_the_turned_picture(degrees):
    crop = Crop(x=5, y=12, width=20, height=33)
    expected = np.rot90(NOISE, -degrees // 90)[12:45, 5:25]
    np.testing.assert_array_equal(fit(turned(degrees, crop), NOISE), expected)


@pytest.mark.parametrize(("degrees", "size"), [(90, "80x60"), (180, "60x80"), (270, "80x60")])
def test_a_crop_beyond_the_turned_picture_is_one_sentence(degrees, size):
    with pytest.raises(
        MessageError, match=rf"sends {size} \(height x width, turned by {degrees} deg.*row 81"
    ):
        fit(turned(degrees, Crop(0, 0, 60, 81)), NOISE)


TORCH = {
    "bilinear": {"mode": "bilinear", "align_corners": False},
    "bicubic": {"mode": "bicubic", "align_corners": False},
    "nearest": {"mode": "nearest"},
}
TORCHVISION = {
    "bilinear_antialias": InterpolationMode.BILINEAR,
    "bicubic_antialias": InterpolationMode.BICUBIC,
}


@pytest.mark.parametrize("size", [(30, 40), (24, 56), (90, 100), (13, 17)])
@pytest.mark.parametrize("name", [*TORCH, *TORCHVISION])
def test_each_interpolation_is_the_one_of_torch_by_that_name(name, size):
    chw = torch.from_numpy(NOISE.copy()).permute(2, 0, 1)
    if name in TORCHVISION:
        expected = v2.Resize(size, TORCHVISION[name], antialias=True)(chw).float()
    else:
        expected = torch.nn.functional.interpolate(chw[None].float(), size, **TORCH[name])[0]
    found = torch.from_numpy(resize(NOISE, *size, name)).permute(2, 0, 1).float()
    assert (found - expected.round().clamp(0, 255)).abs().max() <= 1


@pytest.mark.parametrize("size", [(30, 40), (24, 56), (13, 17)])
@pytest.mark.parametrize("name", ["area", None])
def test_area_is_the_mean_of_what_a_pixel_covers(name, size):
    fine = [np.lcm(*pair) // pair[0] for pair in ((60, size[0]), (80, size[1]))]
    fine = NOISE.astype(float).repeat(fine[0], axis=0).repeat(fine[1], axis=1)
    blocks = fine.reshape(size[0], -1, size[1], fine.shape[1] // size[1], 3)
    assert np.abs(resize(NOISE, *size, name) - blocks.mean(axis=(1, 3))).max() <= 0.51
    assert set(INTERPOLATIONS) == {"area", *TORCH, *TORCHVISION}


def openpi_resize_with_pad(rgb, height, width, align):
    """What LeRobot's pi0 ("center") and SmolVLA ("bottom_right") do, in torch."""
    image = torch.from_numpy(rgb.copy()).permute(2, 0, 1)[None].float()
    ratio = max(image.shape[3] / width, image.shape[2] / height)
    tall, wide = int(image.shape[2] / ratio), int(image.shape[3] / ratio)
    image = torch.nn.functional.interpolate(
        image, size=(tall, wide), mode="bilinear", align_corners=False
    )
    image = image.round().clamp(0, 255)
    top, left = (height - tall, width - wide)
    if align == "center":
        top, left = top // 2, left // 2
    edges = (left, width - wide - left, top, height - tall - top)
    return torch.nn.functional.pad(image, edges)[0].permute(1, 2, 0).numpy()


@pytest.mark.parametrize("align", ["center", "bottom_right"])
@pytest.mark.parametrize("size", [(64, 64), (50, 111), (45, 33)])
def test_padding_is_that_of_openpi_and_smolvla(size, align):
    cam = turned(0, None, Size(*size), interpolation="bilinear", keep_aspect=align)
    found = fit(cam, SMOOTH).astype(float)
    assert np.abs(found - openpi_resize_with_pad(SMOOTH, *size, align)).max() <= 1


def test_padding_has_the_grey_that_the_contract_says():
    cam = turned(90, None, Size(80, 80), keep_aspect="center", pad_value=114)
    found = fit(cam, NOISE)
    assert (found[:, :10] == 114).all()
    assert (found[:, 70:] == 114).all()
    np.testing.assert_array_equal(found[:, 10:70], np.rot90(NOISE, -1))


@settings(deadline=None, max_examples=150)
@given(
    degrees=st.sampled_from([0, 90, 180, 270]),
    edges=st.tuples(*[st.integers(0, 20)] * 4),
    size=st.tuples(st.integers(30, 100), st.integers(30, 100)),
    align=st.sampled_from([None, *ALIGNMENTS]),
    data=st.data(),
)
def test_a_policy_pixel_shows_the_source_pixel_that_it_is_carried_to(
    degrees, edges, size, align, data
):
    tall, wide = (WIDTH, HEIGHT) if degrees in {90, 270} else (HEIGHT, WIDTH)
    x, y, right, below = edges
    crop = Crop(x, y, wide - x - right, tall - y - below)
    cam = turned(degrees, crop, Size(*size), interpolation="bilinear", keep_aspect=align)
    picture = fit(cam, PROBE).astype(float)
    region = source_region(cam, HEIGHT, WIDTH)
    margin = 4  # where the resize runs over the crop's edge it clamps
    row = data.draw(st.integers(margin, int(region.shown_height) - 1 - margin)) + int(region.top)
    col = data.draw(st.integers(margin, int(region.shown_width) - 1 - margin)) + int(region.left)
    found = region.to_source(col, row)
    assert found == pytest.approx(tuple(picture[row, col, :2] / 2), abs=0.51)


@settings(deadline=None, max_examples=150)
@given(
    degrees=st.sampled_from([0, 90, 180, 270]),
    size=st.tuples(st.integers(30, 100), st.integers(30, 100)),
    align=st.sampled_from([None, *ALIGNMENTS]),
    cell=st.integers(6, 20),
    data=st.data(),
)
def test_each_cell_keeps_its_mass_and_its_place_or_is_padding(degrees, size, align, cell, data):
    crop = Crop(10, 20, 60, 65)
    cam = turned(degrees, crop, Size(*size), keep_aspect=align)
    region = source_region(cam, HEIGHT, WIDTH)
    rows, cols = -(-size[0] // cell), -(-size[1] // cell)
    grid = Grid((cell - 1) / 2, (cell - 1) / 2, float(cell), float(cell))
    cells = np.arange(1, rows * cols + 1, dtype=np.float32).reshape(rows, cols)
    peak = (rows - 1, cols - 1)
    found = cells_in_source(cells, peak, grid, region)
    row = data.draw(st.integers(0, rows - 1))
    col = data.draw(st.integers(0, cols - 1))
    where = np.argwhere(found.cells == cells[row, col])
    x, y = grid.x0 + col * cell, grid.y0 + row * cell
    if len(where) == 0:
        assert not (
            region.left <= x + 0.5 < size[1] - region.right
            and region.top <= y + 0.5 < size[0] - region.bottom
        )
    else:
        ((down, across),) = where
        placed = (found.grid.x0 + across * found.grid.dx, found.grid.y0 + down * found.grid.dy)
        assert placed == pytest.approx(region.to_source(x, y))
    assert found.cells.sum() + found.padding_share == pytest.approx(cells.sum())
    assert found.cells[found.peak] == found.cells.max()
    assert min(found.grid.dx, found.grid.dy) > 0
    if align is None:
        assert found.padding_share == 0
        assert found.cells.shape == ((cols, rows) if degrees in {90, 270} else (rows, cols))


def test_a_picture_thinner_than_a_cell_keeps_one_row_of_them():
    cam = turned(0, None, Size(90, 90), keep_aspect="center")
    region = source_region(cam, 4, 120)
    cells = np.full((3, 3), 1 / 9, np.float32)
    found = cells_in_source(cells, (0, 0), Grid(14.5, 14.5, 30.0, 30.0), region)
    assert found.cells.shape == (1, 3)
    assert found.padding_share == pytest.approx(6 / 9)


@pytest.mark.parametrize("value", [45, 89.5, -90, 360, "left", True, [90]])
def test_another_rotation_is_refused_by_topic_and_key(data, value):
    data["cameras"][0]["rotate"] = value
    with pytest.raises(ContractError) as caught:
        parse_contract(data, "file.yaml")
    (problem,) = caught.value.problems
    assert problem == (
        f"cameras[0].rotate is {value}; /top/image_raw can be turned clockwise by 90, 180 or 270 "
        "degrees"
    )


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ({"interpolation": "bilinaer"}, "did you mean 'bilinear'?"),
        ({"keep_aspect": "left"}, "keep_aspect is left; it must be one of true, false, center"),
        ({"keep_aspect": [1]}, "keep_aspect is [1]; it must be"),
        ({"keep_aspect": True, "pad_value": 256}, "pad_value is 256; it must be a grey from 0 to"),
        ({"pad_value": 1}, "pad_value fills what 'keep_aspect: true' leaves free; add it"),
        ({"interpolation": "area", "height": 5}, "resize.width is missing"),
        ({"interpolate": "area"}, "resize.interpolate is not known; did you mean 'interpolation'?"),
    ],
)
def test_a_wrong_way_to_resize_is_one_sentence(data, how, sentence):
    data["cameras"][0]["resize"] = how
    with pytest.raises(ContractError) as caught:
        parse_contract(data, "file.yaml")
    assert sentence in str(caught.value)


def test_a_contract_says_how_a_camera_is_turned_and_resized(data, spec):
    data["cameras"][1] |= {
        "rotate": 270,
        "resize": {"interpolation": "bilinear", "keep_aspect": True},
    }
    bound = parse_contract(data, "file.yaml").bind(spec)
    wrist = bound.camera("wrist")
    assert (wrist.rotate, wrist.resize, wrist.target) == (270, "policy", Size(3, 4))
    assert wrist.resizing == Resizing("bilinear", "center", 0)
    assert (
        "turn clockwise by 270 degrees, crop 8x6 at (2, 1), resize to 3x4 (height x width), "
        "bilinear, in its proportions, center, padded with grey 0 ->" in "\n".join(explain(bound))
    )
