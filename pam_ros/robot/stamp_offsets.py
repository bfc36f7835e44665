# SPDX-License-Identifier: Apache-2.0
"""Whether one source is stamped by a clock that is off, told by when its messages arrive."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.robot.sources import contract_sources

if TYPE_CHECKING:
    from pam_ros.robot.contract import Contract

_LEAST_S = 0.2
"""A driver may take as long as this from picture to message."""
_MOST = 4096
_FEWEST = 3


@dataclass
class _Delays:
    """Of a source, from stamp to reception [ns]: of all its messages, or every 2nd, 4th and so on.

    A recording may have millions of messages, and is worked off in one pass.
    """

    every: int = 1
    seen: int = 0
    kept: list[int] = field(default_factory=list)

    def add(self, delay_ns: int) -> None:
        """One more message."""
        if self.seen % self.every == 0:
            self.kept.append(delay_ns)
        self.seen += 1
        if len(self.kept) > _MOST:
            del self.kept[1::2]
            self.every *= 2


class StampOffsets:
    """Of the sources that have stamps: how long after them the messages arrive."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._sources = {each.name: each for each in contract_sources(contract) if each.stamped}
        self._delays = {name: _Delays() for name in self._sources}

    def take(self, source: str, stamp_ns: int, received_ns: int) -> None:
        """A message: its header's stamp and its arrival [ns]."""
        if stamp_ns > 0 and source in self._sources:
            time = self._sources[source].time_ns(stamp_ns, received_ns)
            self._delays[source].add(received_ns - time)

    @property
    def notes(self) -> list[str]:
        """A sentence for each topic whose stamps are always as far off those of the others.

        The clock of the arrivals may be another one than the robot's, so that only differences
        count: from the source whose stamps are nearest to it.
        """
        middles = {
            name: float(np.median(delays.kept)) * 1e-9
            for name, delays in self._delays.items()
            if len(delays.kept) >= _FEWEST
        }
        if len(middles) < 2:
            return []
        nearest = min(middles, key=lambda name: abs(middles[name]))
        notes = (
            self._note(name, delay, middles[nearest], nearest) for name, delay in middles.items()
        )
        # Cameras that share a topic share its stamps, and their topic names it.
        return list(dict.fromkeys(note for note in notes if note))

    def _note(self, name: str, delay: float, near: float, nearest: str) -> str:
        tolerance = self._contract.sync_tolerance_s
        off = delay - near
        if abs(off) <= max(2 * tolerance, _LEAST_S) or not self._steady(name, tolerance):
            return ""
        source, other = self._sources[name], self._sources[nearest]
        way = "behind" if off > 0 else "ahead of"
        offset = source.stamping.offset_s + off
        return (
            f"{source.who}: its stamps are {round(abs(off), 2):.12g} s {way} its arrival, measured "
            f"by those of {other.topic}, and always as much: if its clock is off, write "
            f"'stamp_offset_s: {round(offset, 2):.12g}' for it in the contract"
        )

    def _steady(self, name: str, tolerance: float) -> bool:
        low, high = np.percentile(self._delays[name].kept, [10, 90])
        return bool((high - low) * 1e-9 <= tolerance)
