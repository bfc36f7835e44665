# SPDX-License-Identifier: Apache-2.0
"""Messages about ticks in the order of the ticks, in which a recording need not have them.

A tick whose pass ran beside the commands has its AttentionMap when that pass has ended: messages of
later ticks come before it.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

LATEST_NS = 60_000_000_000
"""No message comes so much after its tick [ns]: one that seems to is of a node that began anew."""


class Arrived(NamedTuple):
    """A message: of which tick, what its header's stamp is and when it was recorded [ns]."""

    tick: int
    stamp_ns: int
    received_ns: int


class Placed(NamedTuple):
    """A message in the order of ticks.

    place: among those that were given. ran_by_ns: when its tick had run at the latest
    [ns]: when it was recorded or, if that was earlier, a message of a later tick.
    """

    place: int
    ran_by_ns: int


def in_tick_order(arrived: Iterable[Arrived]) -> list[Placed]:
    """The messages of one topic in the order of their ticks.

    Ticks never restart while a node runs. A lower number than before is either late, where its
    stamp fits between those of its neighbours, or of a node that began anew: what comes from then
    on stays behind all that came before.

    Args:
        arrived: in the order in which they were recorded.
    """
    runs: list[_Run] = []
    for index, one in enumerate(arrived):
        if not runs or not runs[-1].take(index, one):
            runs.append(_Run())
            runs[-1].take(index, one)
    return [placed for run in runs for placed in run.placed()]


@dataclass
class _Run:
    """Messages of one start of a node; all lists are in the order of the ticks."""

    ticks: list[int] = field(default_factory=list)
    found: list[tuple[int, Arrived]] = field(default_factory=list)

    def take(self, index: int, one: Arrived) -> bool:
        """Put it in its place; False if it is not of this run."""
        place = len(self.ticks)
        if self.ticks and one.tick <= self.ticks[-1]:
            place = bisect_left(self.ticks, one.tick)
            if not self._is_late(place, one):
                return False
        self.ticks.insert(place, one.tick)
        self.found.insert(place, (index, one))
        return True

    def _is_late(self, place: int, one: Arrived) -> bool:
        after = self.found[place][1]
        if after.tick == one.tick or not 0 <= after.stamp_ns - one.stamp_ns <= LATEST_NS:
            return False
        return place == 0 or self.found[place - 1][1].stamp_ns <= one.stamp_ns

    def placed(self) -> list[Placed]:
        ran_by, placed = None, []
        for index, one in reversed(self.found):
            ran_by = one.received_ns if ran_by is None else min(ran_by, one.received_ns)
            placed.append(Placed(index, ran_by))
        return placed[::-1]
