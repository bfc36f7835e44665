# SPDX-License-Identifier: Apache-2.0
"""A recording's messages, by the sources of the synchroniser that the contract's topics feed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pam_ros.bags.errors import BagError
from pam_ros.bags.pictures import header_stamp_ns
from pam_ros.bags.video_topics import VideoTopics
from pam_ros.robot.contract import VIDEO_TYPES
from pam_ros.robot.sources import headless_sources
from pam_ros.robot.sync import sources_by_topic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pam_ros.bags.reader import BagMessage
    from pam_ros.robot.contract import Contract


class ContractTopics:
    """Not thread-safe: one pass over one recording.

    Args:
        contract: says what the topics feed.
        decode: a recorded message to an object.

    Attributes:
        topics: that are read, without repetition.
        sources: that they feed, as the synchroniser names them.
        damaged: messages so far whose stamp cannot be read.
    """

    def __init__(self, contract: Contract, decode: Callable[[BagMessage], Any]) -> None:
        self._videos = VideoTopics(decode)
        self._sources = sources_by_topic(contract)
        self._headless = headless_sources(contract)
        self.topics = tuple(self._sources)
        self.sources = tuple(source for fed in self._sources.values() for source in fed)
        self.damaged = 0

    def take(self, message: BagMessage) -> Iterator[tuple[str, int, BagMessage]]:
        """Source, header stamp [ns] and message, for each source that a message feeds.

        The stamp is 0 for messages that have none. Packets of video become messages of type
        Image, which may come a few packets later.
        """
        for one in self._videos.take(message):
            yield from self._fed(one)

    def end(self) -> Iterator[tuple[str, int, BagMessage]]:
        """The recording is over: pictures that a video's decoder still holds."""
        for one in self._videos.end():
            yield from self._fed(one)

    @property
    def notes(self) -> list[str]:
        """A sentence for each loss."""
        return self._videos.notes

    def _fed(self, message: BagMessage) -> Iterator[tuple[str, int, BagMessage]]:
        sources = self._sources.get(message.topic, ())
        # A packet that gave no picture.
        if not sources or message.type in VIDEO_TYPES:
            return
        stamp = 0
        if not self._headless.issuperset(sources):
            try:
                stamp = header_stamp_ns(message)
            except BagError:
                self.damaged += 1
                return
        for source in sources:
            yield source, stamp, message
