# SPDX-License-Identifier: Apache-2.0
"""What the robot was told at each moment of a recording."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from pam_ros.bags.errors import BagError
from pam_ros.observations.nodes import MAP, STRING, node_of
from pam_ros.policy.words import OPTION
from pam_ros.robot.stamps import stamp_nanoseconds
from pam_ros.robot.topics import NODE, topics_of

if TYPE_CHECKING:
    from pam_ros.observations.observed import ObservedTick
    from pam_ros.observations.recording import OpenRecording


class Told:
    """The instruction of each tick.

    What a tick's own AttentionMap says that the pass read, or a data set's task; else the newest
    text before the tick, of `~/instruction` or of a map; else the contract's. It reads these two
    topics once when it is made.

    Args:
        opened: the recording.
        node: full name of the attention node in it. If the recording has neither topic of it, they
            are another node's, found by their types and last names; where several nodes have them,
            none is believed, and the recording's notes say so.
    """

    def __init__(self, opened: OpenRecording, node: str = NODE) -> None:
        self._otherwise = opened.contract.instruction
        self._maps: dict[int, str] = {}
        recording = opened.recording
        types = {name: topic.type for name, topic in recording.topics.items() if topic.count}
        node = node_of(
            recording,
            node,
            (MAP, STRING),
            "both tell what a policy was told: none of them is heard; name the words with "
            f"{OPTION}",
        )
        topics = topics_of(opened.contract, node)
        wanted = {
            name
            for name, kind in ((topics.attention, MAP), (topics.instruction, STRING))
            if types.get(name) == kind
        }
        found: list[tuple[int, str]] = []
        for message in recording.messages(wanted) if wanted else ():
            try:
                decoded = recording.decode(message)
            except BagError:
                continue  # whoever reads the maps for their own sake tells of it
            if message.topic == topics.instruction:
                text = str(decoded.data)
            else:
                text = str(decoded.instruction)
                self._maps[stamp_nanoseconds(decoded.header.stamp)] = text
            if text.strip():
                found.append((message.stamp_ns, text))
        found.sort(key=lambda one: one[0])
        self._times = [time for time, _ in found]
        self._texts = [text for _, text in found]

    @property
    def first(self) -> str:
        """The first that the recording tells of, or the contract's; empty where there is none."""
        return self._texts[0] if self._texts else self._otherwise

    def at(self, tick: ObservedTick) -> str:
        """What the robot was told by a tick; empty where nothing says."""
        if tick.recorded is not None and tick.recorded.instruction:
            return tick.recorded.instruction
        stamp = max((one.stamp_ns for one in tick.messages.values()), default=0)
        if self._maps.get(stamp):
            return self._maps[stamp]
        place = bisect_right(self._times, tick.received_ns)
        return self._texts[place - 1] if place else self._otherwise
