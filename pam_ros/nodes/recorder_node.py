# SPDX-License-Identifier: Apache-2.0
"""Records topics into an mcap bag, as they arrive and without deserialising them.

`ros2 bag record` does the same on a machine with ROS 2; this node also runs without it.
"""

from __future__ import annotations

import importlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

from pam_ros.bags import BagError
from pam_ros.bags.qos import qos_of
from pam_ros.bags.writer import BagWriter
from pam_ros.nodes.parameters import Declared, ParameterError, declare
from pam_ros.nodes.running import run_node
from pam_ros.share import share_directory

if TYPE_CHECKING:
    from collections.abc import Sequence

DEPTH = 100
LOOK_SECONDS = 0.25

PARAMETERS = (
    Declared("bag", "", "Folder of the new bag; must not exist."),
    Declared("storage", "mcap", "Storage of the bag.", choices=("mcap", "sqlite3")),
    Declared("topics_file", "", "YAML with a list `topics`; empty: config/record.yaml."),
    Declared("overlays", False, "Also every ~/attention/<camera>/image of act_attention."),
)


class RecorderNode(Node):
    """Looks for the wanted topics and subscribes to each as soon as it is there."""

    def __init__(self) -> None:
        super().__init__("recorder")
        values = declare(self, PARAMETERS)
        if not values["bag"]:
            raise ParameterError("parameter 'bag' is not set: name a new folder with -p bag:=...")
        self._wanted = _topics(values["topics_file"])
        self._overlays: bool = values["overlays"]
        self._writer: BagWriter | None = BagWriter(values["bag"], values["storage"])
        self._recorded: set[str] = set()
        self.create_timer(LOOK_SECONDS, self._look)
        self.get_logger().info(f"recording into {values['bag']}")

    def close(self) -> None:
        """Finish the bag; what arrived is in it."""
        if self._writer is None:
            return
        writer, self._writer = self._writer, None
        try:
            writer.close()
        except BagError as error:
            self.get_logger().error(str(error))
            return
        messages = sum(writer.counts.values())
        self.get_logger().info(f"{messages} messages of {len(writer.counts)} topics recorded")

    def _look(self) -> None:
        for topic, types in self.get_topic_names_and_types():
            if topic in self._recorded or not self._wants(topic):
                continue
            publishers = [info.qos_profile for info in self.get_publishers_info_by_topic(topic)]
            # Where others only listen yet, the QoS to subscribe with is not known.
            if publishers:
                self._recorded.add(topic)
                self._record(topic, types, publishers)

    def _wants(self, topic: str) -> bool:
        overlay = "/attention/" in topic and topic.endswith("/image")
        return topic in self._wanted or (self._overlays and overlay)

    def _record(self, topic: str, types: Sequence[str], publishers: Sequence[QoSProfile]) -> None:
        if len(types) != 1:
            self.get_logger().error(f"{topic} has several types ({', '.join(types)}): not recorded")
            return
        try:
            message_class = _message_class(types[0])
        except (ImportError, AttributeError, ValueError):
            self.get_logger().error(f"{topic} has the unknown type {types[0]}: not recorded")
            return
        profile = _fitting(publishers)
        assert self._writer is not None
        self._writer.add_topic(topic, types[0], qos_of(profile))
        self.create_subscription(
            message_class, topic, partial(self._on_message, topic), profile, raw=True
        )
        self.get_logger().info(f"recording {topic} [{types[0]}]")

    def _on_message(self, topic: str, data: bytes) -> None:
        if self._writer is None:
            return
        try:
            self._writer.write(topic, data, self.get_clock().now().nanoseconds)
        except BagError as error:
            self.get_logger().error(str(error), throttle_duration_sec=5.0)


def _topics(file: str) -> frozenset[str]:
    path = Path(file) if file else share_directory() / "config" / "record.yaml"
    try:
        topics = yaml.safe_load(path.read_text(encoding="utf-8"))["topics"]
        return frozenset(str(topic) for topic in topics)
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise ParameterError(f"{path} does not hold a list `topics`: {error}") from error


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


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `ros2 run pam_ros recorder`."""
    return run_node(RecorderNode, arguments, threads=1)
