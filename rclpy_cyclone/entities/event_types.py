# SPDX-License-Identifier: Apache-2.0
"""The events of publishers and subscriptions, and what their callbacks are told."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rclpy_cyclone.qos.profile import QoSPolicyKind


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
class _Count:
    """How often it has happened, and how often since the last call."""

    total_count: int
    total_count_change: int


@dataclass
class QoSDeadlineMissedInfo(_Count):
    """How many deadlines were missed."""


@dataclass
class QoSLivelinessLostInfo(_Count):
    """How often this publisher failed to show that it is alive."""


@dataclass
class QoSMessageLostInfo(_Count):
    """How many messages were lost."""


@dataclass
class IncompatibleTypeInfo(_Count):
    """How many peers have another type or definition."""


@dataclass
class QoSIncompatibleQoSInfo(_Count):
    """How many peers were refused, and for which policy the last one."""

    last_policy_kind: QoSPolicyKind


@dataclass
class QoSMatchedInfo(_Count):
    """How many peers are matched."""

    current_count: int
    current_count_change: int


@dataclass
class QoSLivelinessChangedInfo:
    """How many publishers are alive."""

    alive_count: int
    not_alive_count: int
    alive_count_change: int
    not_alive_count_change: int


QoSRequestedDeadlineMissedInfo = QoSOfferedDeadlineMissedInfo = QoSDeadlineMissedInfo
QoSRequestedIncompatibleQoSInfo = QoSOfferedIncompatibleQoSInfo = QoSIncompatibleQoSInfo
QoSSubscriptionMatchedInfo = QoSPublisherMatchedInfo = QoSMatchedInfo
