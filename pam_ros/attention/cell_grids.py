# SPDX-License-Identifier: Apache-2.0
"""Cells of a picture: a grid of one's own, and values per pixel summed into cells."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.attention.errors import AttentionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pam_ros.attention.layout import CameraTokens


def own_grid(camera: CameraTokens, cell: int) -> CameraTokens:
    """The camera with square cells of so many pixels, the first in the picture's top left corner.

    Those at the right and lower edge may hold fewer pixels.

    Raises:
        AttentionError: a cell of no pixel.
    """
    if cell < 1:
        message = f"a cell of {cell} pixels is finer than the picture: it must have 1 or more"
        raise AttentionError(message)
    return replace(
        camera,
        rows=math.ceil(camera.height / cell),
        cols=math.ceil(camera.width / cell),
        x0=(cell - 1) / 2,
        y0=(cell - 1) / 2,
        dx=float(cell),
        dy=float(cell),
    )


def pool_into_cells(pixels: NDArray[np.floating], camera: CameraTokens) -> NDArray[np.float64]:
    """Sum of each cell's pixels, (rows, cols): a pixel belongs to the cell whose centre is nearest.

    Halfway between two, it belongs to the cell to the right or below.

    Raises:
        AttentionError: `pixels` is not (height, width) of the image that the policy reads.
    """
    if pixels.shape != (camera.height, camera.width):
        message = (
            f"{camera.feature} has pixel values of shape {pixels.shape}: it must be "
            f"{(camera.height, camera.width)}"
        )
        raise AttentionError(message)
    rows = _nearest(camera.height, camera.y0, camera.dy, camera.rows)
    cols = _nearest(camera.width, camera.x0, camera.dx, camera.cols)
    return _summed(_summed(pixels.astype(np.float64), rows, camera.rows).T, cols, camera.cols).T


def _summed(values: NDArray[np.float64], cell: NDArray[np.intp], cells: int) -> NDArray[np.float64]:
    """The sums (cells, N) of the lines (L, N) whose cells are these, which never fall."""
    ends = np.searchsorted(cell, np.arange(cells + 1))
    found = np.zeros((cells, values.shape[1]))
    filled = np.flatnonzero(np.diff(ends))
    if filled.size:
        found[filled] = np.add.reduceat(values, ends[filled], axis=0)
    return found


def _nearest(size: int, first: float, step: float, cells: int) -> NDArray[np.intp]:
    """The nearest cell of each of `size` pixels along one axis."""
    position = (np.arange(size) - first) / step
    nearest: NDArray[np.intp] = np.clip(np.floor(position + 0.5), 0, cells - 1).astype(np.intp)
    return nearest
