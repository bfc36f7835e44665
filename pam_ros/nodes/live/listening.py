# SPDX-License-Identifier: Apache-2.0
"""What is heard of a running node while somebody looks, and nothing while nobody does.

The inference node draws overlays only for whoever subscribes, and makes its chunk's message only
then: so a page that is closed costs neither side anything.
"""

from __future__ import annotations

import re
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import ParameterEvent
from rclpy._rclpy_pybind11 import RCLError
from rclpy.qos import QoSProfile, ReliabilityPolicy, qos_profile_parameter_events
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CompressedImage
from trajectory_msgs.msg import JointTrajectory

from pam_ros.live.said import (
    diagnostics_said,
    names_and_values,
    numbers_said,
    plan_said,
    seconds,
    tick_said,
)
from pam_ros.msg import AttentionMap
from pam_ros.nodes.kit.messages import message_class

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rclpy.node import Node
    from rclpy.subscription import Subscription

# A slow page must not hold up the robot.
_NEWEST = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
_SOME = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)
NUMBERS_EVERY_S = 0.09
"""A curve needs no more points; a driver may publish joints at 1 kHz."""
PLAN_EVERY_S = 0.2
COMMANDS = (
    "sensor_msgs/msg/JointState",
    "trajectory_msgs/msg/JointTrajectory",
    "std_msgs/msg/Float64MultiArray",
)
"""Types of commands and states that are drawn as curves."""
COMMANDED, MEASURED = "commanded", "measured"


class Listening:
    """Subscriptions to one inference node's topics. Of the executor's thread alone.

    Args:
        node: on which they are made.
        target: full name of the inference node.
        tell: takes a kind of news and its values.
        picture: takes a camera's name, the picture's time [s] and its JPEG.
        changed: takes the node's parameters that have changed, by name.
    """

    def __init__(
        self,
        node: Node,
        target: str,
        tell: Callable[[str, Mapping[str, Any]], object],
        picture: Callable[[str, float, bytes], object],
        changed: Callable[[ParameterEvent], object],
    ) -> None:
        self._node, self._target = node, target
        self._tell, self._picture, self._changed = tell, picture, changed
        self._subscriptions: dict[str, Subscription] = {}
        self._last: dict[str, float] = {}

    @property
    def topics(self) -> set[str]:
        """What is listened to now."""
        return set(self._subscriptions)

    def close(self) -> None:
        """Listen to nothing."""
        for subscription in self._subscriptions.values():
            self._node.destroy_subscription(subscription)
        self._subscriptions.clear()
        self._last.clear()

    def look_again(self) -> bool:
        """Listen to what the node publishes by now; whether it is there."""
        namespace, _, name = self._target.rpartition("/")
        namespace = namespace or "/"
        try:
            published = self._node.get_publisher_names_and_types_by_node(name, namespace)
            read = self._node.get_subscriber_names_and_types_by_node(name, namespace)
        except RCLError:  # there is no such node
            return False
        self._listen("/diagnostics", DiagnosticArray, self._on_diagnostics, _SOME)
        events = qos_profile_parameter_events  # reliable: each is sent once
        self._listen("/parameter_events", ParameterEvent, self._changed, events)
        own = f"{self._target}/"
        camera = re.compile(f"{re.escape(own)}attention/([^/]+)/image/compressed")
        for topic, types in published:
            found = camera.fullmatch(topic)
            if found:
                take = partial(self._on_picture, found[1])
                self._listen(topic, CompressedImage, take, _NEWEST)
            elif topic == f"{own}attention":
                self._listen(topic, AttentionMap, self._on_map, _SOME)
            elif topic == f"{own}predicted_chunk":
                self._listen_raw(topic, JointTrajectory, self._on_plan, PLAN_EVERY_S)
            elif not topic.startswith(own) and types[0] in COMMANDS:
                self._listen_numbers(topic, types[0], COMMANDED)
        for topic, types in read:
            if not topic.startswith(own) and types[0] in COMMANDS:
                self._listen_numbers(topic, types[0], MEASURED)
        return True

    def _listen_numbers(self, topic: str, kind: str, role: str) -> None:
        take = partial(self._on_numbers, role)
        self._listen_raw(topic, message_class(kind), take, NUMBERS_EVERY_S)

    def _listen(
        self, topic: str, kind: type[Any], take: Callable[[Any], object], qos: QoSProfile
    ) -> None:
        if topic not in self._subscriptions:
            self._subscriptions[topic] = self._node.create_subscription(kind, topic, take, qos)

    def _listen_raw(
        self, topic: str, kind: type[Any], take: Callable[[Any], object], every_s: float
    ) -> None:
        """Decode no more messages than are shown."""
        if topic in self._subscriptions:
            return

        def arrived(data: bytes) -> None:
            now = time.monotonic()
            if now - self._last.get(topic, 0.0) < every_s:
                return
            self._last[topic] = now
            take(deserialize_message(data, kind))

        self._subscriptions[topic] = self._node.create_subscription(
            kind, topic, arrived, _NEWEST, raw=True
        )

    def _on_picture(self, camera: str, message: CompressedImage) -> None:
        self._picture(camera, seconds(message.header.stamp), bytes(message.data))

    def _on_map(self, message: AttentionMap) -> None:
        self._tell("tick", tick_said(message))

    def _on_plan(self, message: JointTrajectory) -> None:
        self._tell("plan", plan_said(message))

    def _on_numbers(self, role: str, message: Any) -> None:
        said = numbers_said(role, *names_and_values(message))
        if said is not None:
            self._tell(role, said)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.hardware_id == self._target and status.name.endswith(": policy"):
                self._tell("diagnostics", diagnostics_said(status))
