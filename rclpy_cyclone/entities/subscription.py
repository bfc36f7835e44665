# SPDX-License-Identifier: Apache-2.0
"""rclpy.subscription: messages in."""

from __future__ import annotations

import inspect
import time
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any

from rclpy_cyclone.dds.endpoints import Reader
from rclpy_cyclone.types.cdr import CdrError

from .topic_base import TopicEntity

if TYPE_CHECKING:
    from collections.abc import Callable

    from rclpy_cyclone.executors.callback_groups import CallbackGroup
    from rclpy_cyclone.process.context import Context
    from rclpy_cyclone.qos.profile import QoSProfile

    from .event_handler import SubscriptionEventCallbacks


class Subscription(TopicEntity[Reader]):
    """Calls back with each message of a topic; make it by Node.create_subscription()."""

    _end_class = Reader

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
        self.callback = callback
        self._executor_event = False
        self.raw = raw
        super().__init__(
            context, msg_type, topic, topic_name, qos_profile, event_callbacks, callback_group,
            logger,
        )  # fmt: skip

    def get_publisher_count(self) -> int:
        """How many publishers this subscription hears."""
        return self._matched()

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
            taken = self._end.take()
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
        return (self._end.condition,)

    def _ready(self) -> bool:
        return not self._destroyed and self._end.readable()

    def _take(self) -> Callable[[], Any] | None:
        taken = self.take()
        if taken is None:
            return None
        if self._callback_type is Subscription.CallbackType.MessageOnly:
            return partial(self._callback, taken[0])
        return partial(self._callback, *taken)
