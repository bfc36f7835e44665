# SPDX-License-Identifier: Apache-2.0
"""Observation sets by the stamps that recorded AttentionMaps name."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import replace
from typing import TYPE_CHECKING

from pam_ros.observations.observed import ObservedTick, Stamped
from pam_ros.robot.sources import contract_sources

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pam_ros.bags.reader import BagMessage
    from pam_ros.observations.recorded_tick import RecordedTick
    from pam_ros.robot.contract import Contract

_LATEST = 2048
# Of pictures, which are large.
_LATEST_PICTURES = 64
PATIENCE_NS = 5_000_000_000
"""A set waits so long, in the recording's time, for messages that were recorded late."""


class ByMaps:
    """Every recorded tick, in the order of the ticks.

    Only messages that a tick names are kept, and only until it is complete: by their headers' own
    stamps, whatever the contract says of them. Of what carries no stamp, or is not named by the
    maps, the newest one that came before the map is taken; of what counts by its arrival, that
    came before the newest stamp of the tick. Of sources whose messages may each hold a part, those
    that came before are taken along.
    """

    def __init__(self, ticks: Sequence[RecordedTick], contract: Contract) -> None:
        sources = contract_sources(contract)
        self._sources = {source.name: source for source in sources}
        self._merged = {source.name for source in sources if source.merged}
        self._max_age = round(contract.max_age_s * 1e9)
        self.counts: Counter[str] = Counter()
        constant = self._constant(ticks)
        if constant:
            ticks = [
                replace(tick, stamps={k: v for k, v in tick.stamps.items() if k not in constant})
                for tick in ticks
            ]
        self._waiting = deque(ticks)
        self._uses: Counter[tuple[str, int]] = Counter(
            (source, stamp) for tick in ticks for source, stamp in tick.stamps.items()
        )
        self._kept: dict[tuple[str, int], Stamped] = {}
        self._newest: dict[str, deque[Stamped]] = {
            source.name: deque(maxlen=_LATEST_PICTURES if source.camera else _LATEST)
            for source in sources
            if not (source.camera and source.stamped)
        }
        self._named = {source for source, _ in self._uses}

    def _constant(self, ticks: Sequence[RecordedTick]) -> set[str]:
        """What counts from its arrival and has the same stamp in all ticks: it names no message."""
        named: dict[str, set[int]] = {}
        for tick in ticks:
            for source, stamp in tick.stamps.items():
                if source in self._sources and not self._sources[source].stamped:
                    named.setdefault(source, set()).add(stamp)
        return {source for source, stamps in named.items() if len(stamps) == 1 < len(ticks)}

    def add(self, source: str, stamp_ns: int, message: BagMessage) -> Iterator[ObservedTick]:
        """Take a message; ticks that are complete with it."""
        key = (source, stamp_ns)
        known = self._sources[source]
        # Without a header it is as old as its tick says; observe() goes by the others.
        time = known.time_ns(stamp_ns, message.stamp_ns) if known.has_header else 0
        stamped = Stamped(source, time, message)
        if source in self._newest and (source not in self._named or source in self._merged):
            self._newest[source].append(stamped)
        if key in self._uses:
            kept = self._kept.setdefault(key, stamped)
            # Drivers that take turns may stamp alike.
            in_turns = source in self._merged and kept.message.data != message.data
            if kept is not stamped and not in_turns:
                self.counts["duplicate"] += 1
        yield from self._ready(message.stamp_ns)

    def end(self) -> Iterator[ObservedTick]:
        """The recording is over: what has to go without some of its messages."""
        yield from self._ready(None)

    def _ready(self, now_ns: int | None) -> Iterator[ObservedTick]:
        while self._waiting:
            tick = self._waiting[0]
            late = now_ns is None or now_ns > tick.received_ns + PATIENCE_NS
            early = not late and now_ns is not None and now_ns <= _moment(tick)
            found = None if early and self._needs_arrivals(tick) else self._find(tick, late=late)
            if found is None:
                return
            self._waiting.popleft()
            missing = tuple(source for source in self._sources if source not in found)
            for key in tick.stamps.items():
                self._uses[key] -= 1
                if self._uses[key] <= 0:
                    del self._uses[key]
                    self._kept.pop(key, None)
            earlier = {
                source: self._earlier(found[source], tick)
                for source in self._merged
                if source in found
            }
            yield ObservedTick(
                found, tick.received_ns, recorded=tick, missing=missing, earlier=earlier
            )

    def _needs_arrivals(self, tick: RecordedTick) -> bool:
        """Whether one of its messages is known by its arrival alone, though it has a header."""
        return any(
            source.has_header and not source.stamped and name not in tick.stamps
            for name, source in self._sources.items()
        )

    def _find(self, tick: RecordedTick, *, late: bool) -> dict[str, Stamped] | None:
        """The tick's messages; None where some may still come."""
        found = {}
        for source in self._sources:
            if source in tick.stamps:
                kept = self._kept.get((source, tick.stamps[source]))
            else:
                kept = self._before(source, tick)
            if kept is not None:
                found[source] = self._at_tick(kept, tick)
            elif not late:
                return None
        return found

    def _at_tick(self, kept: Stamped, tick: RecordedTick) -> Stamped:
        """What counts from its arrival came before the tick, whatever the recorder's clock says."""
        if self._sources[kept.source].stamped or kept.stamp_ns <= tick.stamp_ns:
            return kept
        return replace(kept, stamp_ns=tick.stamp_ns)

    def _earlier(self, newest: Stamped, tick: RecordedTick) -> list[BagMessage]:
        """What came before a message of its source, and was not too old at the tick."""
        oldest = tick.stamp_ns - self._max_age
        found = [
            stamped
            for stamped in self._newest[newest.source]
            if oldest <= stamped.stamp_ns <= newest.stamp_ns
            and stamped.message is not newest.message
            and stamped.message.stamp_ns <= tick.received_ns
        ]
        # The newest first; of one stamp, the one that came last.
        found.sort(key=lambda each: (each.stamp_ns, each.message.stamp_ns), reverse=True)
        return [stamped.message for stamped in found]

    def _before(self, source: str, tick: RecordedTick) -> Stamped | None:
        """The newest message of a source that the maps do not name, as it was at the tick."""
        known, best = self._sources[source], None
        by_arrival = None
        for stamped in self._newest.get(source, ()):
            if known.stamped:
                fits = stamped.stamp_ns <= tick.stamp_ns
            else:
                fits = stamped.message.stamp_ns <= tick.received_ns
                if known.has_header and fits and stamped.stamp_ns <= tick.stamp_ns:
                    by_arrival = stamped
            if fits:
                best = stamped
        # In simulated time the recorder's clock is another than the tick's.
        return by_arrival or best


def _moment(tick: RecordedTick) -> int:
    """By when its messages had come, by the recorder's clock [ns].

    That is the robot's as well, unless time was simulated.
    """
    passed = tick.received_ns - tick.stamp_ns
    return tick.stamp_ns if 0 <= passed <= PATIENCE_NS else tick.received_ns
