# SPDX-License-Identifier: Apache-2.0
"""Deletion and insertion: how fast the chunk goes away, and comes back, along a map's ranking.

Petsiuk, Das and Saenko, RISE (BMVC 2018, https://arxiv.org/abs/1806.07421), measure a class
probability; a policy has none, so what is measured here is the distance of the predicted chunk from
that of the unspoilt pictures: root mean square over the chunk, in normalised units. The joint state
stays as it is throughout.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.attention.errors import AttentionError
from pam_ros.faithfulness.probe import distance

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from pam_ros.faithfulness.cells import Cells
    from pam_ros.faithfulness.perturbation import Spoil
    from pam_ros.faithfulness.probe import Chunks, Observation

FRACTIONS = (0.0, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Shares of all cells that are replaced or put back; dense where a good map does its work."""


@dataclass(frozen=True, eq=False)
class Curves:
    """Distances from the original chunk, (fractions,) float64, in normalised units.

    deletion: with the first cells replaced; from 0 to `full`. insertion: with all but the first
    cells replaced; from `full` to 0. full: with every cell replaced.
    """

    deletion: NDArray[np.float64]
    insertion: NDArray[np.float64]
    full: float


def curves(
    chunks: Chunks,
    cells: Cells,
    observation: Observation,
    replaced: Observation,
    orders: Mapping[str, NDArray[np.intp]],
    fractions: Sequence[float] = FRACTIONS,
    spoil: Spoil | None = None,
) -> dict[str, Curves]:
    """The two curves of each order.

    Args:
        chunks: the policy.
        cells: its cells.
        observation: the original.
        replaced: the same with every cell's pixels replaced.
        orders: by method, all cells, the most important first.
        fractions: rising, the first 0 and the last 1.
        spoil: how some cells are replaced; without one they take the pixels of `replaced`.

    Raises:
        AttentionError: the fractions are not such.
    """
    if (
        len(fractions) < 2
        or fractions[0] != 0
        or fractions[-1] != 1
        or min(np.diff(fractions)) <= 0
    ):
        message = f"fractions {tuple(fractions)} must rise from 0 to 1"
        raise AttentionError(message)
    counts = [round(fraction * cells.size) for fraction in fractions[1:-1]]
    spoilt = spoil or cells.mix

    def mixtures() -> Iterator[Observation]:
        yield observation
        yield replaced
        for order in orders.values():
            for count in counts:
                first = np.zeros(cells.size, dtype=bool)
                first[order[:count]] = True
                yield spoilt(observation, replaced, first)
                yield spoilt(observation, replaced, ~first)

    results = chunks(mixtures())
    away = distance(results, results[0])
    full = float(away[1])
    found = away[2:].reshape(len(orders), len(counts), 2)
    return {
        name: Curves(
            deletion=np.concatenate([[0.0], found[index, :, 0], [full]]),
            insertion=np.concatenate([[full], found[index, :, 1], [0.0]]),
            full=full,
        )
        for index, name in enumerate(orders)
    }


def area(curve: NDArray[np.float64], fractions: Sequence[float] = FRACTIONS) -> float:
    """Under the curve, by trapezoids, in the curve's unit."""
    heights = (curve[1:] + curve[:-1]) / 2
    return float((heights * np.diff(fractions)).sum())
