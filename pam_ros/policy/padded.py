# SPDX-License-Identifier: Apache-2.0
"""Where the cells of a picture lie that is resized, and padded up to the size that a policy reads.

LeRobot's vision-language-action policies scale a picture down until it fits, keep its aspect ratio,
and fill up the rest. The policy's feature map then covers picture and padding: rows and columns of
cells that hold padding alone are told apart here, cells that hold some of the picture are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from pam_ros.attention.layout import CameraTokens
from pam_ros.policy.interface import CameraSpec, PolicyError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Padding = Literal["left_top", "centred"]


@dataclass(frozen=True)
class PaddedCells:
    """A camera's cells on a policy's feature map.

    Attributes:
        rows, cols: of the whole map.
        top, bottom, left, right: the first row that holds some of the picture and the one after the
            last, and the same of its columns.
        camera: the cells that hold some of the picture; its `start` is 0.
    """

    rows: int
    cols: int
    top: int
    bottom: int
    left: int
    right: int
    camera: CameraTokens

    def in_padding(self) -> list[int]:
        """The cells of the map that hold padding alone, by their number, row by row."""
        return [int(cell) for cell in np.flatnonzero(~self._inside())]

    def in_picture(self) -> list[int]:
        """The others, in the order of the camera's cells."""
        return [int(cell) for cell in np.flatnonzero(self._inside())]

    def _inside(self) -> NDArray[np.bool_]:
        inside = np.zeros((self.rows, self.cols), np.bool_)
        inside[self.top : self.bottom, self.left : self.right] = True
        return inside.reshape(-1)


def padded_cells(
    camera: CameraSpec, size: tuple[int, int] | None, cell: int, padding: Padding
) -> PaddedCells:
    """The cells of a camera whose picture is resized with padding.

    A cell's place is the middle of its block: pixel x of the padded picture is pixel
    (x - left + 0.5) * width / resized_width - 0.5 of the camera's.

    Args:
        camera: its picture.
        size: (width, height) of the padded picture; None: the picture is read as it is.
        cell: side of a cell's block [px of the padded picture].
        padding: where it goes. Of an odd number of pixels "centred" puts the greater part right and
            at the bottom.

    Raises:
        PolicyError: the cells do not fill the padded picture.
    """
    width, height = size or (camera.width, camera.height)
    if width % cell or height % cell:
        message = (
            f"{camera.feature} is read at {width} x {height} pixels: both must be multiples of "
            f"{cell}, the side of a cell"
        )
        raise PolicyError(message)
    ratio = max(camera.width / width, camera.height / height)
    # As lerobot: cut off, not rounded.
    inner_width, inner_height = int(camera.width / ratio), int(camera.height / ratio)
    if not (inner_width and inner_height):
        message = f"{camera.feature} of {camera.width} x {camera.height} pixels is too narrow"
        raise PolicyError(message)
    left, top = width - inner_width, height - inner_height
    if padding == "centred":
        left, top = left // 2, top // 2
    first_col, first_row = left // cell, top // cell
    end_col, end_row = -(-(left + inner_width) // cell), -(-(top + inner_height) // cell)
    across, down = camera.width / inner_width, camera.height / inner_height
    return PaddedCells(
        rows=height // cell,
        cols=width // cell,
        top=first_row,
        bottom=end_row,
        left=first_col,
        right=end_col,
        camera=CameraTokens(
            feature=camera.feature,
            start=0,
            rows=end_row - first_row,
            cols=end_col - first_col,
            height=camera.height,
            width=camera.width,
            x0=((first_col + 0.5) * cell - left) * across - 0.5,
            y0=((first_row + 0.5) * cell - top) * down - 0.5,
            dx=cell * across,
            dy=cell * down,
        ),
    )
