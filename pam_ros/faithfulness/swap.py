# SPDX-License-Identifier: Apache-2.0
"""Deletion among real pictures: cells are swapped with those of another rendering of the scene.

Blurred and mean pixels are pictures that the policy was never trained on. The simulator renders
the same moment without the cube, or with it elsewhere; a few cells of that rendering are put into
the original picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.faithfulness.probe import distance

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from pam_ros.faithfulness.cells import Cells
    from pam_ros.faithfulness.probe import Chunks, Observation

SWAPPED_SHARE = 0.05
"""Of all cells: 8 of the demo policy's 160, about what the cube covers in two rendered scenes."""


@dataclass(frozen=True)
class Swap:
    """change: distance of the two renderings' chunks. left: what of it the swap did not explain."""

    change: float
    left: float

    @property
    def explained(self) -> float:
        """1 where the swapped cells make the whole change, 0 where they make none of it."""
        return 1.0 - self.left / self.change if self.change > 0 else float("nan")


def swapped_cells(cells: Cells) -> int:
    """How many cells are swapped."""
    return max(1, round(SWAPPED_SHARE * cells.size))


def swaps(
    chunks: Chunks,
    cells: Cells,
    observation: Observation,
    other: Observation,
    orders: Mapping[str, NDArray[np.intp]],
) -> dict[str, Swap]:
    """For each order, how far its first cells carry the chunk towards that of `other`."""
    count = swapped_cells(cells)

    def mixtures() -> Iterator[Observation]:
        yield observation
        yield other
        for order in orders.values():
            first = np.zeros(cells.size, dtype=bool)
            first[order[:count]] = True
            yield cells.mix(observation, other, first)

    results = chunks(mixtures())
    left = distance(results, results[1])
    return {
        name: Swap(change=float(left[0]), left=float(left[2 + index]))
        for index, name in enumerate(orders)
    }
