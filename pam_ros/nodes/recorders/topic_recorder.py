# SPDX-License-Identifier: Apache-2.0
"""Records other nodes' topics into a bag, as they arrive and without deserialising them."""

from __future__ import annotations

import importlib
from functools import partial
from typing import TYPE_CHECKING, Any

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

from pam_ros.bags import BagError
from pam_ros.bags.metadata import VERSION, VERSIONS
from pam_ros.bags.qos import qos_of
from pam_ros.nodes.kit.parameters import Declared, ParameterError
from pam_ros.nodes.kit.said import Said

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rclpy.node import Node
    from rosbags.interfaces import Qos

    from pam_ros.bags.writer import BagWriter
    from pam_ros.nodes.recorders.camera_store import CameraStore

METADATA_VERSION = Declared(
    "metadata_version",
    VERSION,
    "Of the bag's metadata: 5 for readers of ROS 2 Humble, 7 for those of Iron, 9 since Jazzy.",
    True,
    VERSIONS[0],
    VERSIONS[-1],
)
DEPTH = 100
LOOK_SECONDS = 0.25
ANNOTATE_TOPIC = "act_attention/annotate"
"""What a person says of a moment, std_msgs/String; its time is that of its arrival in the bag."""


def resolved(node: Node, topic: str, parameter: str) -> str:
    """The full name, after remapping, of a topic that a parameter names; relative to the node.

    Raises:
        ParameterError: it is no name of a topic.
    """
    try:
        return node.resolve_topic_name(topic)
    except RuntimeError as error:
        raise ParameterError(
            f"parameter '{parameter}' has {topic!r}, which is no name of a topic: {error}"
        ) from error


class TopicRecorder:
    """Looks for the wanted topics and subscribes to each as soon as somebody publishes it.

    Args:
        node: subscribes.
        writer: the bag; closed by close().
        wants: whether a topic is to be recorded, by its full name.
        reliable: subscribe so where every publisher offers it. A reliable subscriber that stands
            still can hold up its publisher.
        stores: makes what stores the pictures of a topic in another form, from the topic and the
            QoS that it is offered with; None for topics that are recorded as they are.

    `not_recorded` counts messages that the bag did not take.
    """

    def __init__(
        self,
        node: Node,
        writer: BagWriter,
        wants: Callable[[str], bool],
        *,
        reliable: bool = True,
        stores: Callable[[str, str, Qos], CameraStore | None] | None = None,
    ) -> None:
        self._stores = stores
        self._node = node
        self._said = Said(node.get_logger())
        self._reliable = reliable
        self._writer = writer
        self._wants = wants
        self._recorded: set[str] = set()
        self._closed = False
        self.not_recorded = 0
        node.create_timer(LOOK_SECONDS, self._look)

    def expect(self, topic: str, type_name: str) -> None:
        """Subscribe before anybody publishes: what a person sends once must not be missed.

        Args:
            topic: its full name.
            type_name: as in "std_msgs/msg/String".
        """
        self._recorded.add(topic)
        self._record(topic, [type_name], [QoSProfile(depth=DEPTH)])

    def write(self, topic: str, data: bytes) -> None:
        """Record one message now; where the bag does not take it, say so and go on."""
        if self._closed:
            self.not_recorded += 1
            self._node.get_logger().warning(
                f"a message on {topic} came after the end of the recording", once=True
            )
            return
        try:
            self._writer.write(topic, data, self._node.get_clock().now().nanoseconds)
        except BagError as error:
            self.not_recorded += 1
            self._said.error(str(error))

    def _store(self, store: CameraStore, data: bytes) -> None:
        store.put(data, self._node.get_clock().now().nanoseconds)

    def close(self) -> None:
        """Finish the bag; what arrived is in it."""
        if self._closed:
            return
        self._closed = True
        try:
            self._writer.close()
        except BagError as error:
            self._node.get_logger().error(str(error))
            return
        counts = self._writer.counts
        self._node.get_logger().info(
            f"{sum(counts.values())} messages of {len(counts)} topics recorded"
        )

    def _look(self) -> None:
        if self._closed:
            return
        for topic, types in self._node.get_topic_names_and_types():
            if topic in self._recorded or not self._wants(topic):
                continue
            publishers = [i.qos_profile for i in self._node.get_publishers_info_by_topic(topic)]
            # Where others only listen yet, the QoS to subscribe with is not known.
            if publishers:
                self._recorded.add(topic)
                self._record(topic, types, publishers)

    def _record(self, topic: str, types: Sequence[str], publishers: Sequence[QoSProfile]) -> None:
        if len(types) != 1:
            self._node.get_logger().error(
                f"{topic} has several types ({', '.join(types)}): not recorded"
            )
            return
        profile = _fitting(publishers)
        offered = qos_of(profile)
        if not self._reliable:
            profile.reliability = ReliabilityPolicy.BEST_EFFORT
        store = None if self._stores is None else self._stores(topic, types[0], offered)
        take = partial(self.write, topic) if store is None else partial(self._store, store)
        try:
            message_class = _message_class(types[0])
            if store is None:
                self._writer.add_topic(topic, types[0], offered)
        except (ImportError, AttributeError, ValueError):
            self._node.get_logger().error(f"{topic} has the unknown type {types[0]}: not recorded")
            return
        except BagError as error:
            self._node.get_logger().error(f"{topic} is not recorded: {error}")
            return
        self._node.create_subscription(message_class, topic, take, profile, raw=True)
        self._node.get_logger().info(f"recording {topic} [{types[0]}]")


def _message_class(name: str) -> Any:
    package, kind, message = name.split("/")
    return getattr(importlib.import_module(f"{package}.{kind}"), message)


def _fitting(publishers: Sequence[QoSProfile]) -> QoSProfile:
    """The strictest profile that every publisher of a topic can serve."""
    reliable = bool(publishers) and all(
        profile.reliability == ReliabilityPolicy.RELIABLE for profile in publishers
    )
    latched = bool(publishers) and all(
        profile.durability == DurabilityPolicy.TRANSIENT_LOCAL for profile in publishers
    )
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=DEPTH,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )
