# SPDX-License-Identifier: Apache-2.0
"""Observation sets by the stamps that recorded AttentionMaps name."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING

from pam_ros.replay.observed import ObservedTick, Stamped
from pam_ros.robot.sync import ENVIRONMENT, STATE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pam_ros.bags.reader import BagMessage
    from pam_ros.replay.recorded import RecordedTick

PATIENCE_NS = 5_000_000_000
"""A set waits so long, in the recording's time, for messages that were recorded late."""


class ByMaps:
    """Every recorded tick, in the order of the recording.

    Only messages that a tick names are kept, and only until it is complete. Of what carries no
    stamp, or is not named by the maps, the newest one that came before the map is taken.
    """

    def __init__(self, ticks: Sequence[RecordedTick], sources: Sequence[str]) -> None:
        self._waiting = deque(ticks)
        self._sources = tuple(sources)
        self.counts: Counter[str] = Counter()
        self._uses: Counter[tuple[str, int]] = Counter(
            (source, stamp) for tick in ticks for source, stamp in tick.stamps.items()
        )
        self._kept: dict[tuple[str, int], Stamped] = {}
        self._newest: dict[str, deque[Stamped]] = {
            ENVIRONMENT: deque(maxlen=2048),
            STATE: deque(maxlen=2048),
        }
        self._named = {source for source, _ in self._uses}

    def add(self, source: str, stamp_ns: int, message: BagMessage) -> Iterator[ObservedTick]:
        """Take a message; ticks that are complete with it."""
        key = (source, stamp_ns)
        stamped = Stamped(source, stamp_ns, message)
        if source not in self._named and source in self._newest:
            self._newest[source].append(stamped)
        elif key in self._uses:
            if key in self._kept:
                self.counts["duplicate"] += 1
            else:
                self._kept[key] = stamped
        yield from self._ready(message.stamp_ns)

    def end(self) -> Iterator[ObservedTick]:
        """The recording is over: what has to go without some of its messages."""
        yield from self._ready(None)

    def _ready(self, now_ns: int | None) -> Iterator[ObservedTick]:
        while self._waiting:
            tick = self._waiting[0]
            late = now_ns is None or now_ns > tick.received_ns + PATIENCE_NS
            found = self._find(tick, late=late)
            if found is None:
                return
            self._waiting.popleft()
            missing = tuple(source for source in self._sources if source not in found)
            for key in tick.stamps.items():
                self._uses[key] -= 1
                if self._uses[key] <= 0:
                    del self._uses[key]
                    self._kept.pop(key, None)
            yield ObservedTick(found, tick.received_ns, recorded=tick, missing=missing)

    def _find(self, tick: RecordedTick, *, late: bool) -> dict[str, Stamped] | None:
        """The tick's messages; None where some may still come."""
        found = {}
        for source in self._sources:
            if source in tick.stamps:
                kept = self._kept.get((source, tick.stamps[source]))
            else:
                kept = self._before(source, tick)
            if kept is not None:
                found[source] = kept
            elif not late:
                return None
        return found

    def _before(self, source: str, tick: RecordedTick) -> Stamped | None:
        """The newest message of a source that the maps do not name, as it was at the tick."""
        best = None
        for stamped in self._newest.get(source, ()):
            if source == ENVIRONMENT:
                fits = stamped.message.stamp_ns <= tick.received_ns
            else:
                fits = stamped.stamp_ns <= tick.stamp_ns
            if fits:
                best = stamped
        return best
