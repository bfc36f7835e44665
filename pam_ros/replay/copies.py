# SPDX-License-Identifier: Apache-2.0
"""A recording's own messages, copied into the new bag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pam_ros.bags.errors import BagError
from pam_ros.bags.older import gained_fields

if TYPE_CHECKING:
    from collections.abc import Collection

    from pam_ros.bags.messages import Messages
    from pam_ros.bags.reader import BagMessage
    from pam_ros.observations.recording import Recording
    from pam_ros.replay.output import ReplayOutput


class Copies:
    """Copies messages of `topics`, which are none until announce.

    Args:
        output: the new bag, which is told of them.
        messages: knows the types that can be written.
        bag: the recording; told of topics that cannot be copied.
    """

    def __init__(
        self,
        output: ReplayOutput,
        messages: Messages,
        bag: Recording,
    ) -> None:
        self._output = output
        self._messages = messages
        self._bag = bag
        self.topics: set[str] = set()

    def announce(self, taken: Collection[str], *prefixes: str) -> None:
        """Copy every topic that can be.

        Args:
            taken: topics that are written anew.
            prefixes: topics below them are not copied either.
        """
        for topic in self._bag.topics.values():
            if topic.name in taken or topic.name.startswith(prefixes):
                continue
            # Messages of a type that has gained fields are written with them.
            definition = None if gained_fields(topic.type) else topic.definition
            try:
                qos = topic.qos[0] if topic.qos else None
                self._output.add_topic(topic.name, topic.type, qos, definition)
                self.topics.add(topic.name)
            except BagError as error:
                self._bag.notes.append(f"{topic.name} is not copied: {error}")

    def write(self, message: BagMessage) -> None:
        """Copy a message as it is; one whose type has gained fields since gets them."""
        data: bytes | memoryview = message.data
        if gained_fields(message.type):
            try:
                data = self._messages.encode(self._bag.decode(message), message.type)
            except BagError:
                # Damaged: whoever reads it there shall see that too.
                data = message.data
        self._output.write(message.topic, data, message.stamp_ns)
