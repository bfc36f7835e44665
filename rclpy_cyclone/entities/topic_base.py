# SPDX-License-Identifier: Apache-2.0
"""What publishers and subscriptions share: one DDS endpoint on one topic, and its events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from rclpy_cyclone.dds.endpoints import Reader, Writer
from rclpy_cyclone.dds.qos import dds_topic, to_dds_qos
from rclpy_cyclone.types.interfaces import interfaces
from rclpy_cyclone.types.messages import codec

from .destroyable import Destroyable

if TYPE_CHECKING:
    from rclpy_cyclone.executors.callback_groups import CallbackGroup
    from rclpy_cyclone.process.context import Context
    from rclpy_cyclone.qos.profile import QoSProfile

    from .event_handler import _EventCallbacks

_End = TypeVar("_End", Reader, Writer)


class TopicEntity(Destroyable, Generic[_End]):
    """A publisher or a subscription."""

    _end_class: type[_End]

    def __init__(
        self,
        context: Context,
        msg_type: Any,
        topic: str,
        topic_name: str,
        qos_profile: QoSProfile,
        event_callbacks: _EventCallbacks,
        callback_group: CallbackGroup,
        logger: Any,
    ) -> None:
        self._context = context
        self.msg_type = msg_type
        self.topic = topic
        self._topic_name = topic_name
        self.qos_profile = qos_profile
        self.callback_group = callback_group
        self._logger = logger
        self._codec = codec(msg_type)
        type_name = msg_type.__type_name__
        self._end: _End = self._end_class(
            context.participant,
            dds_topic(topic_name, qos_profile),
            type_name,
            to_dds_qos(
                qos_profile,
                f"typehash={interfaces.type_hash(type_name)};",
                reader=self._end_class is Reader,
            ),
        )
        self._destroyed = False
        self.event_handlers = event_callbacks.create_event_handlers(
            callback_group, self._end, topic, logger, context.graph
        )

    @property
    def _ends(self) -> tuple[Reader | Writer, ...]:
        """The DDS endpoints, for the graph."""
        return (self._end,)

    @property
    def topic_name(self) -> str:
        """The topic's full name, after remapping."""
        self._check()
        return self._topic_name

    def _matched(self) -> int:
        self._check()
        return self._end.matched()

    def destroy(self) -> None:
        """Leave the topic; use the node's destroy method rather than this."""
        if not self._destroyed:
            self._destroyed = True
            for handler in self.event_handlers:
                handler.destroy()
            self._end.close()
