# SPDX-License-Identifier: Apache-2.0
"""The observation sets of a recording: those that the live node would have looked at.

Messages pass through the same synchroniser, in the order of arrival. What stands in for the node's
clock is the newest stamp. A stamp that jumps moves it only if the other sources jump too: one wrong
stamp, or one clock that was set, must not cost what the others still give.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pam_ros.observations.no_sets import SourceStamps, why_no_sets
from pam_ros.observations.waiting_line import Arrival, WaitingLine
from pam_ros.robot.sources import contract_sources
from pam_ros.robot.sync import Synchroniser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pam_ros.robot.contract import Contract
    from pam_ros.robot.sync import MessageSet

_SECOND = 1_000_000_000
_LEFT_OUT = ("duplicate", "overflow", "future", "clock_reset")


@dataclass(frozen=True)
class RecordedSet:
    """A set of messages. restart: the clock was set back before it, so that an episode starts."""

    seen: MessageSet
    restart: bool


class RecordedSets:
    """A set for every image of the trigger camera, or by the contract's rate.

    Args:
        contract: names the sources, the trigger, the tolerance and the greatest age.
        rate_hz: sets at this rate instead, whatever the contract's trigger.
    """

    def __init__(self, contract: Contract, rate_hz: float | None = None) -> None:
        trigger = None if rate_hz else contract.trigger
        self._contract = contract
        self._trigger = trigger
        self._sources = {source.name: source for source in contract_sources(contract)}
        # Arrivals are put among the stamps of the others; without any they are the time.
        self._by_arrival = not any(source.stamped for source in self._sources.values())
        self._synchroniser = Synchroniser.for_contract(replace(contract, trigger=trigger))
        self._max_age = round(contract.max_age_s * _SECOND)
        self._period = 0 if trigger else round(_SECOND / (rate_hz or contract.rate_hz))
        self._next_tick = 0
        self._now = self._now_received = 0
        self._restart = False
        self._line = WaitingLine(self._max_age)
        self._counts: Counter[str] = Counter()
        self._triggers: set[int] = set()
        self._stamps: dict[str, SourceStamps] = {}

    @property
    def counts(self) -> Counter[str]:
        """What was not used, or not in order, by cause; ticks without a new set are no loss."""
        counts = self._counts.copy()
        for cause in _LEFT_OUT:
            counts[cause] += self._synchroniser.counts[cause]
        counts["out_of_order"] += self._line.out_of_order
        counts["unmatched_trigger"] += len(self._triggers)
        return +counts

    def add(
        self, source: str, stamp_ns: int, received_ns: int, message: Any
    ) -> Iterator[RecordedSet]:
        """Take a message; the sets that are complete by now.

        Args:
            source: as the synchroniser names it.
            stamp_ns: of its header [ns]; whatever for a source whose messages have none.
            received_ns: when it was recorded [ns].
            message: what the set is to hold.
        """
        known = self._sources[source]
        if known.stamped:
            self._stamps.setdefault(source, SourceStamps()).take(stamp_ns)
            if stamp_ns <= 0:
                self._counts["unstamped"] += 1
                return
        timed = known.stamped or self._by_arrival
        stamp_ns = known.time_ns(stamp_ns, received_ns) if timed else 0
        self._line.put(Arrival(source, stamp_ns, received_ns, message))
        for arrival in self._line.due():
            yield from self._take(arrival)

    def end(self) -> Iterator[RecordedSet]:
        """The recording is over: the sets of what still waits."""
        for arrival in self._line.rest():
            yield from self._take(arrival)
        if self._period and self._next_tick and self._now >= self._next_tick:
            yield from self._tick()

    def why_none(self) -> str:
        """If there was no set: which source's messages or stamps are at fault, and the cure."""
        return why_no_sets(self._contract, self._stamps)

    def _take(self, arrival: Arrival) -> Iterator[RecordedSet]:
        stamp = arrival.stamp_ns or self._arrived(arrival)
        if self._clock_goes_to(stamp):
            if stamp < self._now - _SECOND:
                self._begin_anew()
            if self._next_tick and max(self._now, stamp) > self._next_tick:
                # As a timer: with all that has come until then. Nothing came in between, so that
                # the grid's further times up to this message would show nothing new.
                yield from self._tick()
                missed = -(-(max(self._now, stamp) - self._next_tick) // self._period)
                self._next_tick += missed * self._period
            if arrival.stamp_ns > self._now:
                self._now, self._now_received = arrival.stamp_ns, arrival.received_ns
        if arrival.source == self._trigger:
            self._triggers.add(stamp)
        self._synchroniser.add(arrival.source, stamp, arrival.message)
        if not self._period:
            yield from self._tick()
        elif not self._next_tick:
            # The grid begins with the first set.
            for first in self._tick():
                self._next_tick = self._now + self._period
                yield first

    def _arrived(self, arrival: Arrival) -> int:
        """What time a message without a stamp is of [ns]."""
        moment = self._moment(arrival.received_ns)
        return self._sources[arrival.source].time_ns(0, moment)

    def _moment(self, received_ns: int) -> int:
        """The clock when a message without a stamp came [ns]: between the stamps around it."""
        following = self._line.next_stamp
        if not self._now:
            return following
        ahead = following - self._now if following else self._max_age
        passed = min(received_ns - self._now_received, ahead, self._max_age)
        return self._now + max(passed, 0)

    def _clock_goes_to(self, stamp: int) -> bool:
        """Whether this stamp is of the clock's time, or the clock jumps to it.

        It jumps if most of the messages that come next, one of each source, have left the old time.
        """
        if self._now and self._now - _SECOND <= stamp <= self._now + self._max_age:
            return True
        following = self._line.following()
        if self._now and stamp < self._now:
            left = sum(next_stamp < self._now - _SECOND for next_stamp in following)
            # Of all sources: where the recording ends, the last one to speak is no majority.
            return 2 * left > len(self._stamps)
        there = sum(next_stamp >= stamp - self._max_age for next_stamp in following)
        return not following or 2 * there > len(following)

    def _begin_anew(self) -> None:
        """Simulated time was reset, or a recording began from its start again."""
        self._counts["clock_jump"] += 1
        self._counts["unmatched_trigger"] += len(self._triggers)
        self._triggers.clear()
        self._synchroniser.clear()
        self._now = self._next_tick = 0
        self._restart = True

    def _tick(self) -> Iterator[RecordedSet]:
        found = self._synchroniser.newest(self._now) if self._now else None
        if found is None:
            return
        if self._trigger is not None:
            self._triggers.discard(found.stamps[self._trigger])
        restart, self._restart = self._restart, False
        yield RecordedSet(found, restart)
