# SPDX-License-Identifier: Apache-2.0
"""Carries a map's grid from the image that the policy reads back to the camera's own image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from pam_ros.attention.errors import AttentionError


class Grid(NamedTuple):
    """Cell (row, col) is centred on pixel (x0 + col * dx, y0 + row * dy) of some image."""

    x0: float
    y0: float
    dx: float
    dy: float


@dataclass(frozen=True)
class Placement:
    """How the policy's image was made: a crop of the source image, resized.

    The crop is `crop_width` by `crop_height` source pixels with its upper left corner at (crop_x,
    crop_y); it was resized to `width` by `height`. Pixel coordinates name pixel middles, and the
    resize maps the crop's outer edges to the outer edges (OpenCV's and torchvision's convention):

        x_source = crop_x + (x_policy + 0.5) * crop_width / width - 0.5
    """

    crop_x: float
    crop_y: float
    crop_width: float
    crop_height: float
    width: float
    height: float

    def __post_init__(self) -> None:
        if min(self.crop_width, self.crop_height, self.width, self.height) <= 0:
            message = f"{self} must have positive sizes"
            raise AttentionError(message)

    def to_source(self, x: float, y: float) -> tuple[float, float]:
        """The source pixel that policy pixel (x, y) shows."""
        return (
            self.crop_x + (x + 0.5) * self.crop_width / self.width - 0.5,
            self.crop_y + (y + 0.5) * self.crop_height / self.height - 0.5,
        )

    def grid_in_source(self, grid: Grid) -> Grid:
        """The same cells, in pixels of the source image."""
        x0, y0 = self.to_source(grid.x0, grid.y0)
        return Grid(
            x0, y0, grid.dx * self.crop_width / self.width, grid.dy * self.crop_height / self.height
        )


def unplaced(width: float, height: float) -> Placement:
    """The placement of an image that is neither cropped nor resized."""
    return Placement(0.0, 0.0, width, height, width, height)
