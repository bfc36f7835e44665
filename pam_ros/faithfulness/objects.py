# SPDX-License-Identifier: Apache-2.0
"""How much of a map lies on an object, and how far the chunk goes when it is taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pam_ros.faithfulness.probe import distance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pam_ros.faithfulness.cells import Cells
    from pam_ros.faithfulness.probe import Chunks, Observation


def changed(cells: Cells, one: Observation, other: Observation) -> NDArray[np.float64]:
    """How many pixels of each cell differ between two renderings, (cells,)."""
    differs = {c.feature: (one[c.feature] != other[c.feature]).any(axis=-1) for c in cells.cameras}
    return covered(cells, differs)


def covered(cells: Cells, masks: Mapping[str, NDArray[np.bool_]]) -> NDArray[np.float64]:
    """How many pixels of each cell a mask has, (cells,). masks: by feature, (H, W) bool."""
    count = np.zeros(cells.size)
    for camera in cells.cameras:
        chosen = cells.of_pixels(camera.feature)[masks[camera.feature]]
        count += np.bincount(chosen, minlength=cells.size)
    return count


def heat(values: NDArray[np.float64], there: NDArray[np.bool_]) -> tuple[float, float]:
    """A map's heat on some cells, and what would be there if all cells had the same.

    Args:
        values: (cells,) the map.
        there: (cells,) which of them an object covers.
    """
    total = float(values.sum())
    return float(values[there].sum()), total * float(there.mean())


def moved_by(
    chunks: Chunks, observation: Observation, others: Sequence[Observation]
) -> NDArray[np.float64]:
    """How far each other observation's chunk is from this one's, (others,), normalised units."""
    results = chunks([observation, *others])
    return np.asarray(distance(results[1:], results[0]))
