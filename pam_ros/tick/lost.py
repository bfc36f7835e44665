# SPDX-License-Identifier: Apache-2.0
"""Ticks that never arrived, counted by their numbers."""

from __future__ import annotations

from collections import deque

_REMEMBERED = 4096
"""So many missing ticks may still come; more are lost for good."""


class LostTicks:
    """A policy counts its ticks from 0 at start-up; a number that is left out was lost.

    A tick that comes after later ones, as one whose pass ran beside the commands does, was not.
    Nor are the ticks before the first one that arrived: nobody listened yet. One of these may still
    come, late, and changes nothing. Other lower numbers than before mean that the policy started
    anew, and nothing is lost by that; where time went back as well, the second one tells.

    total: lost so far. late: whether the tick noted last came after later ones.
    """

    def __init__(self) -> None:
        self._first = 0
        self._last: int | None = None
        self._newest_ns = 0
        # A tick from before the first one: late, or the first one of a policy that started anew.
        self._before: tuple[int, int] | None = None
        self._missing: deque[int] = deque(maxlen=_REMEMBERED)
        self.total = 0
        self.late = False

    def go_on_from(self, total: int) -> None:
        """Count on from what was lost before, in a replay that was stopped."""
        self.total = total

    def note(self, tick: int, stamp_ns: int = 0) -> int:
        """Take the number of a tick that arrived; returns how many were lost just before it.

        Args:
            tick: its number.
            stamp_ns: of its observation [ns].
        """
        older = self._last is not None and tick < self._last and stamp_ns <= self._newest_ns
        self.late = older and tick in self._missing
        if self.late:
            self._missing.remove(tick)
            self.total -= 1
            return 0
        if older and self._began_anew_before(tick, stamp_ns):
            assert self._before is not None
            self._begin(*self._before)
        elif older and tick < self._first:
            self._before = (tick, stamp_ns)
            self.late = True
            return 0
        self._before = None
        if self._last is None or tick <= self._last:
            self._begin(tick, stamp_ns)
            return 0
        lost = tick - self._last - 1
        self._missing.extend(range(max(self._last + 1, tick - _REMEMBERED), tick))
        self._last, self._newest_ns = tick, stamp_ns
        self.total += lost
        return lost

    def _begin(self, tick: int, stamp_ns: int) -> None:
        """Count from this tick on."""
        self._missing.clear()
        self._first = self._last = tick
        self._newest_ns = stamp_ns

    def _began_anew_before(self, tick: int, stamp_ns: int) -> bool:
        """Whether a tick goes on from the one before it that was too early for this run."""
        if self._before is None:
            return False
        before, before_ns = self._before
        return tick > before and stamp_ns >= before_ns
