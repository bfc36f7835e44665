# SPDX-License-Identifier: Apache-2.0
"""Where a policy's image lies in the camera's own image, and what was found in it, too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from pam_ros.robot.errors import MessageError


class Grid(NamedTuple):
    """Cell (row, col) is centred on pixel (x0 + col * dx, y0 + row * dy) of some image."""

    x0: float
    y0: float
    dx: float
    dy: float


@dataclass(frozen=True)
class SourceRegion:
    """How the policy's image was made: a crop of the source image, resized.

    Pixel coordinates name pixel middles, and the resize maps the crop's outer edges to the outer
    edges (OpenCV's and torchvision's convention); rows alike:

        x_source = crop_x + (x_policy + 0.5) * crop_width / width - 0.5

    Attributes:
        crop_x: column of the crop's top left pixel in the source image.
        crop_y: its row.
        crop_width: of the crop [source pixels].
        crop_height: likewise.
        width: of the policy's image [pixels].
        height: likewise.

    Raises:
        MessageError: a size is not positive.
    """

    crop_x: float
    crop_y: float
    crop_width: float
    crop_height: float
    width: float
    height: float

    def __post_init__(self) -> None:
        if min(self.crop_width, self.crop_height, self.width, self.height) <= 0:
            raise MessageError(f"{self} must have positive sizes")

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
