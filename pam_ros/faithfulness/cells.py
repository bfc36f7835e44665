# SPDX-License-Identifier: Apache-2.0
"""The cells of all cameras as one row: which pixels are a cell's, and which cells come first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.attention.errors import AttentionError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pam_ros.attention.layout import CameraTokens
    from pam_ros.attention.maps import AttentionMaps
    from pam_ros.faithfulness.probe import Observation


class Cells:
    """All cameras' cells, camera after camera, row by row: `size` of them.

    A pixel belongs to the cell whose centre (x0 + col * dx, y0 + row * dy) is nearest.

    Args:
        cameras: a policy's, with its tokens' grids or others.

    Raises:
        AttentionError: there is none.
    """

    def __init__(self, cameras: Sequence[CameraTokens]) -> None:
        if not cameras:
            message = "the policy has no camera: there are no cells to rank"
            raise AttentionError(message)
        self.cameras = tuple(cameras)
        self.size = 0
        self._of_pixel: dict[str, NDArray[np.intp]] = {}
        for camera in self.cameras:
            self._of_pixel[camera.feature] = _cell_of_pixel(camera) + self.size
            self.size += camera.rows * camera.cols

    def of_pixels(self, feature: str) -> NDArray[np.intp]:
        """The cell of each pixel of a camera's picture, (height, width)."""
        return self._of_pixel[feature]

    def of(self, maps: AttentionMaps) -> NDArray[np.float64]:
        """A map's cells as one row, (size,).

        Raises:
            AttentionError: the map has other cameras or cells, or is not finite.
        """
        by_feature = {camera.feature: camera.cells for camera in maps.cameras}
        return self.row(by_feature, maps.method)

    def row(self, grids: Mapping[str, NDArray[Any]], name: str) -> NDArray[np.float64]:
        """One (rows, cols) grid per camera as one row, (size,); raises as `of`, with `name`."""
        parts = []
        for camera in self.cameras:
            grid = grids.get(camera.feature)
            if grid is None or grid.shape != (camera.rows, camera.cols):
                message = (
                    f"{name} has no map of {camera.feature} with {camera.rows} x {camera.cols} "
                    "cells"
                )
                raise AttentionError(message)
            parts.append(np.asarray(grid, dtype=np.float64).ravel())
        values = np.concatenate(parts)
        if not np.isfinite(values).all():
            message = f"the map of {name} is not finite"
            raise AttentionError(message)
        return values

    def centres(self) -> NDArray[np.float64]:
        """(size, 2): where each cell looks, x and y in pixels of its camera's picture."""
        parts = []
        for camera in self.cameras:
            row, col = np.divmod(np.arange(camera.rows * camera.cols), camera.cols)
            parts.append(
                np.stack([camera.x0 + col * camera.dx, camera.y0 + row * camera.dy], axis=1)
            )
        return np.concatenate(parts)

    def camera_of(self, cell: int) -> CameraTokens:
        """The camera that a cell belongs to."""
        for camera in self.cameras:
            if cell < camera.rows * camera.cols:
                return camera
            cell -= camera.rows * camera.cols
        message = f"cell {cell} is beyond the last"
        raise AttentionError(message)

    def mix(
        self, observation: Observation, other: Observation, taken: NDArray[np.bool_]
    ) -> dict[str, NDArray[Any]]:
        """The observation with the pixels of the `taken` cells (size,) from the other."""
        mixed = dict(observation)
        for camera in self.cameras:
            feature = camera.feature
            chosen = taken[self._of_pixel[feature]][..., None]
            mixed[feature] = np.where(chosen, other[feature], observation[feature])
        return mixed


def ranked(values: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.intp]:
    """The cells, highest value first; equal ones in random order."""
    shuffled = rng.permutation(len(values))
    return np.asarray(shuffled[np.argsort(-values[shuffled], kind="stable")])


def _cell_of_pixel(camera: CameraTokens) -> NDArray[np.intp]:
    def nearest(size: int, first: float, step: float, count: int) -> NDArray[np.intp]:
        index = np.floor((np.arange(size) - first) / step + 0.5)
        return np.asarray(np.clip(index, 0, count - 1).astype(np.intp))

    row = nearest(camera.height, camera.y0, camera.dy, camera.rows)
    col = nearest(camera.width, camera.x0, camera.dx, camera.cols)
    return np.asarray(row[:, None] * camera.cols + col[None])
