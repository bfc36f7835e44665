# SPDX-License-Identifier: Apache-2.0
"""rclpy.subscription: messages in."""

from __future__ import annotations

import inspect
import time
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any

from .cdr import CdrError
from .dds import Reader
from .dds_qos import to_dds_qos
from .destroyable import Destroyable
from .interfaces import interfaces
from .messages import codec
from .publisher import dds_topic

if TYPE_CHECKING:
    from collections.abc import Callable

    from .callback_groups import CallbackGroup
    from .context import Context
    from .event_handler import SubscriptionEventCallbacks
    from .qos import QoSProfile


class Subscription(Destroyable):
    """Calls back with each message of a topic; make it by Node.create_subscription()."""

    class CallbackType(Enum):
        """What the callback takes."""

        MessageOnly = 0
        WithMessageInfo = 1

    def __init__(
        self,
        context: Context,
        msg_type: Any,
        topic: str,
        topic_name: str,
        callback: Callable[..., Any],
        callback_group: CallbackGroup,
        qos_profile: QoSProfile,
        raw: bool,
        event_callbacks: SubscriptionEventCallbacks,
        logger: Any,
    ) -> None:
        self.msg_type = msg_type
        self.topic = topic
        self._topic_name = topic_name
        self.callback = callback
        self.callback_group = callback_group
        self._executor_event = False
        self.qos_profile = qos_profile
        self.raw = raw
        self._logger = logger
        self._codec = codec(msg_type)
        type_name = msg_type.__type_name__
        self._reader = Reader(
            context.participant,
            dds_topic(topic_name, qos_profile),
            type_name,
            to_dds_qos(qos_profile, f"typehash={interfaces.type_hash(type_name)};", reader=True),
        )
        self._destroyed = False
        self.event_handlers = event_callbacks.create_event_handlers(
            callback_group, self._reader, topic_name, logger
        )

    def get_publisher_count(self) -> int:
        """How many publishers this subscription hears."""
        self._check()
        return self._reader.matched()

    def destroy(self) -> None:
        """Leave the topic; use Node.destroy_subscription() rather than this."""
        if not self._destroyed:
            self._destroyed = True
            for handler in self.event_handlers:
                handler.destroy()
            self._reader.close()

    @property
    def topic_name(self) -> str:
        """The topic's full name, after remapping."""
        self._check()
        return self._topic_name

    @property
    def callback(self) -> Callable[..., Any]:
        """The callback; it takes the message, or the message and its info."""
        return self._callback

    @callback.setter
    def callback(self, value: Callable[..., Any]) -> None:
        signature = inspect.signature(value)
        for count, kind in ((1, "MessageOnly"), (2, "WithMessageInfo")):
            try:
                signature.bind(*[object()] * count)
            except TypeError:
                continue
            self._callback = value
            self._callback_type = Subscription.CallbackType[kind]
            return
        raise RuntimeError(
            "Subscription.__init__(): callback should be either be callable with one argument"
            "(to get only the message) or two (to get message and message info)"
        )

    def take(self) -> tuple[Any, dict[str, int | None]] | None:
        """The oldest unread message with its info, or None; what cannot be read is dropped."""
        while True:
            taken = self._reader.take()
            if taken is None:
                return None
            data, info = taken
            try:
                message = bytes(data) if self.raw else self._codec.decode(data)
            except CdrError as error:
                self._logger.warning(
                    f"A message on '{self._topic_name}' was dropped: {error}. Its publisher may "
                    "have another definition of this type.",
                    throttle_duration_sec=5.0,
                )
                continue
            return message, {
                "source_timestamp": info.source_timestamp,
                "received_timestamp": time.time_ns(),
                "publication_sequence_number": None,
                "reception_sequence_number": None,
            }

    def take_message(self, msg_type: Any, raw: bool) -> Any:
        """What take() gives; of another type or form than the subscription's, nothing is given."""
        if msg_type is not self.msg_type or raw != self.raw:
            raise NotImplementedError("take_message() of another type or form")
        return self.take()

    def _references(self) -> tuple[int, ...]:
        return (self._reader.condition,)

    def _ready(self) -> bool:
        return not self._destroyed and self._reader.readable()

    def _take(self) -> Callable[[], Any] | None:
        taken = self.take()
        if taken is None:
            return None
        if self._callback_type is Subscription.CallbackType.MessageOnly:
            return partial(self._callback, taken[0])
        return partial(self._callback, *taken)
