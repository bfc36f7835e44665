# SPDX-License-Identifier: Apache-2.0
"""rclpy.event_handler: callbacks on events of publishers and subscriptions."""

from __future__ import annotations

from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, Any

from cyclonedds.core import DDSException, DDSStatus

from rclpy_cyclone.qos.profile import QoSPolicyKind, qos_policy_name_from_kind

from .event_types import (
    QoSDeadlineMissedInfo,
    QoSIncompatibleQoSInfo,
    QoSLivelinessChangedInfo,
    QoSLivelinessLostInfo,
    QoSMatchedInfo,
    QoSMessageLostInfo,
)
from .incompatible_type import IncompatibleTypeHandler

if TYPE_CHECKING:
    from collections.abc import Callable

    from rclpy_cyclone.dds.endpoints import Reader, Writer
    from rclpy_cyclone.executors.callback_groups import CallbackGroup
    from rclpy_cyclone.graph.graph import Graph

# DDS numbers its policies otherwise than rmw.
_POLICY_KINDS = {
    2: QoSPolicyKind.DURABILITY, 4: QoSPolicyKind.DEADLINE, 8: QoSPolicyKind.LIVELINESS,
    11: QoSPolicyKind.RELIABILITY, 13: QoSPolicyKind.HISTORY, 21: QoSPolicyKind.LIFESPAN,
}  # fmt: skip
# What a callback listens to: the bit of a DDS status, the name of its getter, what is told.
_PUBLISHER_STATUSES: dict[str, tuple[int, str, type]] = {
    "deadline": (
        DDSStatus.OfferedDeadlineMissed, "offered_deadline_missed", QoSDeadlineMissedInfo,
    ),
    "liveliness": (DDSStatus.LivelinessLost, "liveliness_lost", QoSLivelinessLostInfo),
    "incompatible_qos": (
        DDSStatus.OfferedIncompatibleQos, "offered_incompatible_qos", QoSIncompatibleQoSInfo,
    ),
    "matched": (DDSStatus.PublicationMatched, "publication_matched", QoSMatchedInfo),
}  # fmt: skip
_SUBSCRIPTION_STATUSES: dict[str, tuple[int, str, type]] = {
    "deadline": (
        DDSStatus.RequestedDeadlineMissed, "requested_deadline_missed", QoSDeadlineMissedInfo,
    ),
    "incompatible_qos": (
        DDSStatus.RequestedIncompatibleQos, "requested_incompatible_qos", QoSIncompatibleQoSInfo,
    ),
    "liveliness": (DDSStatus.LivelinessChanged, "liveliness_changed", QoSLivelinessChangedInfo),
    "message_lost": (DDSStatus.SampleLost, "sample_lost", QoSMessageLostInfo),
    "matched": (DDSStatus.SubscriptionMatched, "subscription_matched", QoSMatchedInfo),
}  # fmt: skip


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
        names = [each.name for each in fields(self._info)]
        values = {n: getattr(status, n) for n in names if hasattr(status, n)}
        if self._info is QoSIncompatibleQoSInfo:
            kind = _POLICY_KINDS.get(status.last_policy_id, QoSPolicyKind.INVALID)
            values["last_policy_kind"] = kind
        if values.get("total_count_change", 1) == 0:
            return None
        return partial(self.callback, self._info(**values))


QoSEventHandler = EventHandler


class _EventCallbacks:
    """Which events call back, and what makes the handlers of an endpoint from that."""

    incompatible_qos: Callable[[Any], Any] | None
    incompatible_type: Callable[[Any], Any] | None
    use_default_callbacks: bool
    _statuses: dict[str, tuple[int, str, type]]
    _incompatible_qos_text: str

    def create_event_handlers(
        self,
        callback_group: CallbackGroup,
        endpoint: Reader | Writer,
        topic: str,
        logger: Any,
        graph: Graph,
    ) -> list[Any]:
        """The handlers for one publisher or subscription; warnings say topic as it is given."""

        def warn(event: QoSIncompatibleQoSInfo) -> None:
            policy = qos_policy_name_from_kind(event.last_policy_kind)
            logger.warning(self._incompatible_qos_text.format(topic, policy))

        callbacks = {name: getattr(self, name) for name in self._statuses}
        if self.use_default_callbacks and self.incompatible_qos is None:
            callbacks["incompatible_qos"] = warn
        made: list[Any] = [
            EventHandler(callback_group, callback, endpoint, *self._statuses[name])
            for name, callback in callbacks.items()
            if callback is not None
        ]
        mask = 0
        for handler in made:
            mask |= handler._bit
        endpoint.entity.set_status_mask(mask)
        if self.use_default_callbacks or self.incompatible_type is not None:
            made.append(
                IncompatibleTypeHandler(
                    callback_group, self.incompatible_type, endpoint, topic, logger, graph
                )
            )
        return made


class SubscriptionEventCallbacks(_EventCallbacks):
    """Which events of a subscription call back; incompatible QoS and types are logged."""

    _statuses = _SUBSCRIPTION_STATUSES
    _incompatible_qos_text = (
        "New publisher discovered on topic '{}', offering incompatible QoS. No messages will be "
        "received from it. Last incompatible policy: {}"
    )

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


class PublisherEventCallbacks(_EventCallbacks):
    """Which events of a publisher call back; incompatible QoS and types are logged."""

    _statuses = _PUBLISHER_STATUSES
    _incompatible_qos_text = (
        "New subscription discovered on topic '{}', requesting incompatible QoS. No messages will "
        "be sent to it. Last incompatible policy: {}"
    )

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
