# SPDX-License-Identifier: Apache-2.0
"""Attributions of a gradient method to one map per camera, in the form that attention has.

A gradient method gives one value per pixel (input gradients, integrated gradients) or one per cell
of the backbone's last feature map (Grad-CAM). Either becomes a share per cell: the absolute values
over all cameras sum to 1, so the same scales and the same drawing serve. Tokens other than image
cells get no share; what a method says of the joint state is in its own result.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.attention.errors import AttentionError
from pam_ros.attention.maps import AttentionMaps, CameraMap

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pam_ros.attention.layout import CameraTokens, TokenLayout

INPUT_GRADIENTS = "input_gradients"
INTEGRATED_GRADIENTS = "integrated_gradients"
GRAD_CAM = "grad_cam"
GRADIENT_METHODS = (INPUT_GRADIENTS, INTEGRATED_GRADIENTS, GRAD_CAM)


@dataclass(frozen=True)
class Target:
    """What is explained: one joint at one step of the chunk, or with neither the whole chunk.

    The whole chunk is its projection on its difference from the chunk that the policy predicts for
    the baseline; the difference's direction is held fixed. Joint and step count from 0. The unit is
    the normalised one: standard deviations of the training actions where the policy was trained on
    such.
    """

    joint: int | None = None
    step: int | None = None

    def label(self, joints: Sequence[str] = ()) -> str:
        """For messages: "chunk", or "shoulder_pan[5]", or without the joints' names "0[5]"."""
        if self.joint is None:
            return "chunk"
        return f"{joints[self.joint] if joints else self.joint}[{self.step}]"


CHUNK = Target()
"""The default: the whole chunk, along its difference from the baseline's."""


@dataclass(frozen=True, eq=False)
class Attribution:
    """What one method says of one observation. A camera's arrays go by its feature's name.

    images: (H, W) float32, one value per pixel of the image that the policy reads, summed over the
        channels; None for Grad-CAM.
    cells: (rows, cols) float32, the same summed over each cell's pixels; for Grad-CAM its map.
    state: (state_dim,) float32, what falls on the joint state; NaN where the method leaves it out.
    total: the sum of all attributions.
    change: how much the target changes from the baseline to the observation, normalised units.
    completeness_error: |total - change| for integrated gradients, which promise that it vanishes
        with many steps; NaN for the others.
    baseline: what the observation was compared with: for integrated gradients the start of the
        path, otherwise of use in the default target alone.
    layer: what the values belong to, "images" or "backbone.layer4".
    """

    method: str
    target: str
    baseline: str
    layer: str
    images: dict[str, NDArray[np.float32]] | None
    cells: dict[str, NDArray[np.float32]]
    state: NDArray[np.float32]
    total: float
    change: float
    completeness_error: float = math.nan

    def maps(self, layout: TokenLayout) -> AttentionMaps:
        """Shares of absolute attribution per cell, see attribution_maps."""
        return attribution_maps(
            self.method,
            self.cells if self.images is None else self.images,
            layout,
            layer=self.layer,
            query=f"baseline {self.baseline}",
            target=self.target,
            completeness_error=self.completeness_error,
        )


def attribution_maps(
    method: str,
    values: Mapping[str, NDArray[np.float32]],
    layout: TokenLayout,
    *,
    layer: str = "",
    query: str = "",
    target: str = "",
    completeness_error: float = math.nan,
) -> AttentionMaps:
    """Absolute attribution as shares of the image cells of all cameras.

    Pixels count for the cell whose centre is nearest, each by its absolute value: what pulls one
    way and what pulls the other do not cancel inside a cell. Give values per cell where they shall.

    The result's `total` is the sum of absolute attribution, its `tokens` the number of image cells,
    its `entropy` that of the shares. Where nothing has an attribution, all cells are 0 and the
    entropy is NaN.

    Args:
        method: one of GRADIENT_METHODS.
        values: for each camera's feature (height, width) values per pixel of the image that the
            policy reads, or (rows, cols) values per cell; signed.
        layout: which cell looks where.
        layer: the result's label of what the values belong to.
        query: the result's label of what they were compared with.
        target: the result's label of what they explain.
        completeness_error: of the method, where it has one.

    Raises:
        AttentionError: an unknown method, a camera too many or too few, values of another shape or
            not finite.
    """
    if method not in GRADIENT_METHODS:
        known = ", ".join(GRADIENT_METHODS)
        message = f"method {method!r} is unknown: it must be one of {known}"
        raise AttentionError(message)
    features = [camera.feature for camera in layout.cameras]
    if not features or sorted(values) != sorted(features):
        found, wanted = ", ".join(values) or "no camera", ", ".join(features) or "a camera"
        message = f"the attributions are of {found}: they must be of {wanted}"
        raise AttentionError(message)
    grids = [_magnitude(values[camera.feature], camera) for camera in layout.cameras]
    total = float(sum(grid.sum() for grid in grids))
    shares = [grid / total if total > 0 else grid for grid in grids]
    return AttentionMaps(
        method=method,
        layer=layer,
        head="",
        query=query,
        cameras=tuple(
            _camera_map(camera, share) for camera, share in zip(layout.cameras, shares, strict=True)
        ),
        latent_share=math.nan,
        joint_state_share=math.nan,
        environment_share=math.nan,
        entropy=_entropy(shares) if total > 0 else math.nan,
        total=total,
        tokens=sum(grid.size for grid in grids),
        target=target,
        completeness_error=completeness_error,
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
    by_row = np.zeros((camera.rows, camera.width))
    np.add.at(by_row, _nearest(camera.height, camera.y0, camera.dy, camera.rows), pixels)
    cells = np.zeros((camera.cols, camera.rows))
    np.add.at(cells, _nearest(camera.width, camera.x0, camera.dx, camera.cols), by_row.T)
    return cells.T


def _nearest(size: int, first: float, step: float, cells: int) -> NDArray[np.intp]:
    """The nearest cell of each of `size` pixels along one axis."""
    position = (np.arange(size) - first) / step
    nearest: NDArray[np.intp] = np.clip(np.floor(position + 0.5), 0, cells - 1).astype(np.intp)
    return nearest


def _magnitude(values: NDArray[np.float32], camera: CameraTokens) -> NDArray[np.float64]:
    """(rows, cols) absolute attribution."""
    if not np.isfinite(values).all():
        message = f"the attributions of {camera.feature} are not all finite"
        raise AttentionError(message)
    magnitude = np.abs(values, dtype=np.float64)
    if magnitude.shape == (camera.rows, camera.cols):
        return magnitude
    if magnitude.shape != (camera.height, camera.width):
        message = (
            f"{camera.feature} has attributions of shape {values.shape}: it must be its pixels' "
            f"{(camera.height, camera.width)} or its cells' {(camera.rows, camera.cols)}"
        )
        raise AttentionError(message)
    return pool_into_cells(magnitude, camera)


def _camera_map(camera: CameraTokens, share: NDArray[np.float64]) -> CameraMap:
    row, col = divmod(int(share.argmax()), camera.cols)
    return CameraMap(
        feature=camera.feature,
        cells=share.astype(np.float32),
        share=float(share.sum()),
        peak=(row, col),
        x0=camera.x0,
        y0=camera.y0,
        dx=camera.dx,
        dy=camera.dy,
    )


def _entropy(shares: list[NDArray[np.float64]]) -> float:
    flat = np.concatenate([share.ravel() for share in shares])
    positive = flat[flat > 0]
    return max(0.0, float(-(positive * np.log(positive)).sum()))
