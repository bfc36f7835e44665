# SPDX-License-Identifier: Apache-2.0
"""rclpy.qos: quality of service profiles, the presets, and which pairs are compatible."""

from __future__ import annotations

import warnings
from enum import Enum, IntEnum
from typing import Any

from rclpy_cyclone.time.duration import Duration


class QoSPolicyKind(IntEnum):
    """The policies, as QoS events name them."""

    INVALID = 1
    DURABILITY = 2
    DEADLINE = 4
    LIVELINESS = 8
    RELIABILITY = 16
    HISTORY = 32
    LIFESPAN = 64
    DEPTH = 128
    LIVELINESS_LEASE_DURATION = 256
    AVOID_ROS_NAMESPACE_CONVENTIONS = 512


def qos_policy_name_from_kind(policy_kind: int) -> str:
    """The name of a policy."""
    return QoSPolicyKind(policy_kind).name


class InvalidQoSProfileException(Exception):
    """The profile lacks history or depth."""

    def __init__(self, *args: Any) -> None:
        super().__init__("Invalid QoSProfile", *args)


class QoSPolicyEnum(IntEnum):
    """A policy with short keys for the command line."""

    @classmethod
    def short_keys(cls) -> list[str]:
        """The names in lower case."""
        return [name.lower() for name in cls.__members__]

    @classmethod
    def get_from_short_key(cls, name: str) -> int:
        """The value of a name in any case."""
        return cls[name.upper()].value

    @property
    def short_key(self) -> str:
        """The name in lower case."""
        return self.name.lower()


class HistoryPolicy(QoSPolicyEnum):
    """How many messages are kept."""

    SYSTEM_DEFAULT = 0
    KEEP_LAST = 1
    KEEP_ALL = 2
    UNKNOWN = 3


class ReliabilityPolicy(QoSPolicyEnum):
    """Whether lost messages are sent again."""

    SYSTEM_DEFAULT = 0
    RELIABLE = 1
    BEST_EFFORT = 2
    UNKNOWN = 3
    BEST_AVAILABLE = 4


class DurabilityPolicy(QoSPolicyEnum):
    """Whether late subscribers get earlier messages."""

    SYSTEM_DEFAULT = 0
    TRANSIENT_LOCAL = 1
    VOLATILE = 2
    UNKNOWN = 3
    BEST_AVAILABLE = 4


class LivelinessPolicy(QoSPolicyEnum):
    """How a publisher shows that it is alive."""

    SYSTEM_DEFAULT = 0
    AUTOMATIC = 1
    MANUAL_BY_TOPIC = 3
    UNKNOWN = 4
    BEST_AVAILABLE = 5


QoSHistoryPolicy = HistoryPolicy
QoSReliabilityPolicy = ReliabilityPolicy
QoSDurabilityPolicy = DurabilityPolicy
QoSLivelinessPolicy = LivelinessPolicy

_POLICIES: dict[str, type[QoSPolicyEnum]] = {
    "history": HistoryPolicy,
    "reliability": ReliabilityPolicy,
    "durability": DurabilityPolicy,
    "liveliness": LivelinessPolicy,
}
_DURATIONS = ("lifespan", "deadline", "liveliness_lease_duration")

# In the order of rclpy's __str__; apart from the class, so that a type checker does not take the
# policies, which are properties made below, for attributes without a slot.
_SLOTS = (
    "_history", "_depth", "_reliability", "_durability", "_lifespan", "_deadline",
    "_liveliness", "_liveliness_lease_duration", "_avoid_ros_namespace_conventions",
)  # fmt: skip


class QoSProfile:
    """A set of policies; history or depth must be given.

    Raises:
        InvalidQoSProfileException: neither history nor depth is given, or KEEP_LAST has no depth.
        AssertionError: an unknown policy, or a value of the wrong type.

    """

    __slots__: Any = _SLOTS

    history: HistoryPolicy
    depth: int
    reliability: ReliabilityPolicy
    durability: DurabilityPolicy
    lifespan: Duration
    deadline: Duration
    liveliness: LivelinessPolicy
    liveliness_lease_duration: Duration
    avoid_ros_namespace_conventions: bool

    def __init__(self, **kwargs: Any) -> None:
        if not all("_" + key in self.__slots__ for key in kwargs):
            raise AssertionError(f"Invalid arguments passed to constructor: {kwargs.keys()!r}")
        if "history" not in kwargs:
            if "depth" not in kwargs:
                raise InvalidQoSProfileException("History and/or depth settings are required.")
            kwargs["history"] = HistoryPolicy.KEEP_LAST
        if kwargs["history"] == HistoryPolicy.KEEP_LAST and "depth" not in kwargs:
            raise InvalidQoSProfileException("History set to KEEP_LAST without a depth setting.")
        defaults = {
            "history": HistoryPolicy.KEEP_LAST,
            "depth": 10,
            "reliability": ReliabilityPolicy.RELIABLE,
            "durability": DurabilityPolicy.VOLATILE,
            "lifespan": Duration(),
            "deadline": Duration(),
            "liveliness": LivelinessPolicy.SYSTEM_DEFAULT,
            "liveliness_lease_duration": Duration(),
            "avoid_ros_namespace_conventions": False,
        }
        for name, value in (defaults | kwargs).items():
            setattr(self, name, value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, QoSProfile):
            return False
        return all(getattr(self, slot) == getattr(other, slot) for slot in self.__slots__)

    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        values = ", ".join(f"{slot[1:]}={getattr(self, slot)}" for slot in self.__slots__)
        return f"{type(self).__name__}({values})"


def _policy_property(name: str) -> property:
    slot = "_" + name

    def put(self: QoSProfile, value: Any) -> None:
        if name in _POLICIES:
            if not isinstance(value, int):
                raise AssertionError(f"{name} must be a {_POLICIES[name].__name__}")
            value = _POLICIES[name](value)
        elif name in _DURATIONS:
            if not isinstance(value, Duration):
                raise AssertionError(f"{name} must be a Duration")
        elif not isinstance(value, bool if name.startswith("avoid") else int):
            raise AssertionError(f"{name} has a value of the wrong type: {value!r}")
        if name == "depth" and value == 0 and self.history == HistoryPolicy.KEEP_LAST:
            warnings.warn(
                "A zero depth with KEEP_LAST doesn't make sense; no data could be stored. "
                "This will be interpreted as SYSTEM_DEFAULT",
                stacklevel=3,
            )
        setattr(self, slot, value)

    return property(lambda self: getattr(self, slot), put, doc=f"The policy {name}.")


for _slot in QoSProfile.__slots__:
    setattr(QoSProfile, _slot[1:], _policy_property(_slot[1:]))

_BEST_AVAILABLE = Duration(nanoseconds=2**63 - 2)
DeadlineBestAvailable = _BEST_AVAILABLE
LivelinessLeaseDurationeBestAvailable = _BEST_AVAILABLE


def _preset(
    depth: int,
    *,
    best_effort: bool = False,
    transient_local: bool = False,
) -> QoSProfile:
    return QoSProfile(
        depth=depth,
        reliability=ReliabilityPolicy.BEST_EFFORT if best_effort else ReliabilityPolicy.RELIABLE,
        durability=(
            DurabilityPolicy.TRANSIENT_LOCAL if transient_local else DurabilityPolicy.VOLATILE
        ),
    )


qos_profile_default = _preset(10)
qos_profile_sensor_data = _preset(5, best_effort=True)
qos_profile_services_default = _preset(10)
qos_profile_parameters = _preset(1000)
qos_profile_parameter_events = _preset(1000)
qos_profile_action_status_default = _preset(1, transient_local=True)
qos_profile_rosout_default = QoSProfile(
    depth=1000, durability=DurabilityPolicy.TRANSIENT_LOCAL, lifespan=Duration(seconds=10)
)
qos_profile_system_default = QoSProfile(
    history=HistoryPolicy.SYSTEM_DEFAULT,
    depth=0,
    reliability=ReliabilityPolicy.SYSTEM_DEFAULT,
    durability=DurabilityPolicy.SYSTEM_DEFAULT,
    liveliness=LivelinessPolicy.SYSTEM_DEFAULT,
)
qos_profile_unknown = QoSProfile(
    history=HistoryPolicy.UNKNOWN,
    depth=0,
    reliability=ReliabilityPolicy.UNKNOWN,
    durability=DurabilityPolicy.UNKNOWN,
    liveliness=LivelinessPolicy.UNKNOWN,
)
qos_profile_best_available = QoSProfile(
    depth=10,
    reliability=ReliabilityPolicy.BEST_AVAILABLE,
    durability=DurabilityPolicy.BEST_AVAILABLE,
    deadline=_BEST_AVAILABLE,
    liveliness=LivelinessPolicy.BEST_AVAILABLE,
    liveliness_lease_duration=_BEST_AVAILABLE,
)


class QoSPresetProfiles(Enum):
    """The presets by name."""

    UNKNOWN = qos_profile_unknown
    DEFAULT = qos_profile_default
    SYSTEM_DEFAULT = qos_profile_system_default
    SENSOR_DATA = qos_profile_sensor_data
    SERVICES_DEFAULT = qos_profile_services_default
    PARAMETERS = qos_profile_parameters
    PARAMETER_EVENTS = qos_profile_parameter_events
    ACTION_STATUS_DEFAULT = qos_profile_action_status_default
    BEST_AVAILABLE = qos_profile_best_available

    @classmethod
    def short_keys(cls) -> list[str]:
        """The names in lower case."""
        return [name.lower() for name in cls.__members__]

    @classmethod
    def get_from_short_key(cls, name: str) -> QoSProfile:
        """The profile of a name in any case."""
        return cls[name.upper()].value
