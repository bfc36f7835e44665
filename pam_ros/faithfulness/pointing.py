# SPDX-License-Identifier: Apache-2.0
"""The pointing game: is the strongest cell on the object?

Zhang, Lin, Brandt, Shen and Sclaroff, Top-Down Neural Attention by Excitation Backprop (IJCV 2018,
https://arxiv.org/abs/1608.00507). Their tolerance is 15 pixels; a cell is known to one cell here,
so a hit is a strongest cell whose centre has a pixel of the object within one cell to each side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pam_ros.faithfulness.cells import Cells

TOLERANCE_CELLS = 1.0


def hits(cells: Cells, masks: Mapping[str, NDArray[np.bool_]]) -> NDArray[np.bool_] | None:
    """Which cells would be a hit, (cells,); None where no camera sees the object.

    masks: by camera feature, (height, width) bool, where the object is.
    """
    if not any(mask.any() for mask in masks.values()):
        return None
    parts = []
    for camera in cells.cameras:
        y, x = np.nonzero(masks[camera.feature])
        near = np.zeros((camera.rows, camera.cols), dtype=bool)
        for row in range(camera.rows):
            close = np.abs(y - (camera.y0 + row * camera.dy)) <= TOLERANCE_CELLS * camera.dy
            for col in range(camera.cols):
                across = np.abs(x[close] - (camera.x0 + col * camera.dx))
                near[row, col] = bool((across <= TOLERANCE_CELLS * camera.dx).any())
        parts.append(near.ravel())
    return np.asarray(np.concatenate(parts))
