# SPDX-License-Identifier: Apache-2.0
"""Cells of padded pictures lie where lerobot's own resizing puts the pixels."""

import numpy as np
import pytest
import torch

from pam_ros.policy import CameraSpec, PolicyError
from pam_ros.policy.padded import padded_cells

SIZES = [(480, 640), (640, 480), (720, 1280), (96, 128), (240, 424)]


def smolvla_resize(picture, side):
    from lerobot.policies.smolvla.modeling_smolvla import resize_with_pad

    return resize_with_pad(picture, side, side, pad_value=0)


def pi0_resize(picture, side):
    from lerobot.policies.pi0.modeling_pi0 import resize_with_pad_torch

    return resize_with_pad_torch(picture, side, side)


RESIZES = {"left_top": (smolvla_resize, 512, 64), "centred": (pi0_resize, 224, 14)}


def middle_of(picture):
    """Where the mass of (1, 3, H, W) is: x, y."""
    mass = picture[0, 0].clamp_min(0).double()
    rows, cols = (torch.arange(size).double() for size in mass.shape)
    return float((mass.sum(0) * cols).sum() / mass.sum()), float(
        (mass.sum(1) * rows).sum() / mass.sum()
    )


def blob(height, width, x, y):
    rows, cols = torch.arange(height).float()[:, None], torch.arange(width).float()
    radius = max(height, width) / 60
    return torch.exp(-((cols - x) ** 2 + (rows - y) ** 2) / 2 / radius**2).expand(1, 3, -1, -1)


@pytest.mark.parametrize("padding", RESIZES)
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_a_blob_at_a_cell_s_place_lands_in_the_middle_of_its_block(height, width, padding):
    resize, side, cell = RESIZES[padding]
    cells = padded_cells(CameraSpec("c", height, width), (side, side), cell, padding)
    camera = cells.camera
    inside = 0
    for row in range(1, camera.rows - 1):
        for col in range(1, camera.cols - 1, 3):
            x, y = camera.x0 + col * camera.dx, camera.y0 + row * camera.dy
            reach = max(height, width) / 12
            if not (reach < x < width - reach and reach < y < height - reach):
                continue
            inside += 1
            found = middle_of(resize(blob(height, width, x, y), side))
            block = [(first + 0.5) * cell - 0.5 for first in (cells.left + col, cells.top + row)]
            assert found == pytest.approx(block, abs=0.02)
    assert inside >= 3


@pytest.mark.parametrize("padding", RESIZES)
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_cells_of_padding_are_those_that_no_pixel_reaches(height, width, padding):
    resize, side, cell = RESIZES[padding]
    cells = padded_cells(CameraSpec("c", height, width), (side, side), cell, padding)
    # pi0 pads with what is black to it, which is not 0 everywhere: white is above both.
    white = resize(torch.ones(1, 3, height, width), side)[0, 0] > 0.5
    blocks = white.unfold(0, cell, cell).unfold(1, cell, cell).flatten(2).any(-1).flatten()
    assert cells.in_picture() == np.flatnonzero(blocks).tolist()
    assert cells.in_padding() == np.flatnonzero(~blocks).tolist()
    assert len(cells.in_picture()) == cells.camera.rows * cells.camera.cols


def test_a_picture_that_is_read_as_it_is_has_no_padding():
    cells = padded_cells(CameraSpec("c", 128, 256), None, 64, "left_top")
    assert (cells.rows, cells.cols, cells.in_padding()) == (2, 4, [])
    assert (cells.camera.x0, cells.camera.y0, cells.camera.dx) == (31.5, 31.5, 64)


def test_cells_that_do_not_fill_the_picture_are_refused():
    with pytest.raises(PolicyError, match="read at 500 x 512 pixels: both must be multiples of 64"):
        padded_cells(CameraSpec("c", 480, 640), (500, 512), 64, "left_top")
    with pytest.raises(PolicyError, match="is too narrow"):
        padded_cells(CameraSpec("c", 2000, 1), (512, 512), 64, "left_top")
