# SPDX-License-Identifier: Apache-2.0
"""A cell is drawn where lerobot's preprocessing and the model's own tokens have it."""

import numpy as np
import pytest
import torch

from pam_ros.policy import load_policy

FRONT = "observation.images.front"
SIZES = [(96, 128), (128, 96), (72, 128), (128, 128), (90, 200)]


@pytest.fixture(params=SIZES, ids=lambda size: f"{size[1]}x{size[0]}")
def local(request, reference, tmp_path):
    """A policy whose vision tower mixes no patches: a pixel reaches the token of its cell alone."""
    theirs = reference(cameras={FRONT: request.param})
    with torch.no_grad():
        for name, parameter in theirs.policy.named_parameters():
            if "vision_model" in name and ".out_proj." in name:
                parameter.zero_()
    policy = load_policy(theirs.save(tmp_path / "local"), device="cpu")
    policy.instruct("reach")
    return policy


def moved(policy, pictures):
    """How far the tokens move from those of a black picture: (pictures, tokens)."""
    (camera,) = policy.spec.cameras
    black = np.zeros((camera.height, camera.width, 3), np.uint8)
    state = np.zeros(4, np.float32)
    found = []
    for picture in (black, *pictures):
        prepared = policy.prepare([{FRONT: picture, "observation.state": state}])
        found.append(policy.forward(prepared, tokens_layer="encoder_input").tokens[0])
    return np.linalg.norm(np.array(found[1:]) - found[0], axis=-1)


def spot(camera, x, y):
    picture = np.zeros((camera.height, camera.width, 3), np.uint8)
    x, y = (round(min(max(v, 1), end - 2)) for v, end in ((x, camera.width), (y, camera.height)))
    picture[y - 1 : y + 2, x - 1 : x + 2] = 255
    return picture


def test_a_spot_at_a_cell_s_place_moves_that_cell_s_token_alone(local):
    (grid,) = local.spec.layout.cameras
    cells = [(row, col) for row in range(grid.rows) for col in range(grid.cols)]
    pictures = [spot(grid, grid.x0 + c * grid.dx, grid.y0 + r * grid.dy) for r, c in cells]
    distances = moved(local, pictures)
    expected = np.eye(len(cells), dtype=bool)
    assert (distances[:, grid.start : grid.stop] > 1e-3).tolist() == expected.tolist()
    others = np.delete(distances, np.arange(grid.start, grid.stop), axis=1)
    assert (others == 0).all()


def test_a_spot_on_either_side_of_the_middle_of_two_cells_moves_one_or_the_other(local):
    """A probe of the place itself: where the border is, to a tenth of a cell."""
    (grid,) = local.spec.layout.cameras
    row, col = grid.rows - 1, grid.cols - 2
    x, y = grid.x0 + col * grid.dx, grid.y0 + row * grid.dy
    left, right = (spot(grid, x + part * grid.dx, y) for part in (0.4, 0.6))
    row -= 1
    upper, lower = (spot(grid, x + grid.dx, y - grid.dy + part * grid.dy) for part in (0.4, 0.6))
    distances = moved(local, [left, right, upper, lower])[:, grid.start : grid.stop]
    found = [divmod(int(np.argmax(each)), grid.cols) for each in distances]
    assert found == [(row + 1, col), (row + 1, col + 1), (row, col + 1), (row + 1, col + 1)]


def test_cells_and_padding_are_all_of_the_grid(local):
    (grid,) = local.spec.layout.cameras
    first = local.spec.groups[0]
    padding = first.stop - first.start if first.kind == "padding" else 0
    assert grid.rows * grid.cols + padding == 16
    assert grid.start == padding
