# SPDX-License-Identifier: Apache-2.0
"""Maps that know nothing of the policy, and one that knows the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pam_ros.faithfulness.cells import Cells
    from pam_ros.faithfulness.probe import Probe


def centre_bias(cells: Cells) -> NDArray[np.float64]:
    """Every camera's middle first, (cells,): minus the distance from it, in half picture sizes."""
    centres = cells.centres()
    values = np.empty(cells.size)
    start = 0
    for camera in cells.cameras:
        stop = start + camera.rows * camera.cols
        x, y = centres[start:stop].T
        across = (x - (camera.width - 1) / 2) / (camera.width / 2)
        down = (y - (camera.height - 1) / 2) / (camera.height / 2)
        values[start:stop] = -np.hypot(across, down)
        start = stop
    return values


def cube_cells(cells: Cells, probe: Probe) -> NDArray[np.float64]:
    """The red cube first, by the simulator's segmentation, then by distance from it; (cells,).

    What a map would say that showed the cube and nothing else: it uses the answer, so it is no
    method, but it says how far the figures can tell methods apart. A camera that does not see the
    cube comes last.
    """
    values = np.empty(cells.size)
    centres = cells.centres()
    start = 0
    for camera in cells.cameras:
        stop = start + camera.rows * camera.cols
        mask = probe.cube[camera.feature]
        if mask.any():
            count = np.bincount(cells.of_pixels(camera.feature)[mask], minlength=cells.size)
            y, x = (float(axis.mean()) for axis in np.nonzero(mask))
            away = np.hypot((centres[start:stop, 0] - x), (centres[start:stop, 1] - y))
            covered = count[start:stop] / (camera.dx * camera.dy)
            values[start:stop] = np.where(covered > 0, covered, -away / camera.width)
        else:
            values[start:stop] = -np.inf
        start = stop
    return np.where(np.isfinite(values), values, -1e9)
