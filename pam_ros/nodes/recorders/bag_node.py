# SPDX-License-Identifier: Apache-2.0
"""Records topics into a bag, as they arrive and without deserialising them.

`ros2 bag record` does the same on a machine with ROS 2; this node also runs without it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from rclpy.node import Node

from pam_ros.bags.writer import BagWriter
from pam_ros.nodes.kit.parameters import Declared, ParameterError, declare
from pam_ros.nodes.kit.running import run_node
from pam_ros.nodes.recorders.topic_recorder import ANNOTATE_TOPIC, TopicRecorder, resolved
from pam_ros.share.folders import share_directory

if TYPE_CHECKING:
    from collections.abc import Sequence

PARAMETERS = (
    Declared("bag", "", "Folder of the new bag; must not exist."),
    Declared("storage", "mcap", "Storage of the bag.", choices=("mcap", "sqlite3")),
    Declared(
        "compression", "none", "Of mcap's chunks or sqlite3's messages.", choices=("none", "zstd")
    ),
    Declared("split_seconds", 0.0, "A new file after so long; 0: never.", True, 0.0, 1e6),
    Declared("split_megabytes", 0, "A new file at this size; 0: never.", True, 0, 1000000),
    Declared("topics_file", "", "YAML with a list `topics`; empty: config/record.yaml."),
    Declared(
        "annotate_topic",
        ANNOTATE_TOPIC,
        "String: what people say of moments; relative to the namespace; empty: none.",
    ),
    Declared("overlays", False, "Also every .../attention/<camera>/image of the namespace."),
)


class RecorderNode(Node):
    """Parameters around a TopicRecorder."""

    def __init__(self) -> None:
        super().__init__("recorder")
        values = declare(self, PARAMETERS)
        if not values["bag"]:
            raise ParameterError("parameter 'bag' is not set: name a new folder with -p bag:=...")
        self._wanted = frozenset(
            resolved(self, topic, "topics_file") for topic in _topics(values["topics_file"])
        )
        self._overlays: bool = values["overlays"]
        annotations = values["annotate_topic"]
        if annotations:
            annotations = resolved(self, annotations, "annotate_topic")
        writer = BagWriter(
            values["bag"],
            values["storage"],
            compression=values["compression"],
            split_seconds=values["split_seconds"],
            split_bytes=values["split_megabytes"] * 1_000_000,
        )
        self._recorder = TopicRecorder(self, writer, self._wants)
        if annotations:
            self._recorder.expect(annotations, "std_msgs/msg/String")
        self.get_logger().info(f"recording into {values['bag']}")

    def close(self) -> None:
        """Finish the bag; what arrived is in it."""
        self._recorder.close()

    def _wants(self, topic: str) -> bool:
        mine = topic.startswith(f"{self.get_namespace().rstrip('/')}/")
        overlay = mine and "/attention/" in topic and topic.endswith("/image")
        return topic in self._wanted or (self._overlays and overlay)


def _topics(file: str) -> frozenset[str]:
    path = Path(file) if file else share_directory() / "config" / "record.yaml"
    try:
        topics = yaml.safe_load(path.read_text(encoding="utf-8"))["topics"]
        return frozenset(str(topic) for topic in topics)
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise ParameterError(f"{path} does not hold a list `topics`: {error}") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `ros2 run pam_ros recorder`."""
    return run_node(RecorderNode, arguments, threads=1)
