# SPDX-License-Identifier: Apache-2.0
"""Which episode of a bag a moment is of, as the maps in it tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pam_ros.bags.errors import BagError
from pam_ros.robot.stamps import stamp_nanoseconds
from pam_ros.robot.topics import NODE, topics_of

if TYPE_CHECKING:
    from pam_ros.observations.observed import ObservedTick
    from pam_ros.observations.recording import OpenRecording

_MAP = "pam_ros/msg/AttentionMap"


class Episodes:
    """The episodes of one recording, numbered from 0 in the order in which they began.

    A live tick has exactly one map, which names its episode and has the stamp of its newest
    message. What lies between two of them belongs to the first. A recording without maps is one
    episode. It reads the maps once when it is made, and is asked about ticks in their order.

    Args:
        opened: the recording.
        node: full name of the attention node in it.
    """

    def __init__(self, opened: OpenRecording, node: str = NODE) -> None:
        recording, topic = opened.recording, topics_of(opened.contract, node).attention
        known = topic in recording.topics and recording.topics[topic].type == _MAP
        found: list[tuple[int, int, int]] = []
        for message in recording.messages({topic}) if known else ():
            try:
                decoded = recording.decode(message)
            except BagError:
                continue  # whoever reads the maps for their own sake tells of it
            tick, episode = int(decoded.tick), int(decoded.episode)
            found.append((tick, episode, stamp_nanoseconds(decoded.header.stamp)))
        # A map may be recorded after those of later ticks.
        found.sort()
        numbers = {episode: n for n, episode in enumerate(dict.fromkeys(e for _, e, _ in found))}
        self._of_stamp: dict[int, list[int]] = {}
        for _, episode, stamp in found:
            self._of_stamp.setdefault(stamp, []).append(numbers[episode])
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
