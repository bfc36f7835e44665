# SPDX-License-Identifier: Apache-2.0
"""rclpy.event_handler: callbacks on QoS events of publishers and subscriptions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from typing import TYPE_CHECKING, Any

from cyclonedds.core import DDSException, DDSStatus

from .qos import QoSPolicyKind, qos_policy_name_from_kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from .callback_groups import CallbackGroup
    from .dds import Reader, Writer

# DDS numbers its policies otherwise than rmw.
_POLICY_KINDS = {
    2: QoSPolicyKind.DURABILITY, 4: QoSPolicyKind.DEADLINE, 8: QoSPolicyKind.LIVELINESS,
    11: QoSPolicyKind.RELIABILITY, 13: QoSPolicyKind.HISTORY, 21: QoSPolicyKind.LIFESPAN,
}  # fmt: skip


class QoSPublisherEventType(IntEnum):
    """Events of a publisher."""

    RCL_PUBLISHER_OFFERED_DEADLINE_MISSED = 0
    RCL_PUBLISHER_LIVELINESS_LOST = 1
    RCL_PUBLISHER_OFFERED_INCOMPATIBLE_QOS = 2
    RCL_PUBLISHER_INCOMPATIBLE_TYPE = 3
    RCL_PUBLISHER_MATCHED = 4


class QoSSubscriptionEventType(IntEnum):
    """Events of a subscription."""

    RCL_SUBSCRIPTION_REQUESTED_DEADLINE_MISSED = 0
    RCL_SUBSCRIPTION_LIVELINESS_CHANGED = 1
    RCL_SUBSCRIPTION_REQUESTED_INCOMPATIBLE_QOS = 2
    RCL_SUBSCRIPTION_MESSAGE_LOST = 3
    RCL_SUBSCRIPTION_INCOMPATIBLE_TYPE = 4
    RCL_SUBSCRIPTION_MATCHED = 5


@dataclass
class QoSDeadlineMissedInfo:
    """How many deadlines were missed."""

    total_count: int
    total_count_change: int


@dataclass
class QoSLivelinessLostInfo:
    """How often this publisher failed to show that it is alive."""

    total_count: int
    total_count_change: int


@dataclass
class QoSMessageLostInfo:
    """How many messages were lost."""

    total_count: int
    total_count_change: int


@dataclass
class QoSLivelinessChangedInfo:
    """How many publishers are alive."""

    alive_count: int
    not_alive_count: int
    alive_count_change: int
    not_alive_count_change: int


@dataclass
class QoSIncompatibleQoSInfo:
    """How many peers were refused, and for which policy the last one."""

    total_count: int
    total_count_change: int
    last_policy_kind: QoSPolicyKind


@dataclass
class QoSMatchedInfo:
    """How many peers are matched."""

    total_count: int
    total_count_change: int
    current_count: int
    current_count_change: int


QoSRequestedDeadlineMissedInfo = QoSOfferedDeadlineMissedInfo = QoSDeadlineMissedInfo
QoSRequestedIncompatibleQoSInfo = QoSOfferedIncompatibleQoSInfo = QoSIncompatibleQoSInfo
QoSSubscriptionMatchedInfo = QoSPublisherMatchedInfo = QoSMatchedInfo


class EventHandler:
    """Runs a callback in the executor when a status of a DDS endpoint changes."""

    def __init__(
        self,
        callback_group: CallbackGroup,
        callback: Callable[[Any], Any],
        endpoint: Reader | Writer,
        bit: int,
        status: str,
        info: type,
    ) -> None:
        self.callback_group = callback_group
        self.callback = callback
        self._executor_event = False
        self._entity = endpoint.entity
        self._bit = bit
        self._status = getattr(self._entity, f"get_{status}_status")
        self._info = info
        self._destroyed = False
        callback_group.add_entity(self)

    def destroy(self) -> None:
        """Call back no more."""
        self._destroyed = True

    def _references(self) -> tuple[int, ...]:
        return (self._entity._ref,)

    def _ready(self) -> bool:
        try:
            return not self._destroyed and bool(self._entity.get_status_changes() & self._bit)
        except DDSException:
            return False

    def _take(self) -> Callable[[], Any] | None:
        try:
            status = self._status()
        except DDSException:
            return None
        values = {n: getattr(status, n) for n in self._info.__annotations__ if hasattr(status, n)}
        if self._info is QoSIncompatibleQoSInfo:
            kind = _POLICY_KINDS.get(status.last_policy_id, QoSPolicyKind.INVALID)
            values["last_policy_kind"] = kind
        if values.get("total_count_change", 1) == 0:
            return None
        return partial(self.callback, self._info(**values))


_Entry = tuple[Any, int, str, type]


def _handlers(
    group: CallbackGroup, endpoint: Reader | Writer, entries: list[_Entry]
) -> list[EventHandler]:
    made = [
        EventHandler(group, callback, endpoint, bit, status, info)
        for callback, bit, status, info in entries
        if callback is not None
    ]
    mask = 0
    for handler in made:
        mask |= handler._bit
    endpoint.entity.set_status_mask(mask)
    return made


class SubscriptionEventCallbacks:
    """Which events of a subscription call back; by default, incompatible QoS is logged."""

    def __init__(
        self,
        *,
        deadline: Callable[[Any], Any] | None = None,
        incompatible_qos: Callable[[Any], Any] | None = None,
        liveliness: Callable[[Any], Any] | None = None,
        message_lost: Callable[[Any], Any] | None = None,
        incompatible_type: Callable[[Any], Any] | None = None,
        matched: Callable[[Any], Any] | None = None,
        use_default_callbacks: bool = True,
    ) -> None:
        self.deadline = deadline
        self.incompatible_qos = incompatible_qos
        self.liveliness = liveliness
        self.message_lost = message_lost
        self.incompatible_type = incompatible_type
        self.matched = matched
        self.use_default_callbacks = use_default_callbacks

    def create_event_handlers(
        self, callback_group: CallbackGroup, reader: Reader, topic_name: str, logger: Any
    ) -> list[EventHandler]:
        """The handlers for one subscription."""

        def warn(event: QoSIncompatibleQoSInfo) -> None:
            logger.warning(
                f"New publisher discovered on topic '{topic_name}', offering incompatible QoS. "
                "No messages will be received from it. Last incompatible policy: "
                f"{qos_policy_name_from_kind(event.last_policy_kind)}"
            )

        incompatible = self.incompatible_qos or (warn if self.use_default_callbacks else None)
        return _handlers(
            callback_group,
            reader,
            [
                (self.deadline, DDSStatus.RequestedDeadlineMissed, "requested_deadline_missed",
                 QoSDeadlineMissedInfo),
                (incompatible, DDSStatus.RequestedIncompatibleQos, "requested_incompatible_qos",
                 QoSIncompatibleQoSInfo),
                (self.liveliness, DDSStatus.LivelinessChanged, "liveliness_changed",
                 QoSLivelinessChangedInfo),
                (self.message_lost, DDSStatus.SampleLost, "sample_lost", QoSMessageLostInfo),
                (self.matched, DDSStatus.SubscriptionMatched, "subscription_matched",
                 QoSMatchedInfo),
            ],
        )  # fmt: skip


class PublisherEventCallbacks:
    """Which events of a publisher call back; by default, incompatible QoS is logged."""

    def __init__(
        self,
        *,
        deadline: Callable[[Any], Any] | None = None,
        liveliness: Callable[[Any], Any] | None = None,
        incompatible_qos: Callable[[Any], Any] | None = None,
        incompatible_type: Callable[[Any], Any] | None = None,
        matched: Callable[[Any], Any] | None = None,
        use_default_callbacks: bool = True,
    ) -> None:
        self.deadline = deadline
        self.liveliness = liveliness
        self.incompatible_qos = incompatible_qos
        self.incompatible_type = incompatible_type
        self.matched = matched
        self.use_default_callbacks = use_default_callbacks

    def create_event_handlers(
        self, callback_group: CallbackGroup, writer: Writer, topic_name: str, logger: Any
    ) -> list[EventHandler]:
        """The handlers for one publisher."""

        def warn(event: QoSIncompatibleQoSInfo) -> None:
            logger.warning(
                f"New subscription discovered on topic '{topic_name}', requesting incompatible "
                "QoS. No messages will be sent to it. Last incompatible policy: "
                f"{qos_policy_name_from_kind(event.last_policy_kind)}"
            )

        incompatible = self.incompatible_qos or (warn if self.use_default_callbacks else None)
        return _handlers(
            callback_group,
            writer,
            [
                (self.deadline, DDSStatus.OfferedDeadlineMissed, "offered_deadline_missed",
                 QoSDeadlineMissedInfo),
                (self.liveliness, DDSStatus.LivelinessLost, "liveliness_lost",
                 QoSLivelinessLostInfo),
                (incompatible, DDSStatus.OfferedIncompatibleQos, "offered_incompatible_qos",
                 QoSIncompatibleQoSInfo),
                (self.matched, DDSStatus.PublicationMatched, "publication_matched",
                 QoSMatchedInfo),
            ],
        )  # fmt: skip
