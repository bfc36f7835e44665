# SPDX-License-Identifier: Apache-2.0
"""Header stamps to seconds of one recording that never go back, whatever the clock did."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

_SECOND = 1e9
# A stamp this much older than the newest one means that the clock began anew.
_RESET_NS = 1_000_000_000
# A stamp that leaps ahead by more than this, and this many times what the bag's own time did (a
# simulation may run faster than the recorder's clock), belongs to another clock.
_LEAP_NS = 60_000_000_000
_FASTEST = 50
# Between the last tick of one clock and the first of the next.
_STEP_S = 0.1
# Reception and stamps this close together come from one clock.
_SAME_CLOCK_S = 5.0


@dataclass(frozen=True)
class _Span:
    """Ticks of one clock: from which reception on, and which stamp [ns] is 0 s."""

    received_ns: int
    origin_ns: int


class Clock:
    """The time axis that a recording's ticks span; everything else is put onto it.

    Args:
        received_ns: when each tick's map was received, in the order of the bag.
        stamps_ns: their header stamps.
    """

    def __init__(self, received_ns: Sequence[int], stamps_ns: Sequence[int]) -> None:
        self._spans: list[_Span] = []
        times = np.zeros(len(stamps_ns))
        newest_stamp, newest_received = 0, 0
        self.out_of_order = 0
        for index, (received, stamp) in enumerate(zip(received_ns, stamps_ns, strict=True)):
            leap = _LEAP_NS + _FASTEST * max(0, received - newest_received)
            if not self._spans:
                self._spans.append(_Span(received, stamp))
                newest_stamp = stamp
            elif not newest_stamp - _RESET_NS <= stamp <= newest_stamp + leap:
                begin = float(times[:index].max()) + _STEP_S
                self._spans.append(_Span(received, stamp - round(begin * _SECOND)))
                newest_stamp = stamp
            self.out_of_order += stamp < newest_stamp
            newest_stamp = max(newest_stamp, stamp)
            newest_received = max(newest_received, received)
            times[index] = (stamp - self._spans[-1].origin_ns) / _SECOND
        #: Of each tick [s], from 0 on; below 0 where the first stamps were out of order.
        self.times = times
        self._starts = [span.received_ns for span in self._spans]
        self._received = np.asarray(received_ns, dtype=np.float64)

    @property
    def jumps(self) -> int:
        """How often the clock began anew or leapt."""
        return max(0, len(self._spans) - 1)

    def time(self, received_ns: int, stamp_ns: int) -> float:
        """Seconds of a message with a header stamp."""
        span = self._spans[max(0, bisect_right(self._starts, received_ns) - 1)]
        return (stamp_ns - span.origin_ns) / _SECOND

    def time_of_reception(self, received_ns: int) -> float:
        """Seconds of a message without a header.

        By the recorder's clock where the stamps are of that clock too; otherwise by the ticks that
        were received about then.
        """
        time_s = self.time(received_ns, received_ns)
        nearby = float(np.interp(received_ns, self._received, self.times))
        return time_s if abs(time_s - nearby) < _SAME_CLOCK_S else nearby
