# SPDX-License-Identifier: Apache-2.0
"""rclpy.publisher: messages out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic

from rclpy_cyclone.dds.endpoints import Writer
from rclpy_cyclone.errors.middleware import RCLError
from rclpy_cyclone.types.variables import MsgType

from .topic_base import TopicEntity

if TYPE_CHECKING:
    from rclpy_cyclone.time.duration import Duration


class Publisher(TopicEntity[Writer], Generic[MsgType]):
    """Sends messages of one type on one topic; make it by Node.create_publisher()."""

    _end_class = Writer

    def publish(self, msg: MsgType | bytes) -> None:
        """Send a message, or the bytes of a serialised one.

        Raises:
            TypeError: another type.
            RCLError: the context was shut down.

        """
        self._check()
        if isinstance(msg, self.msg_type):
            data = self._codec.encode(msg)
        elif isinstance(msg, bytes):
            data = msg
        else:
            raise TypeError(f"Expected {self.msg_type}, got {type(msg)}")
        if not self._context.ok():
            raise RCLError("Failed to publish: publisher's context is invalid")
        self._end.write(data)

    def get_subscription_count(self) -> int:
        """How many subscriptions get the messages."""
        return self._matched()

    def assert_liveliness(self) -> None:
        """Show that this publisher is alive (LivelinessPolicy.MANUAL_BY_TOPIC)."""
        self._check()
        self._end.assert_liveliness()

    def wait_for_all_acked(self, timeout: Duration | None = None) -> bool:
        """Wait until reliable subscriptions have everything; negative or no timeout: for ever."""
        self._check()
        return self._end.wait_for_acks(-1 if timeout is None else timeout.nanoseconds)
