# SPDX-License-Identifier: Apache-2.0
"""Whether a publisher and a subscription match by their profiles, worded as rmw_dds_common does."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rclpy_cyclone.time.duration import Duration

    from .profile import QoSProfile

__all__ = ["QoSCompatibility", "qos_check_compatible"]


class QoSCompatibility(IntEnum):
    """Whether a publisher and a subscription match."""

    OK = 0
    WARNING = 1
    ERROR = 2


# Policy, what a publisher can offer that a subscription with the other value refuses, the error,
# and the three doubts: both sides open, the publisher's open, the subscription's open. rmw writes
# "durabilty".
_POLICIES = (
    (
        "reliability", "BEST_EFFORT", "RELIABLE",
        "Best effort publisher and reliable subscription;",
        "Publisher reliability is {} and subscription reliability is {};",
        "Reliable subscription, but publisher is {};",
        "Best effort publisher, but subscription is {};",
    ),
    (
        "durability", "VOLATILE", "TRANSIENT_LOCAL",
        "Volatile publisher and transient local subscription;",
        "Publisher durabilty is {} and subscription durability is {};",
        "Transient local subscription, but publisher is {};",
        "Volatile publisher, but subscription is {};",
    ),
    (
        "liveliness", "AUTOMATIC", "MANUAL_BY_TOPIC",
        "Publisher's liveliness is automatic and subscription's is manual by topic;",
        "Publisher liveliness is {} and subscription liveliness is {};",
        "Subscription's liveliness is manual by topic, but publisher's is {};",
        "Publisher's liveliness is automatic, but subscription's is {};",
    ),
)  # fmt: skip
_OPEN = ("SYSTEM_DEFAULT", "UNKNOWN")


def _period_error(offered: Duration, wanted: Duration, none: str, longer: str) -> str:
    if not wanted.nanoseconds:
        return ""
    if not offered.nanoseconds:
        return f"ERROR: {none}"
    return f"ERROR: {longer}" if wanted < offered else ""


def qos_check_compatible(
    publisher_qos: QoSProfile, subscription_qos: QoSProfile
) -> tuple[QoSCompatibility, str]:
    """Whether a publisher and a subscription of these profiles match, and why not."""
    errors, doubts = [], []
    for name, weak, strong, error, both, publisher_open, subscription_open in _POLICIES:
        offered = getattr(publisher_qos, name).name
        wanted = getattr(subscription_qos, name).name
        if offered == weak and wanted == strong:
            errors.append(f"ERROR: {error}")
        elif offered in _OPEN and wanted in _OPEN:
            doubts.append(f"WARNING: {both.format(offered.lower(), wanted.lower())}")
        elif offered in _OPEN and wanted == strong:
            doubts.append(f"WARNING: {publisher_open.format(offered.lower())}")
        elif offered == weak and wanted in _OPEN:
            doubts.append(f"WARNING: {subscription_open.format(wanted.lower())}")
    deadline = _period_error(
        publisher_qos.deadline,
        subscription_qos.deadline,
        "Subscription has a deadline, but publisher does not;",
        "Subscription deadline is less than publisher deadline;",
    )
    lease = _period_error(
        publisher_qos.liveliness_lease_duration,
        subscription_qos.liveliness_lease_duration,
        "Subscription has a liveliness lease duration, but publisher does not;",
        "Subscription liveliness lease duration is less than publisher;",
    )
    # rmw checks the deadline before liveliness, the lease after it.
    position = len([e for e in errors if "liveliness" not in e])
    errors.insert(position, deadline)
    errors.append(lease)
    if any(errors):
        return QoSCompatibility.ERROR, "".join(errors)
    return (QoSCompatibility.WARNING if doubts else QoSCompatibility.OK), "".join(doubts)
