# SPDX-License-Identifier: Apache-2.0
"""Observation sets of raw topics, by header stamps: what the live node would look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pam_ros.observations.observed import ObservedTick, Stamped
from pam_ros.observations.recorded_sets import RecordedSets

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Iterator

    from pam_ros.bags.reader import BagMessage
    from pam_ros.observations.recorded_sets import RecordedSet
    from pam_ros.robot.contract import Contract


class ByStamps:
    """A tick for every image of the trigger camera, or by the contract's rate."""

    def __init__(self, contract: Contract, rate_hz: float | None = None) -> None:
        self._sets = RecordedSets(contract, rate_hz)

    @property
    def counts(self) -> Counter[str]:
        """What was not used, or not in order, by cause; ticks without a new set are no loss."""
        return self._sets.counts

    def add(self, source: str, stamp_ns: int, message: BagMessage) -> Iterator[ObservedTick]:
        """Take a message; ticks that are complete by now."""
        yield from _ticks(self._sets.add(source, stamp_ns, message.stamp_ns, message))

    def end(self) -> Iterator[ObservedTick]:
        """The recording is over."""
        yield from _ticks(self._sets.end())

    def why_none(self) -> str:
        """If there was no tick: the reason and the cure."""
        return self._sets.why_none()


def _ticks(found: Iterable[RecordedSet]) -> Iterator[ObservedTick]:
    for one in found:
        seen = one.seen
        messages = {
            source: Stamped(source, stamp, seen.messages[source])
            for source, stamp in seen.stamps.items()
        }
        received = max(message.message.stamp_ns for message in messages.values())
        yield ObservedTick(messages, received, restart=one.restart, earlier=seen.earlier)
