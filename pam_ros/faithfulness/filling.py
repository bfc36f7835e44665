# SPDX-License-Identifier: Apache-2.0
"""Removed pixels filled in from what is left around them: inpainting, and ROAD's imputation.

Unlike blur, mean and patches, what is filled in depends on which other pixels are gone. Where
nothing is left of a picture, the fill is its mean colour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

INPAINT_CELL = 8
"""Pixels of a cell, across, in the picture that is inpainted: what is filled in has no finer
detail, and Telea's method takes half a second for a picture of 480 x 640."""
INPAINT_RADIUS = 3.0
"""How far around a pixel Telea's method looks, in pixels of that picture."""

NEIGHBOURS = np.array([[1, 2, 1], [2, 0, 2], [1, 2, 1]], dtype=np.float32) / 12
"""ROAD's weights of the eight pixels around one: 1/6 beside it, 1/12 across the corner."""
NOISE = 0.6
"""Standard deviation of ROAD's noise in grey levels: the 0.01 of the authors' code is in units of
ImageNet's normalised pixels, whose standard deviation is about 58."""
_TOLERANCE = 0.001
"""Of the root mean square residual, in grey levels. A direct solver's pixels differ by less than
the noise, root mean square."""
_COARSEST = 8
_MOST_STEPS = 500


def flat(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture (H, W, 3) in its mean colour."""
    mean = np.rint(picture.reshape(-1, picture.shape[-1]).mean(axis=0))
    return np.broadcast_to(mean.astype(np.uint8), picture.shape).copy()


def inpainted(
    picture: NDArray[np.uint8], gone: NDArray[np.bool_], cell: tuple[float, float]
) -> NDArray[np.uint8]:
    """The picture with the pixels that are gone inpainted.

    OpenCV's method after Telea, An Image Inpainting Technique Based on the Fast Marching Method
    (Journal of Graphics Tools 9, 2004), on a picture that is reduced before and enlarged after.

    Args:
        picture: (H, W, 3) uint8.
        gone: (H, W) bool.
        cell: height and width of a cell in pixels.
    """
    if gone.all():
        return flat(picture)
    if not gone.any():
        return picture
    height, width = gone.shape
    small = (
        max(1, round(width * min(1.0, INPAINT_CELL / cell[1]))),
        max(1, round(height * min(1.0, INPAINT_CELL / cell[0]))),
    )
    share = cv2.resize(gone.astype(np.float32), small, interpolation=cv2.INTER_AREA)
    # A reduced pixel of which any part is gone would carry the removed colours.
    holes = (share > 0).astype(np.uint8)
    if holes.all():
        return flat(picture)
    reduced = cv2.resize(
        np.where(gone[..., None], 0, picture).astype(np.uint8), small, interpolation=cv2.INTER_AREA
    )
    filled = cv2.inpaint(reduced, holes, INPAINT_RADIUS, cv2.INPAINT_TELEA)
    large = cv2.resize(filled, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.where(gone[..., None], large, picture).astype(np.uint8)


def imputed(picture: NDArray[np.uint8], gone: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The picture with the pixels that are gone replaced by noisy linear imputation.

    Rong, Leemann, Borisov, Kasneci and Kasneci, A Consistent and Efficient Evaluation Strategy for
    Attribution Methods (ICML 2022, https://arxiv.org/abs/2202.00449): each missing pixel is the
    weighted mean of the pixels around it, missing ones included, and a little noise is added. The
    noise is the same for the same place in all pictures of a size.

    Args:
        picture: (H, W, 3) uint8.
        gone: (H, W) bool.
    """
    if gone.all():
        return flat(picture)
    if not gone.any():
        return picture
    filled = linear_imputation(picture.astype(np.float32), gone)
    noise = np.random.default_rng(0).normal(0.0, NOISE, picture.shape)
    spoilt = np.clip(np.rint(filled + noise), 0, 255)
    return np.where(gone[..., None], spoilt, picture).astype(np.uint8)


def linear_imputation(picture: NDArray[np.float32], gone: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Without the noise: (H, W, C) float32, the solution of ROAD's equations.

    For every pixel i that is gone, sum_j w_ij (x_i - x_j) = 0 over its neighbours j in the picture.
    The matrix is symmetric and positive, so conjugate gradients solve it; they start from the
    solution for the picture at half its size. Some pixel must be left.
    """
    hole = gone[..., None].astype(np.float32)
    weight = _around(np.ones(gone.shape, np.float32))[..., None]

    def system(values: NDArray[np.float32]) -> NDArray[np.float32]:
        ahead = weight * values
        ahead -= _around(values)
        ahead *= hole
        return ahead

    known = picture * (1 - hole)
    values = _coarse(picture, gone) * hole
    residual = _around(known) * hole - system(values)
    direction, size = residual.copy(), _dot(residual, residual)
    enough = _TOLERANCE**2 * hole.sum() * picture.shape[2]
    for _ in range(_MOST_STEPS):
        if size <= enough:
            break
        ahead = system(direction)
        step = np.float32(size / _dot(direction, ahead))
        values += step * direction
        ahead *= step
        residual -= ahead
        before, size = size, _dot(residual, residual)
        direction *= np.float32(size / before)
        direction += residual
    return known + values


def _coarse(picture: NDArray[np.float32], gone: NDArray[np.bool_]) -> NDArray[np.float32]:
    """A first guess for every pixel: the solution at half the size, or the mean of what is left."""
    height, width = gone.shape
    left = (~gone).astype(np.float32)
    if min(height, width) < 2 * _COARSEST:
        return np.broadcast_to(picture[~gone].mean(axis=0), picture.shape).astype(np.float32)
    half = (width // 2, height // 2)
    share = cv2.resize(left, half, interpolation=cv2.INTER_AREA)[..., None]
    total = cv2.resize(picture * left[..., None], half, interpolation=cv2.INTER_AREA)
    known = share[..., 0] > 0
    small = linear_imputation(total.reshape(*share.shape[:2], -1) / np.maximum(share, 1e-6), ~known)
    large = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(large.reshape(picture.shape))


def _around(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The weighted sum of each pixel's neighbours, (H, W, C); beyond the border there are none."""
    summed = cv2.filter2D(values, -1, NEIGHBOURS, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(summed, dtype=np.float32).reshape(values.shape)


def _dot(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Over pixels and channels: the channels are solved at once, as one system."""
    return float(np.dot(a.ravel(), b.ravel()))
