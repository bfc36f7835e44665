# SPDX-License-Identifier: Apache-2.0
"""Which of many goes with which, at the least cost altogether, and where nothing decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


def assign(cost: npt.NDArray[np.float64]) -> list[int]:
    """The column of each row, no column twice, so that the sum of costs is least.

    The Hungarian method, by shortest augmenting paths (Jonker and Volgenant, 1987).

    Args:
        cost: (rows, columns) float64, finite; at least as many columns as rows.
    """
    rows, columns = cost.shape
    row_price, column_price = np.zeros(rows + 1), np.zeros(columns + 1)
    owner = np.zeros(columns + 1, np.int64)  # row of each column, from 1; 0: none
    before = np.zeros(columns + 1, np.int64)
    for row in range(1, rows + 1):
        owner[0], column = row, 0
        least = np.full(columns + 1, np.inf)
        used = np.zeros(columns + 1, bool)
        while owner[column]:
            used[column] = True
            at = owner[column]
            reduced = cost[at - 1] - row_price[at] - column_price[1:]
            better = ~used[1:] & (reduced < least[1:])
            least[1:][better] = reduced[better]
            before[1:][better] = column
            following = int(np.argmin(np.where(used, np.inf, least)))
            step = least[following]
            row_price[owner[used]] += step
            column_price[used] -= step
            least[~used] -= step
            column = following
        while column:
            owner[column], column = owner[before[column]], int(before[column])
    found = [-1] * rows
    for column in range(1, columns + 1):
        if owner[column]:
            found[owner[column] - 1] = column - 1
    return found


def rivals(cost: npt.NDArray[np.float64], chosen: list[int], slack: float) -> list[list[int]]:
    """Of each row, other columns with which the whole would cost at most `slack` more.

    Args:
        cost: (rows, columns) float64.
        chosen: by `assign`.
        slack: in the unit of the costs.
    """
    rows = range(len(chosen))
    least = sum(float(cost[row, chosen[row]]) for row in rows)
    found: list[list[int]] = [[] for _ in rows]
    far = float(np.abs(cost).sum()) + 1.0
    for row in rows:
        for column in range(cost.shape[1]):
            if column == chosen[row]:
                continue
            forced = cost.copy()
            forced[row] = far
            forced[row, column] = cost[row, column]
            other = assign(forced)
            total = sum(float(forced[each, other[each]]) for each in rows)
            if total <= least + slack:
                found[row].append(column)
    return found
