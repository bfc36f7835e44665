# SPDX-License-Identifier: Apache-2.0
"""Pixels filled in from those that are left; ROAD's by its formula, solved in another way."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pam_ros.faithfulness import filling
from pam_ros.faithfulness.filling import flat, imputed, inpainted, linear_imputation

WEIGHTS = {
    (down, across): 1 / 6 if down * across == 0 else 1 / 12
    for down in (-1, 0, 1)
    for across in (-1, 0, 1)
    if (down, across) != (0, 0)
}
"""Rong et al. 2022, section 4.2: neighbours beside a pixel, and those across its corners."""


def directly(picture, gone):
    """The equations of the paper written out pixel by pixel, solved as a dense system."""
    places = np.argwhere(gone)
    number = {tuple(place): index for index, place in enumerate(places)}
    matrix = np.zeros((len(places), len(places)))
    right = np.zeros((len(places), picture.shape[2]))
    for (y, x), index in number.items():
        for (down, across), weight in WEIGHTS.items():
            near = (y + down, x + across)
            if not (0 <= near[0] < gone.shape[0] and 0 <= near[1] < gone.shape[1]):
                continue
            matrix[index, index] += weight
            if near in number:
                matrix[index, number[near]] -= weight
            else:
                right[index] += weight * picture[near]
    filled = picture.astype(float).copy()
    filled[gone] = np.linalg.solve(matrix, right)
    return filled


def picture_and_cells(share, seed=0):
    rng = np.random.default_rng(seed)
    picture = cv2.GaussianBlur(rng.normal(128, 250, (40, 56, 3)).astype(np.float32), (0, 0), 4)
    gone = np.repeat(np.repeat(rng.random((5, 7)) < share, 8, 0), 8, 1)
    assert gone.any()
    assert not gone.all()
    return np.clip(picture, 0, 255), gone


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_linear_imputation_solves_the_papers_equations(share):
    picture, gone = picture_and_cells(share)
    filled = linear_imputation(picture, gone)
    assert np.abs(filled - directly(picture, gone)).max() < 1.0
    assert np.array_equal(filled[~gone], picture[~gone])


def test_a_ramp_is_its_own_imputation():
    ramp = np.mgrid[:40, :56][1][..., None].repeat(3, -1).astype(np.float32)
    gone = np.zeros((40, 56), bool)
    gone[8:24, 16:40] = True
    assert np.abs(linear_imputation(ramp, gone) - ramp).max() < 0.1


def test_imputation_adds_a_little_noise_that_is_always_the_same():
    picture, gone = picture_and_cells(0.5)
    picture = picture.astype(np.uint8)
    filled = imputed(picture, gone)
    smooth = linear_imputation(picture.astype(np.float32), gone)
    added = (filled - smooth)[gone]
    # Rounding to whole grey levels adds a variance of 1/12.
    assert added.std() == pytest.approx(np.sqrt(filling.NOISE**2 + 1 / 12), rel=0.1)
    assert abs(added.mean()) < 0.1
    assert np.array_equal(filled, imputed(picture, gone))
    assert np.array_equal(filled[~gone], picture[~gone])


def test_the_authors_system_has_the_same_solution():
    """Their code is in grad-cam, which no part of this package needs."""
    road = pytest.importorskip("pytorch_grad_cam.metrics.road")
    sparse = pytest.importorskip("scipy.sparse")
    from scipy.sparse.linalg import spsolve

    picture, gone = picture_and_cells(0.5)
    system, right = road.NoisyLinearImputer.setup_sparse_system(
        (~gone).astype(np.float32), picture.transpose(2, 0, 1), road.neighbors_weights
    )
    theirs = spsolve(sparse.csc_matrix(system), right)
    assert np.abs(theirs - linear_imputation(picture, gone)[gone]).max() < 1.0


@pytest.mark.parametrize("cell", [(8.0, 8.0), (16.0, 16.0)])
def test_inpainting_takes_an_object_away_and_leaves_the_rest(cell):
    picture = np.full((48, 64, 3), 90, np.uint8)
    picture[16:32, 16:32] = (250, 0, 0)
    gone = np.zeros((48, 64), bool)
    gone[16:32, 16:32] = True
    filled = inpainted(picture, gone, cell)
    assert np.abs(filled.astype(int) - 90).max() <= 4
    half = np.zeros_like(gone)
    half[16:32, 16:24] = True
    assert np.array_equal(inpainted(picture, half, cell)[~half], picture[~half])


@pytest.mark.parametrize(
    "fill", [lambda p, g: inpainted(p, g, (8, 8)), imputed], ids=["inpaint", "road"]
)
def test_nothing_gone_is_the_picture_and_all_gone_its_mean_colour(fill):
    picture = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    assert np.array_equal(fill(picture, np.zeros((40, 56), bool)), picture)
    nothing = fill(picture, np.ones((40, 56), bool))
    assert np.array_equal(nothing, flat(picture))
    assert np.abs(nothing[0, 0] - picture.mean(axis=(0, 1))).max() <= 0.5
