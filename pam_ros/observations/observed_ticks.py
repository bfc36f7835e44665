# SPDX-License-Identifier: Apache-2.0
"""The ticks that a recording's messages make: by the maps in it, or by their stamps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pam_ros.observations.by_maps import ByMaps
from pam_ros.observations.by_stamps import ByStamps
from pam_ros.observations.contract_topics import ContractTopics
from pam_ros.observations.observed import ObservedTick
from pam_ros.robot.observation import build_observation
from pam_ros.robot.stamp_offsets import StampOffsets
from pam_ros.robot.sync import MessageSet

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from pam_ros.bags.reader import BagMessage
    from pam_ros.observations.recorded_tick import RecordedTick
    from pam_ros.observations.recording import OpenRecording
    from pam_ros.robot.observation import Observation


class Decoded(Sequence[Any]):
    """Messages that are decoded as they are asked for: most never are."""

    def __init__(self, messages: Sequence[BagMessage], decode: Callable[[BagMessage], Any]) -> None:
        self._messages = messages
        self._decode = decode

    def __len__(self) -> int:
        """How many there are."""
        return len(self._messages)

    def __getitem__(self, place: Any) -> Any:
        """One of them."""
        return self._decode(self._messages[place])


class ObservedTicks:
    """One pass over a recording.

    Args:
        opened: the recording and its contract.
        environment_dim: of the policy; 0 for none.
        ticks: that recorded maps tell of; without any, those of the recording itself or, if it
            names none, sets of messages by their stamps.
        rate_hz: of sets by stamps; 0: as the contract says.
    """

    def __init__(
        self,
        opened: OpenRecording,
        environment_dim: int = 0,
        ticks: Sequence[RecordedTick] = (),
        rate_hz: float = 0.0,
    ) -> None:
        self._recording, self._contract = opened.recording, opened.contract
        self._environment_dim = environment_dim
        self._topics = ContractTopics(opened.contract, opened.recording.decode)
        self._offsets = StampOffsets(opened.contract)
        # A data set has no receive times: its stamps are those that it was made by.
        self._received = not opened.ticks
        ticks = ticks or opened.ticks
        self._order: ByMaps | ByStamps
        if ticks:
            self._order = ByMaps(ticks, self._contract)
        else:
            self._order = ByStamps(opened.contract, rate_hz or None)

    @property
    def counts(self) -> Counter[str]:
        """What was not used, or not in order, by cause."""
        return self._order.counts + Counter(damaged=self._topics.damaged)

    def why_none(self) -> str:
        """If stamps gave no tick: which messages or stamps are at fault, and the cure."""
        if not isinstance(self._order, ByStamps):
            return ""
        return "; ".join([self._order.why_none(), *self._offsets.notes])

    def events(self, copied: Collection[str] = ()) -> Iterator[BagMessage | ObservedTick]:
        """Messages of the topics to copy, and ticks, in the same order at every pass."""
        wanted = {*self._topics.topics, *copied}
        topics = [name for name in self._recording.readable if name in wanted]
        for message in self._recording.messages(topics):
            if message.topic in copied:
                yield message
            yield from self._fed(self._topics.take(message))
        yield from self._fed(self._topics.end())
        yield from self._order.end()

    @property
    def notes(self) -> list[str]:
        """A sentence for each topic of video that lost pictures, and each clock that is off."""
        return [*self._topics.notes, *self._offsets.notes]

    def ticks(self) -> Iterator[ObservedTick]:
        """The ticks alone."""
        for event in self.events():
            if isinstance(event, ObservedTick):
                yield event

    def observe(self, tick: ObservedTick) -> tuple[MessageSet, Observation]:
        """A tick's messages, and what the policy reads of them.

        Raises:
            MessageError, BagError: one of them cannot be used.
        """
        # Cameras that share a topic share its message.
        different = {id(one.message): one.message for one in tick.messages.values()}
        decoded = {key: self._recording.decode(message) for key, message in different.items()}
        messages = {source: decoded[id(one.message)] for source, one in tick.messages.items()}
        stamps = {source: one.stamp_ns for source, one in tick.messages.items()}
        earlier = {
            source: Decoded(before, self._recording.decode)
            for source, before in tick.earlier.items()
        }
        newest = max(stamps.values())
        if not newest and tick.recorded is not None:
            newest = tick.recorded.stamp_ns
        found = MessageSet(stamps, messages, newest, min(stamps.values()), earlier)
        return found, build_observation(self._contract, found, self._environment_dim)

    def _fed(self, messages: Iterable[tuple[str, int, BagMessage]]) -> Iterator[ObservedTick]:
        for source, stamp, message in messages:
            if self._received:
                self._offsets.take(source, stamp, message.stamp_ns)
            yield from self._order.add(source, stamp, message)
