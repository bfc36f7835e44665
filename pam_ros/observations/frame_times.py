# SPDX-License-Identifier: Apache-2.0
"""When the frames of a data set were: as they were recorded, or by the data set's rate."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

_SECOND = 1_000_000_000

FrameTimes = list[tuple[int, "Mapping[str, int]"]]
"""Of each frame, when it was received and the stamps of its messages by source [ns]."""


def recorded_times(
    columns: Mapping[str, NDArray[np.int64]], chosen: Sequence[int], lengths: Mapping[int, int]
) -> dict[int, FrameTimes] | None:
    """By episode; None if stamps go back, so that one could be taken for another episode's.

    Args:
        columns: (frames,) stamps of the whole data set, by source [ns].
        chosen: episodes, in order.
        lengths: frames of each episode.
    """
    starts = np.cumsum([0, *(lengths[episode] for episode in sorted(lengths))])
    rows = [np.arange(starts[episode], starts[episode + 1]) for episode in chosen]
    if not all(_rises(column, rows) for column in columns.values()):
        return None
    return {
        episode: [_at({name: int(column[row]) for name, column in columns.items()}) for row in own]
        for episode, own in zip(chosen, rows, strict=True)
    }


def times_on_a_grid(
    names: Sequence[str],
    chosen: Sequence[int],
    lengths: Mapping[int, int],
    start_ns: int,
    period_ns: int,
) -> dict[int, FrameTimes]:
    """By episode; between two of them lies a second.

    Args:
        names: of the sources, which share each stamp.
        chosen: episodes, in order.
        lengths: frames of each episode.
        start_ns: the first stamp [ns].
        period_ns: between two frames [ns].
    """
    found: dict[int, FrameTimes] = {}
    for episode in chosen:
        grid = (start_ns + frame * period_ns for frame in range(lengths[episode]))
        found[episode] = [_at(dict.fromkeys(names, moment)) for moment in grid]
        start_ns += lengths[episode] * period_ns + _SECOND
    return found


def _at(stamps: Mapping[str, int]) -> tuple[int, Mapping[str, int]]:
    return max(stamps.values()), stamps


def _rises(column: NDArray[np.int64], rows: Sequence[NDArray[np.int64]]) -> bool:
    """Whether stamps never go back, and those of one episode lie before the next one's."""
    within = all((np.diff(column[own]) >= 0).all() for own in rows)
    ends = [(column[own[0]], column[own[-1]]) for own in rows]
    return within and all(one[1] < other[0] for one, other in pairwise(ends))
