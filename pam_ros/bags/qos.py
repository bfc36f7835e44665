# SPDX-License-Identifier: Apache-2.0
"""QoS profiles as a bag keeps them, so that `ros2 bag play` offers topics as they were offered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rosbags.interfaces import (
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)

from pam_ros.bags.errors import BagError

if TYPE_CHECKING:
    from collections.abc import Iterable

_SECOND = 1_000_000_000
#: What rmw reports for a duration without end: 2**63 - 1 nanoseconds.
_INFINITE = QosTime(9_223_372_036, 854_775_807)


def qos(
    *,
    reliability: str = "reliable",
    durability: str = "volatile",
    history: str = "keep_last",
    depth: int = 10,
) -> Qos:
    """A profile from ROS 2's words, for example durability "transient_local".

    Raises:
        BagError: an unknown word.
    """
    return Qos(
        history=_member(QosHistory, history),
        depth=depth,
        reliability=_member(QosReliability, reliability),
        durability=_member(QosDurability, durability),
        deadline=_INFINITE,
        lifespan=_INFINITE,
        liveliness=QosLiveliness.AUTOMATIC,
        liveliness_lease_duration=_INFINITE,
        avoid_ros_namespace_conventions=False,
    )


def qos_of(profile: Any) -> Qos:
    """The profile of an endpoint: anything with the fields of rclpy's QoSProfile.

    Raises:
        BagError: a policy that ROS 2 does not know.
    """
    return Qos(
        history=_member(QosHistory, profile.history.name),
        depth=int(profile.depth),
        reliability=_member(QosReliability, profile.reliability.name),
        durability=_member(QosDurability, profile.durability.name),
        deadline=_time(profile.deadline),
        lifespan=_time(profile.lifespan),
        liveliness=_member(QosLiveliness, profile.liveliness.name),
        liveliness_lease_duration=_time(profile.liveliness_lease_duration),
        avoid_ros_namespace_conventions=bool(profile.avoid_ros_namespace_conventions),
    )


def qos_documents(profiles: Iterable[Qos]) -> list[dict[str, Any]]:
    """Profiles in the form that metadata.yaml has had since its version 9."""
    return [
        {
            "history": profile.history.name.lower(),
            "depth": profile.depth,
            "reliability": profile.reliability.name.lower(),
            "durability": profile.durability.name.lower(),
            "deadline": _document(profile.deadline),
            "lifespan": _document(profile.lifespan),
            "liveliness": profile.liveliness.name.lower(),
            "liveliness_lease_duration": _document(profile.liveliness_lease_duration),
            "avoid_ros_namespace_conventions": profile.avoid_ros_namespace_conventions,
        }
        for profile in profiles
    ]


def _document(time: QosTime) -> dict[str, int]:
    return {"sec": time.sec, "nsec": time.nsec}


def _member(kind: Any, word: str) -> Any:
    member = kind.__members__.get(word.upper())
    if member is None:
        known = ", ".join(name.lower() for name in kind.__members__)
        raise BagError(f"QoS policy '{word}' is none of {known}")
    return member


def _time(duration: Any) -> QosTime:
    """A Duration of rclpy; zero means that nobody set it, which is without end."""
    nanoseconds = int(getattr(duration, "nanoseconds", 0))
    if nanoseconds <= 0 or nanoseconds >= 2**63 - 1:
        return _INFINITE
    return QosTime(*divmod(nanoseconds, _SECOND))
