# SPDX-License-Identifier: Apache-2.0
"""Observation sets of raw topics, by header stamps: what the live node would look at.

Messages are put into the order of their stamps within a second, so that a late one is not lost; a
stamp that goes back farther than that is a clock that was set back, and begins an episode.
"""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from pam_ros.replay.observed import ObservedTick, Stamped
from pam_ros.robot.sync import ENVIRONMENT, Synchroniser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pam_ros.bags.reader import BagMessage
    from pam_ros.robot.contract import Contract

_SECOND = 1_000_000_000
WINDOW_NS = _SECOND


class ByStamps:
    """A tick for every image of the trigger camera, or by the contract's rate."""

    def __init__(self, contract: Contract, rate_hz: float | None = None) -> None:
        trigger = None if rate_hz else contract.trigger
        self._trigger = trigger
        self._synchroniser = Synchroniser.for_contract(replace(contract, trigger=trigger))
        self._period = 0 if trigger else round(_SECOND / (rate_hz or contract.rate_hz))
        self._next_tick = 0
        self._heap: list[tuple[int, int, int, Stamped]] = []
        self._number = 0
        self._last: dict[str, int] = {}
        self._segment: Counter[str] = Counter()
        self._front = (0, 0)
        self._released_segment = 0
        self._now = 0
        self._restart = False
        self._counts: Counter[str] = Counter()
        self._triggers: set[int] = set()

    @property
    def counts(self) -> Counter[str]:
        """What was not used, or not in order, by cause; ticks without a new set are no loss."""
        counts = self._counts.copy()
        for cause in ("duplicate", "unstamped", "overflow", "future"):
            counts[cause] += self._synchroniser.counts[cause]
        counts["unmatched_trigger"] = len(self._triggers)
        return +counts

    def add(self, source: str, stamp_ns: int, message: BagMessage) -> Iterator[ObservedTick]:
        """Take a message; ticks that its coming makes due."""
        if source == ENVIRONMENT:
            # It carries no stamp: that of what came last stands in for one.
            segment, stamp_ns = self._front
        elif stamp_ns <= 0:
            self._counts["unstamped"] += 1
            return
        else:
            last = self._last.get(source, stamp_ns)
            if stamp_ns < last - WINDOW_NS:
                self._segment[source] += 1
            elif stamp_ns < last:
                self._counts["out_of_order"] += 1
            if stamp_ns >= last or stamp_ns < last - WINDOW_NS:
                self._last[source] = stamp_ns
            segment = self._segment[source]
            self._front = max(self._front, (segment, stamp_ns))
        self._number += 1
        stamped = Stamped(source, stamp_ns, message)
        heapq.heappush(self._heap, (segment, stamp_ns, self._number, stamped))
        yield from self._release(self._front[1] - WINDOW_NS)

    def end(self) -> Iterator[ObservedTick]:
        """The recording is over."""
        yield from self._release(None)
        if self._period and self._next_tick and self._now >= self._next_tick:
            yield from self._tick()

    def _release(self, until_ns: int | None) -> Iterator[ObservedTick]:
        while self._heap:
            segment, stamp, _, stamped = self._heap[0]
            waits = segment == self._front[0] and until_ns is not None and stamp > until_ns
            if waits:
                return
            heapq.heappop(self._heap)
            if segment > self._released_segment:
                self._released_segment = segment
                self._counts["clock_jump"] += 1
                self._synchroniser.clear()
                self._now = self._next_tick = 0
                self._restart = True
            yield from self._take(stamped)

    def _take(self, stamped: Stamped) -> Iterator[ObservedTick]:
        if stamped.source == self._trigger:
            self._triggers.add(stamped.stamp_ns)
        if self._period and self._next_tick and stamped.stamp_ns > self._next_tick:
            # As a timer: with all that has come until then. Nothing came in between, so that the
            # grid's further times up to this message would show nothing new.
            yield from self._tick()
            missed = -(-(stamped.stamp_ns - self._next_tick) // self._period)
            self._next_tick += missed * self._period
        self._synchroniser.add(stamped.source, stamped.stamp_ns, stamped)
        self._now = max(self._now, stamped.stamp_ns)
        if not self._period:
            yield from self._tick()
        elif not self._next_tick:
            # The grid begins with the first set.
            for first in self._tick():
                self._next_tick = self._now + self._period
                yield first

    def _tick(self) -> Iterator[ObservedTick]:
        found = self._synchroniser.newest(self._now)
        if found is None:
            return
        if self._trigger is not None:
            self._triggers.discard(found.stamps[self._trigger])
        restart, self._restart = self._restart, False
        received = max(one.message.stamp_ns for one in found.messages.values())
        yield ObservedTick(found.messages, received, restart=restart)
