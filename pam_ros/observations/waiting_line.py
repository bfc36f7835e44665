# SPDX-License-Identifier: Apache-2.0
"""A second of a recording's messages, in the order in which a live node would have had them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

WAIT_NS = 1_000_000_000
"""How long a message waits, by the recorder's clock [ns]."""
_MOST = 400


@dataclass(frozen=True)
class Arrival:
    """A message of a source: its header's stamp, 0 if it has none, and its reception [ns]."""

    source: str
    stamp_ns: int
    received_ns: int
    message: Any


class WaitingLine:
    """Messages in the order of arrival, but those of one source in the order of their stamps.

    `out_of_order` counts messages with an older stamp than their predecessor.

    Args:
        latest_ns: only what is out of order by this much at most is moved [ns]. A stamp that is
            farther off is not late: it is wrong, or of another clock.
    """

    def __init__(self, latest_ns: int) -> None:
        self._window = latest_ns
        self._line: list[Arrival] = []
        self._previous: dict[str, int] = {}
        self._highest: dict[str, int] = {}
        self._latest_ns = 0
        self.out_of_order = 0

    def put(self, arrival: Arrival) -> None:
        """Take a message."""
        self._latest_ns = arrival.received_ns
        newer = self._newer(arrival) if arrival.stamp_ns else []
        if not newer:
            self._line.append(arrival)
        elif len(newer) == 1:
            # One of the two has an odd stamp, and which one is not known yet. That the other one
            # waits a little longer is right for both: nothing is taken before it came.
            self._line += [arrival, self._line.pop(newer[0])]
        else:
            self._line.insert(newer[0], arrival)

    def due(self) -> Iterator[Arrival]:
        """Take out what has waited long enough."""
        # The recorder's clock may have been set, too.
        while self._line and (
            abs(self._latest_ns - self._line[0].received_ns) > WAIT_NS or len(self._line) > _MOST
        ):
            yield self._line.pop(0)

    def rest(self) -> Iterator[Arrival]:
        """Take out all of it: the recording is over."""
        while self._line:
            yield self._line.pop(0)

    @property
    def next_stamp(self) -> int:
        """Of the next message that has one [ns]; 0 if none does."""
        return next((arrival.stamp_ns for arrival in self._line if arrival.stamp_ns), 0)

    def following(self) -> list[int]:
        """The next stamp [ns] of each source that has one."""
        stamps: dict[str, int] = {}
        for arrival in self._line:
            if arrival.stamp_ns:
                stamps.setdefault(arrival.source, arrival.stamp_ns)
        return list(stamps.values())

    def _newer(self, arrival: Arrival) -> list[int]:
        """Where messages of the same source wait whose stamps are a little newer."""
        source, stamp = arrival.source, arrival.stamp_ns
        previous = self._previous.get(source, stamp)
        self._previous[source] = stamp
        self.out_of_order += previous - WAIT_NS <= stamp < previous
        highest = self._highest.get(source, stamp)
        if not highest - self._window <= stamp < highest:
            self._highest[source] = stamp
            return []
        return [
            place
            for place, one in enumerate(self._line)
            if one.source == source and stamp < one.stamp_ns <= stamp + self._window
        ]
