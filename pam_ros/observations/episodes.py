# SPDX-License-Identifier: Apache-2.0
"""Which episode of a bag a moment is of, as the maps in it tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pam_ros.bags.errors import BagError
from pam_ros.observations.nodes import MAP, node_of
from pam_ros.robot.stamps import stamp_nanoseconds
from pam_ros.robot.topics import NODE, topics_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pam_ros.observations.observed import ObservedTick
    from pam_ros.observations.recording import OpenRecording

_LATE = 100
"""A map may be recorded so many ticks after that of a later one; the passes that wait are few."""


class _Map(NamedTuple):
    """What is read of a map."""

    tick: int
    episode: int
    stamp: int


class Episodes:
    """The episodes of one recording, numbered from 0 in the order in which they began.

    A live tick has exactly one map, which names its episode and has the stamp of its newest
    message. What lies between two of them belongs to the first. A recording without maps is one
    episode. A node that was started again counts from 0 again: its episodes follow those before. It
    reads the maps once when it is made, and is asked about ticks in their order.

    Args:
        opened: the recording.
        node: full name of the attention node in it. If the recording has no maps of it, they are
            another node's; where several have maps, none is believed, and its notes say so.
    """

    def __init__(self, opened: OpenRecording, node: str = NODE) -> None:
        recording = opened.recording
        node = node_of(
            recording, node, (MAP,), "both have maps: neither says which episodes there are"
        )
        topic = topics_of(opened.contract, node).attention
        known = topic in recording.topics and recording.topics[topic].type == MAP
        found: list[_Map] = []
        for message in recording.messages({topic}) if known else ():
            try:
                decoded = recording.decode(message)
            except BagError:
                continue  # whoever reads the maps for their own sake tells of it
            stamp = stamp_nanoseconds(decoded.header.stamp)
            found.append(_Map(int(decoded.tick), int(decoded.episode), stamp))
        # A map may be recorded after those of later ticks.
        ordered = sorted(_with_runs(found))
        numbers: dict[tuple[int, int], int] = {}
        self._of_stamp: dict[int, list[int]] = {}
        for run, one in ordered:
            number = numbers.setdefault((run, one.episode), len(numbers))
            self._of_stamp.setdefault(one.stamp, []).append(number)
        self._now = 0
        #: How many there are.
        self.count = max(1, len(numbers))

    def of(self, tick: ObservedTick) -> int:
        """The number of a tick's episode; it never falls."""
        stamp = max((one.stamp_ns for one in tick.messages.values()), default=0)
        # A clock that began anew says the same stamps again, in a later episode.
        later = [number for number in self._of_stamp.get(stamp, ()) if number >= self._now]
        self._now = min(later, default=self._now)
        return self._now


def _with_runs(maps: Sequence[_Map]) -> Iterator[tuple[int, _Map]]:
    """Each map, in the order of recording, with the number of the node's run that it is of.

    In a run no two ticks have the same number. Where a number falls though the clock went on, or by
    more than a map can be late, the node was started again.
    """
    run, newest = 0, _Map(-1, 0, 0)
    seen: dict[int, int] = {}
    for one in maps:
        falls = one.tick < newest.tick
        again = seen.get(one.tick, one.stamp) != one.stamp
        if again or (falls and (one.stamp > newest.stamp or newest.tick - one.tick > _LATE)):
            run, seen, newest = run + 1, {}, one
        elif not falls:
            newest = one
        seen[one.tick] = one.stamp
        yield run, one
