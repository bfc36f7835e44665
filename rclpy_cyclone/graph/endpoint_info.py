# SPDX-License-Identifier: Apache-2.0
"""rclpy.topic_endpoint_info and rclpy.type_hash: what is known of one publisher or subscription."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from rclpy_cyclone.qos.profile import HistoryPolicy, QoSPresetProfiles, QoSProfile


class TopicEndpointTypeEnum(IntEnum):
    """Publisher or subscription."""

    INVALID = 0
    PUBLISHER = 1
    SUBSCRIPTION = 2


@dataclass
class TypeHash:
    """A type hash (REP 2011): the version of its rules, 1 so far, and 32 bytes.

    A version of 0 or less says that none is known. The form is that of rosidl_runtime_c's
    type_hash.h.
    """

    __slots__ = ("value", "version")
    version: int
    value: bytes

    def __init__(self, version: int = -1, value: bytes = bytes(32)) -> None:
        self.version = version
        self.value = value

    @classmethod
    def parse(cls, text: str) -> TypeHash:
        """The hash of "RIHS01_" and 64 hexadecimal digits; an invalid one of other text."""
        head, _, digits = text.partition("_")
        try:
            if head.startswith("RIHS") and len(digits) == 64:
                return cls(int(head[4:]), bytes.fromhex(digits))
        except ValueError:
            pass
        return cls()

    def __str__(self) -> str:
        if self.version <= 0 or len(self.value) != 32:
            return "INVALID"
        return f"RIHS{self.version:02}_{self.value.hex()}"


@dataclass
class TopicEndpointInfo:
    """One publisher or subscription of a topic."""

    node_name: str = ""
    node_namespace: str = ""
    topic_type: str = ""
    topic_type_hash: TypeHash = field(default_factory=TypeHash)
    endpoint_type: TopicEndpointTypeEnum = TopicEndpointTypeEnum.INVALID
    endpoint_gid: list[int] = field(default_factory=list)
    qos_profile: QoSProfile = field(default_factory=lambda: QoSPresetProfiles.UNKNOWN.value)

    def __str__(self) -> str:
        qos = self.qos_profile
        history = qos.history.name
        if qos.history == HistoryPolicy.KEEP_LAST:
            history += f" ({qos.depth})"
        return "\n".join(
            [
                f"Node name: {self.node_name}",
                f"Node namespace: {self.node_namespace}",
                f"Topic type: {self.topic_type}",
                f"Topic type hash: {self.topic_type_hash}",
                f"Endpoint type: {self.endpoint_type.name}",
                f"GID: {'.'.join(format(x, '02x') for x in self.endpoint_gid)}",
                "QoS profile:",
                f"  Reliability: {qos.reliability.name}",
                f"  History (Depth): {history}",
                f"  Durability: {qos.durability.name}",
                f"  Lifespan: {qos.lifespan}",
                f"  Deadline: {qos.deadline}",
                f"  Liveliness: {qos.liveliness.name}",
                f"  Liveliness lease duration: {qos.liveliness_lease_duration}",
            ]
        )
