# SPDX-License-Identifier: Apache-2.0
"""Ticks that never arrived, counted by their numbers."""

from __future__ import annotations


class LostTicks:
    """A policy counts its ticks from 0 at start-up; a number that is left out was lost.

    Lower numbers than before mean that the policy started anew; nothing is lost by that. Nor are
    the ticks before the first one that arrived: nobody listened yet.
    """

    def __init__(self) -> None:
        self._last: int | None = None
        self.total = 0

    def go_on_from(self, total: int) -> None:
        """Count on from what was lost before, in a replay that was stopped."""
        self.total = total

    def note(self, tick: int) -> int:
        """Take the number of a tick that arrived; returns how many were lost just before it."""
        lost = 0 if self._last is None else max(0, tick - self._last - 1)
        self._last = tick
        self.total += lost
        return lost
