# SPDX-License-Identifier: Apache-2.0
"""The newest set of messages, one per source, whose header stamps agree.

Pure: no clock inside, no threads. The caller passes stamps and the present, all in nanoseconds of
one clock (the node's, simulated or not), and serialises its calls.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pam_ros.robot.sources import ENVIRONMENT, STATE, contract_sources

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pam_ros.robot.contract import Contract

__all__ = ["ENVIRONMENT", "STATE", "MessageSet", "Synchroniser"]

_SECOND = 1_000_000_000
#: Messages kept per camera, and per source of small messages.
_CAMERA_DEPTH = 32
_SMALL_DEPTH = 1024
#: Messages of one stamp and source that are kept.
_TWINS = 8


def sources_by_topic(contract: Contract) -> dict[str, tuple[str, ...]]:
    """The sources that each of the contract's topics feeds: more than one, if cameras share it."""
    sources: dict[str, tuple[str, ...]] = {}
    for source in contract_sources(contract):
        sources[source.topic] = (*sources.get(source.topic, ()), source.name)
    return sources


@dataclass(frozen=True)
class MessageSet:
    """One message per source. ``stamp_ns`` is the newest stamp, ``oldest_ns`` the oldest.

    ``earlier``: of sources whose messages may each hold a part, those that came before the one of
    the set and are not too old, the newest first.
    """

    stamps: Mapping[str, int]
    messages: Mapping[str, Any]
    stamp_ns: int
    oldest_ns: int
    earlier: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def of(self, source: str) -> Iterator[Any]:
        """The messages of a source, the newest first."""
        yield self.messages[source]
        yield from self.earlier.get(source, ())


@dataclass
class _Source:
    depth: int
    stamps: list[int] = field(default_factory=list)
    # Two drivers of one topic may stamp alike, so that a stamp may have several messages.
    messages: dict[int, list[Any]] = field(default_factory=dict)

    def clear(self) -> None:
        self.stamps.clear()
        self.messages.clear()

    def before(self, stamp_ns: int, oldest_ns: int) -> list[Any]:
        """The messages before the first of a stamp, no older than another, the newest first."""
        first = bisect_left(self.stamps, oldest_ns)
        last = bisect_left(self.stamps, stamp_ns)
        twins = self.messages[stamp_ns][:0:-1]
        stamps = reversed(self.stamps[first:last])
        return twins + [each for stamp in stamps for each in reversed(self.messages[stamp])]

    def drop_oldest(self, count: int) -> None:
        count = max(count, 0)
        for stamp in self.stamps[:count]:
            del self.messages[stamp]
        del self.stamps[:count]

    def drop_newest(self, count: int) -> None:
        for stamp in self.stamps[len(self.stamps) - count :]:
            del self.messages[stamp]
        del self.stamps[len(self.stamps) - count :]


class Synchroniser:
    """Buffers the messages of several sources and hands out sets that belong together.

    A set holds, of all choices whose stamps differ by at most the tolerance, the newest message of
    every source (there is exactly one such choice). A set is handed out once. With a trigger, a set
    is handed out for each new message of that source only.

    Of a source in ``merged``, messages may each hold a part of what there is: a set takes along
    what came before, as far as it is not older than the greatest age.

    ``counts`` says by cause what was not used. Per message: ``duplicate`` (a stamp seen before),
    ``out_of_order`` (older than its predecessor; still used where it fits), ``unstamped`` (stamp
    zero or negative), ``future`` (ahead of the present by more than max_age), ``clock_reset`` (a
    stamp more than ``reset_s`` older than its predecessor: that source's buffer was cleared),
    ``overflow`` (more messages than the buffer holds), ``skipped`` (of the trigger: passed over for
    a newer one, because the tick before took too long). Per call of ``newest`` without a set:
    ``waiting``, ``stale``, ``unmatched``, ``repeated``. ``received`` counts every message.
    """

    def __init__(
        self,
        sources: Sequence[str],
        tolerance_s: float,
        max_age_s: float,
        *,
        trigger: str | None = None,
        depth: int | Mapping[str, int] = 64,
        reset_s: float = 1.0,
        merged: Sequence[str] = (),
        shown: Mapping[str, str] | None = None,
    ) -> None:
        if not sources or len(set(sources)) != len(sources):
            raise ValueError(f"sources are {list(sources)}; they must be one or more, none twice")
        if trigger is not None and trigger not in sources:
            raise ValueError(f"trigger '{trigger}' is none of the sources {list(sources)}")
        depths = {name: depth if isinstance(depth, int) else depth[name] for name in sources}
        self._sources = {name: _Source(depths[name]) for name in sources}
        self._tolerance = round(tolerance_s * _SECOND)
        self._max_age = round(max_age_s * _SECOND)
        self._reset = round(reset_s * _SECOND)
        self._trigger = trigger
        self._merged = tuple(merged)
        self._shown = {name: name for name in sources} | dict(shown or {})
        self._used: dict[str, int] | None = None
        self.counts: Counter[str] = Counter()
        self.reason = f"no message yet from {', '.join(self._shown[name] for name in sources)}"

    @classmethod
    def for_contract(cls, contract: Contract) -> Synchroniser:
        """Sources as contract_sources names them: cameras, STATE and the like, ENVIRONMENT."""
        sources = contract_sources(contract)
        several = len(contract.state.topics) > 1
        small = [source for source in sources if not source.camera]
        return cls(
            [source.name for source in sources],
            contract.sync_tolerance_s,
            contract.max_age_s,
            trigger=contract.trigger,
            depth={s.name: _CAMERA_DEPTH if s.camera else _SMALL_DEPTH for s in sources},
            merged=[source.name for source in sources if source.merged],
            # One of several topics of the state is known by its name.
            shown={s.name: s.topic for s in small if several and s.name != ENVIRONMENT},
        )

    def add(self, source: str, stamp_ns: int, message: Any) -> None:
        """Takes a message; ``stamp_ns`` is its header's stamp."""
        buffer = self._sources[source]
        self.counts["received"] += 1
        if stamp_ns <= 0:
            self.counts["unstamped"] += 1
            return
        if buffer.stamps and stamp_ns < buffer.stamps[-1] - self._reset:
            self.counts["clock_reset"] += 1
            buffer.clear()
        if stamp_ns in buffer.messages:
            self.counts["duplicate"] += 1
            if source in self._merged and len(buffer.messages[stamp_ns]) < _TWINS:
                buffer.messages[stamp_ns].append(message)
            return
        if buffer.stamps and stamp_ns < buffer.stamps[-1]:
            self.counts["out_of_order"] += 1
        insort(buffer.stamps, stamp_ns)
        buffer.messages[stamp_ns] = [message]
        overflow = len(buffer.stamps) - buffer.depth
        if overflow > 0:
            self.counts["overflow"] += overflow
            buffer.drop_oldest(overflow)

    def newest(self, now_ns: int) -> MessageSet | None:
        """The newest set that was not handed out yet, or None; ``reason`` then says why."""
        self._drop_unusable(now_ns)
        stamps = self._match()
        if stamps is None:
            return None
        late = min(stamps, key=lambda name: stamps[name])
        if stamps[late] < now_ns - self._max_age:
            age = (now_ns - stamps[late]) / _SECOND
            limit = self._max_age / _SECOND
            shown = self._shown[late]
            self._refuse("stale", f"{shown} is {age:.2f} s old; at most {limit:g} s is used")
            return None
        if self._repeats(stamps):
            self._refuse("repeated", f"nothing new from {self._trigger or 'any source'}")
            return None
        if self._trigger is not None:
            triggers = self._sources[self._trigger].stamps
            self._count_skipped(triggers[: bisect_left(triggers, stamps[self._trigger])])
        self._used = stamps
        self.reason = ""
        return MessageSet(
            stamps=stamps,
            messages={
                name: self._sources[name].messages[stamp][0] for name, stamp in stamps.items()
            },
            stamp_ns=max(stamps.values()),
            oldest_ns=stamps[late],
            earlier={
                name: self._sources[name].before(stamps[name], now_ns - self._max_age)
                for name in self._merged
            },
        )

    def clear(self) -> None:
        """Forgets every message and which set was handed out last; the counts stay."""
        if self._trigger is not None:
            self._count_skipped(self._sources[self._trigger].stamps)
        for buffer in self._sources.values():
            buffer.clear()
        self._used = None

    def _drop_unusable(self, now_ns: int) -> None:
        """Forgets stamps of the future, and those too old for any set, except the newest one."""
        for name, buffer in self._sources.items():
            ahead = len(buffer.stamps) - bisect_right(buffer.stamps, now_ns + self._max_age)
            if ahead:
                self.counts["future"] += ahead
                buffer.drop_newest(ahead)
            old = bisect_left(buffer.stamps, now_ns - self._max_age)
            old = min(old, len(buffer.stamps) - 1)
            if name == self._trigger:
                self._count_skipped(buffer.stamps[: max(old, 0)])
            buffer.drop_oldest(old)

    def _match(self) -> dict[str, int] | None:
        """The newest stamps that agree.

        Start from the newest message of each source. No agreeing set holds anything newer than the
        oldest of these plus the tolerance, so every source steps back to that; repeat until nothing
        moves. What remains is the newest agreeing set, source by source.
        """
        missing = [name for name, buffer in self._sources.items() if not buffer.stamps]
        if missing:
            shown = ", ".join(self._shown[name] for name in missing)
            self._refuse("waiting", f"no message from {shown}")
            return None
        place = {name: len(buffer.stamps) - 1 for name, buffer in self._sources.items()}
        while True:
            stamps = {name: self._sources[name].stamps[at] for name, at in place.items()}
            oldest, newest = min(stamps.values()), max(stamps.values())
            if newest - oldest <= self._tolerance:
                return stamps
            for name, buffer in self._sources.items():
                place[name] = bisect_right(buffer.stamps, oldest + self._tolerance) - 1
                if place[name] < 0:
                    self._refuse_unmatched()
                    return None

    def _refuse_unmatched(self) -> None:
        newest = {name: buffer.stamps[-1] for name, buffer in self._sources.items()}
        last = min(newest, key=lambda name: newest[name])
        apart = (max(newest.values()) - newest[last]) / _SECOND
        self._refuse(
            "unmatched",
            f"no stamps within {self._tolerance / _SECOND:g} s of each other; "
            f"{self._shown[last]} is {apart:.3f} s behind the newest",
        )

    def _repeats(self, stamps: dict[str, int]) -> bool:
        if self._used is None:
            return False
        if self._trigger is not None:
            return stamps[self._trigger] == self._used[self._trigger]
        return stamps == self._used

    def _count_skipped(self, passed_over: Sequence[int]) -> None:
        """Of these stamps of the trigger, those that no set has had and none will."""
        if self._trigger is None or not passed_over:
            return
        used = self._used[self._trigger] if self._used else 0
        skipped = len(passed_over) - bisect_right(passed_over, used)
        self.counts["skipped"] += skipped

    def _refuse(self, cause: str, reason: str) -> None:
        self.counts[cause] += 1
        self.reason = reason
