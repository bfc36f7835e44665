# SPDX-License-Identifier: Apache-2.0
"""Where a policy's image lies in the camera's own image, and what was found in it, too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pam_ros.robot.errors import MessageError

if TYPE_CHECKING:
    import numpy.typing as npt


class Grid(NamedTuple):
    """Cell (row, col) is centred on pixel (x0 + col * dx, y0 + row * dy) of some image."""

    x0: float
    y0: float
    dx: float
    dy: float


@dataclass(frozen=True)
class SourceRegion:
    """How the policy's image was made: a crop of the source image, turned, resized and padded.

    Pixel coordinates name pixel middles, and the resize maps the crop's outer edges to the outer
    edges of what it becomes (OpenCV's and torchvision's convention). Without turn and padding, and
    rows alike:

        x_source = crop_x + (x_policy + 0.5) * crop_width / width - 0.5

    Attributes:
        crop_x: column of the crop's top left pixel in the source image.
        crop_y: its row.
        crop_width: of the crop [source pixels].
        crop_height: likewise.
        width: of the policy's image [pixels].
        height: likewise.
        rotate: by how much the crop was turned clockwise: 0, 90, 180 or 270 degrees.
        left: columns of padding in the policy's image; so are right, and the rows top and bottom.

    Raises:
        MessageError: a size is not positive.
    """

    crop_x: float
    crop_y: float
    crop_width: float
    crop_height: float
    width: float
    height: float
    rotate: int = 0
    left: float = 0
    top: float = 0
    right: float = 0
    bottom: float = 0

    def __post_init__(self) -> None:
        shown = (self.shown_width, self.shown_height)
        if min(self.crop_width, self.crop_height, *shown) <= 0:
            raise MessageError(f"{self} must have positive sizes")

    @property
    def shown_width(self) -> float:
        """Columns of the policy's image that are no padding."""
        return self.width - self.left - self.right

    @property
    def shown_height(self) -> float:
        """Rows of the policy's image that are no padding."""
        return self.height - self.top - self.bottom

    def to_source(self, x: float, y: float) -> tuple[float, float]:
        """The source pixel that policy pixel (x, y) shows; one of padding lies beyond the crop."""
        across = (x + 0.5 - self.left) / self.shown_width
        down = (y + 0.5 - self.top) / self.shown_height
        turns = {
            0: (across, down),
            90: (down, 1 - across),
            180: (1 - across, 1 - down),
            270: (1 - down, across),
        }
        across, down = turns[self.rotate]
        return (
            self.crop_x + across * self.crop_width - 0.5,
            self.crop_y + down * self.crop_height - 0.5,
        )

    def grid_in_source(self, grid: Grid, shape: tuple[int, int] = (1, 1)) -> Grid:
        """The same cells, turned back, in pixels of the source image.

        Args:
            grid: in pixels of the policy's image.
            shape: its rows and columns, which a turned image's first cell depends on.
        """
        rows, cols = shape
        # Where the first cell of the turned-back grid is in the policy's.
        row = rows - 1 if self.rotate in {180, 270} else 0
        col = cols - 1 if self.rotate in {90, 180} else 0
        x0, y0 = self.to_source(grid.x0 + col * grid.dx, grid.y0 + row * grid.dy)
        across, down = grid.dx / self.shown_width, grid.dy / self.shown_height
        if self.rotate in {90, 270}:
            across, down = down, across
        return Grid(x0, y0, across * self.crop_width, down * self.crop_height)


@dataclass(frozen=True, eq=False)
class SourceCells:
    """Cells of a map on the source picture, turned back, without those in the padding.

    Attributes:
        cells: (rows, cols) on the source picture's own axes.
        grid: where they lie in it.
        peak: (row, col) of the strongest one; the first one, row by row, if several are equal.
        first: (row, col), on the policy's own grid, of the first cell that is no padding.
        padding_share: the sum of the cells that are left out: their centres lie in the padding.
        signed: (rows, cols) of the same cells with their signs; None if the map has none.
    """

    cells: npt.NDArray[np.float32]
    grid: Grid
    peak: tuple[int, int]
    first: tuple[int, int]
    padding_share: float
    signed: npt.NDArray[np.float32] | None = None


def cells_in_source(
    cells: npt.NDArray[np.float32],
    peak: tuple[int, int],
    grid: Grid,
    region: SourceRegion,
    signed: npt.NDArray[np.float32] | None = None,
) -> SourceCells:
    """A map of the policy's image, as it lies in the source picture.

    Args:
        cells: (rows, cols) of the policy's own grid.
        peak: the strongest of them.
        grid: where they lie in the policy's image.
        region: where that image lies in the source picture.
        signed: the cells with their signs, if the map has them.
    """
    down = grid.y0 + grid.dy * np.arange(cells.shape[0], dtype=np.float64)
    across = grid.x0 + grid.dx * np.arange(cells.shape[1], dtype=np.float64)
    rows = _shown(down, region.height, region.top, region.bottom)
    cols = _shown(across, region.width, region.left, region.right)
    shown = cells[rows, cols]
    first = (rows.start, cols.start)
    begin = Grid(float(across[first[1]]), float(down[first[0]]), grid.dx, grid.dy)
    padding = 0.0
    if shown.shape != cells.shape:
        padding = max(float(cells.sum(dtype=np.float64) - shown.sum(dtype=np.float64)), 0.0)
    turned = np.rot90(shown, region.rotate // 90)
    if region.rotate or shown.shape != cells.shape:
        row, col = divmod(int(turned.argmax()), turned.shape[1])
        peak = (row, col)
    placed = region.grid_in_source(begin, (shown.shape[0], shown.shape[1]))
    if signed is not None:
        signed = np.rot90(signed[rows, cols], region.rotate // 90)
    return SourceCells(turned, placed, peak, first, padding, signed)


def _shown(centres: npt.NDArray[Any], size: float, before: float, after: float) -> slice:
    """The cells of an axis whose centres are no padding [policy pixels]; one at least."""
    inside = np.ones(centres.shape, dtype=bool)
    if before > 0:
        inside &= centres >= before - 0.5
    if after > 0:
        inside &= centres <= size - after - 0.5
    if not inside.any():
        inside[np.abs(centres - (before + size - after - 1) / 2).argmin()] = True
    found = np.flatnonzero(inside)
    return slice(int(found[0]), int(found[-1]) + 1)
