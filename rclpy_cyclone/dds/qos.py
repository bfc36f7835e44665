# SPDX-License-Identifier: Apache-2.0
"""QoS profiles as DDS policies, the way rmw_cyclonedds does it, and back.

See create_readwrite_qos() in rmw_cyclonedds_cpp's rmw_node.cpp, and for user data
rmw/impl/cpp/key_value.hpp.
"""

from __future__ import annotations

from typing import Any

from cyclonedds.qos import Policy, Qos
from cyclonedds.util import duration as dds_duration

from rclpy_cyclone.errors.middleware import RCLError
from rclpy_cyclone.qos.profile import (
    DurabilityPolicy,
    HistoryPolicy,
    LivelinessPolicy,
    QoSProfile,
    ReliabilityPolicy,
)
from rclpy_cyclone.time.duration import Duration, Infinite

_DDS_INFINITE = dds_duration(infinite=True)


def _to_dds(duration: Duration) -> int:
    return int(_DDS_INFINITE) if duration.nanoseconds >= Infinite.nanoseconds else (
        duration.nanoseconds
    )  # fmt: skip


def dds_topic(name: str, profile: QoSProfile, prefix: str = "rt", suffix: str = "") -> str:
    """The DDS topic of a ROS name."""
    return f"{'' if profile.avoid_ros_namespace_conventions else prefix}{name}{suffix}"


def to_dds_qos(profile: QoSProfile, user_data: str = "", *, reader: bool = False) -> Qos:
    """The DDS policies of an endpoint.

    Best-available policies become the ones that match most peers: a reader asks for the least,
    a writer offers the most.

    Raises:
        RCLError: a policy is UNKNOWN.

    """
    if (
        profile.history == HistoryPolicy.UNKNOWN
        or profile.reliability == ReliabilityPolicy.UNKNOWN
        or profile.durability == DurabilityPolicy.UNKNOWN
        or profile.liveliness == LivelinessPolicy.UNKNOWN
    ):
        raise RCLError(f"a policy of this QoS profile is UNKNOWN: {profile}")
    if profile.history == HistoryPolicy.KEEP_ALL:
        history: Any = Policy.History.KeepAll
    else:
        history = Policy.History.KeepLast(profile.depth or 1)
    best_effort = profile.reliability == ReliabilityPolicy.BEST_EFFORT or (
        reader and profile.reliability == ReliabilityPolicy.BEST_AVAILABLE
    )
    policies: list[Any] = [
        history,
        Policy.Reliability.BestEffort
        if best_effort
        else Policy.Reliability.Reliable(_DDS_INFINITE),
        Policy.DataRepresentation(use_cdrv0_representation=True, use_xcdrv2_representation=False),
        Policy.WriterDataLifecycle(autodispose=False),
        Policy.Userdata(user_data.encode()),
    ]
    transient = profile.durability == DurabilityPolicy.TRANSIENT_LOCAL or (
        not reader and profile.durability == DurabilityPolicy.BEST_AVAILABLE
    )
    if transient:
        policies += [
            Policy.Durability.TransientLocal,
            Policy.DurabilityService(
                cleanup_delay=0,
                history=history,
                max_samples=-1,
                max_instances=-1,
                max_samples_per_instance=-1,
            ),
        ]
    else:
        policies.append(Policy.Durability.Volatile)
    best = Infinite.nanoseconds - 1
    if profile.lifespan.nanoseconds and not reader:
        policies.append(Policy.Lifespan(_to_dds(profile.lifespan)))
    if profile.deadline.nanoseconds and profile.deadline.nanoseconds != best:
        policies.append(Policy.Deadline(_to_dds(profile.deadline)))
    lease = profile.liveliness_lease_duration
    unset = not lease.nanoseconds or lease.nanoseconds == best
    lease_ns = _DDS_INFINITE if unset else _to_dds(lease)
    manual = profile.liveliness == LivelinessPolicy.MANUAL_BY_TOPIC
    liveliness = Policy.Liveliness.ManualByTopic if manual else Policy.Liveliness.Automatic
    policies.append(liveliness(lease_ns))
    return Qos(*policies)


def _from_dds(nanoseconds: int) -> Duration:
    return Infinite if nanoseconds >= _DDS_INFINITE else Duration(nanoseconds=nanoseconds)


def from_dds_qos(qos: Qos) -> QoSProfile:
    """The profile of a discovered endpoint; history and depth are not part of discovery."""
    values: dict[str, Any] = {
        "history": HistoryPolicy.UNKNOWN,
        "depth": 0,
        "reliability": ReliabilityPolicy.BEST_EFFORT,
        "durability": DurabilityPolicy.VOLATILE,
        "liveliness": LivelinessPolicy.AUTOMATIC,
        "lifespan": Infinite,
        "deadline": Infinite,
        "liveliness_lease_duration": Infinite,
    }
    for policy in qos:
        if isinstance(policy, Policy.Reliability.Reliable):
            values["reliability"] = ReliabilityPolicy.RELIABLE
        elif policy == Policy.Durability.TransientLocal:
            values["durability"] = DurabilityPolicy.TRANSIENT_LOCAL
        elif isinstance(policy, Policy.Lifespan):
            values["lifespan"] = _from_dds(policy.lifespan)
        elif isinstance(policy, Policy.Deadline):
            values["deadline"] = _from_dds(policy.deadline)
        elif isinstance(policy, Policy.Liveliness.ManualByTopic):
            values["liveliness"] = LivelinessPolicy.MANUAL_BY_TOPIC
            values["liveliness_lease_duration"] = _from_dds(policy.lease_duration)
        elif isinstance(policy, Policy.Liveliness.Automatic):
            values["liveliness_lease_duration"] = _from_dds(policy.lease_duration)
    return QoSProfile(**values)


def user_data_of(qos: Qos) -> dict[str, str]:
    """The key=value; pairs in an endpoint's user data."""
    for policy in qos:
        if isinstance(policy, Policy.Userdata):
            text = bytes(policy.data).decode("utf-8", "replace").rstrip("\0")
            return dict(pair.split("=", 1) for pair in text.split(";") if "=" in pair)
    return {}
