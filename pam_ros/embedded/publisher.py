# SPDX-License-Identifier: Apache-2.0
"""rclpy.publisher: messages out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .dds import Writer
from .dds_qos import to_dds_qos
from .destroyable import Destroyable
from .exceptions import RCLError
from .interfaces import interfaces
from .messages import codec

if TYPE_CHECKING:
    from .callback_groups import CallbackGroup
    from .context import Context
    from .duration import Duration
    from .event_handler import PublisherEventCallbacks
    from .qos import QoSProfile


def dds_topic(name: str, profile: QoSProfile, prefix: str = "rt", suffix: str = "") -> str:
    """The DDS topic of a ROS name."""
    return f"{'' if profile.avoid_ros_namespace_conventions else prefix}{name}{suffix}"


class Publisher(Destroyable):
    """Sends messages of one type on one topic; make it by Node.create_publisher()."""

    def __init__(
        self,
        context: Context,
        msg_type: Any,
        topic: str,
        topic_name: str,
        qos_profile: QoSProfile,
        event_callbacks: PublisherEventCallbacks,
        callback_group: CallbackGroup,
        logger: Any,
    ) -> None:
        self._context = context
        self.msg_type = msg_type
        self.topic = topic
        self._topic_name = topic_name
        self.qos_profile = qos_profile
        self._codec = codec(msg_type)
        type_name = msg_type.__type_name__
        self._writer = Writer(
            context.participant,
            dds_topic(topic_name, qos_profile),
            type_name,
            to_dds_qos(qos_profile, f"typehash={interfaces.type_hash(type_name)};"),
        )
        self._destroyed = False
        self.event_handlers = event_callbacks.create_event_handlers(
            callback_group, self._writer, topic_name, logger
        )

    def publish(self, msg: Any) -> None:
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
        self._writer.write(data)

    def get_subscription_count(self) -> int:
        """How many subscriptions get the messages."""
        self._check()
        return self._writer.matched()

    @property
    def topic_name(self) -> str:
        """The topic's full name, after remapping."""
        self._check()
        return self._topic_name

    def destroy(self) -> None:
        """Leave the topic; use Node.destroy_publisher() rather than this."""
        if not self._destroyed:
            self._destroyed = True
            for handler in self.event_handlers:
                handler.destroy()
            self._writer.close()

    def assert_liveliness(self) -> None:
        """Show that this publisher is alive (LivelinessPolicy.MANUAL_BY_TOPIC)."""
        self._check()
        self._writer.assert_liveliness()

    def wait_for_all_acked(self, timeout: Duration | None = None) -> bool:
        """Wait until reliable subscriptions have everything; negative or no timeout: for ever."""
        self._check()
        return self._writer.wait_for_acks(-1 if timeout is None else timeout.nanoseconds)
