# SPDX-License-Identifier: Apache-2.0
"""Records topics into a bag, as they arrive and without deserialising them.

`ros2 bag record` does the same on a machine with ROS 2; this node also runs without it, takes the
topics from a robot's contract, and can store the cameras compressed.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from rclpy.node import Node

from pam_ros.bags.errors import BagError
from pam_ros.bags.h264 import choose_encoder, import_av
from pam_ros.bags.writer import BagWriter
from pam_ros.nodes.kit.parameters import Declared, ParameterError, declare
from pam_ros.nodes.kit.running import run_node
from pam_ros.nodes.recorders.camera_store import KINDS, CameraStore, Storing, custom_data
from pam_ros.nodes.recorders.topic_recorder import (
    ANNOTATE_TOPIC,
    METADATA_VERSION,
    TopicRecorder,
    resolved,
)
from pam_ros.robot import load_contract
from pam_ros.robot.contract import IMAGE
from pam_ros.robot.topics import ATTENTION, FURTHER_MAPS, NODE, topics_of
from pam_ros.share.folders import find_contract, share_directory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rosbags.interfaces import Qos

    from pam_ros.robot.contract import Contract

PARAMETERS = (
    Declared("bag", "", "Folder of the new bag; must not exist."),
    Declared("storage", "mcap", "Storage of the bag.", choices=("mcap", "sqlite3")),
    Declared(
        "compression", "none", "Of mcap's chunks or sqlite3's messages.", choices=("none", "zstd")
    ),
    METADATA_VERSION,
    Declared("split_seconds", 0.0, "A new file after so long; 0: never.", True, 0.0, 1e6),
    Declared("split_megabytes", 0, "A new file at this size; 0: never.", True, 0, 1000000),
    Declared(
        "contract",
        "",
        "Contract whose cameras, joints, commands and maps are recorded; empty: none.",
    ),
    Declared(
        "topics_file",
        "",
        "YAML with a list `topics`; empty: config/record.yaml, or the contract's alone.",
    ),
    Declared(
        "cameras",
        "raw",
        "How raw pictures of the contract's cameras, without one of all but overlays, are stored.",
        choices=KINDS,
    ),
    Declared("jpeg_quality", 95, "Of cameras:=jpeg.", True, 1, 100),
    Declared("h264_crf", 18, "Of cameras:=h264: lower is better.", True, 0, 51),
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
        self._storing = Storing(values["cameras"], values["jpeg_quality"], values["h264_crf"])
        self._check_storing()
        contract = load_contract(find_contract(values["contract"])) if values["contract"] else None
        self._encodings = {} if contract is None else self._cameras_of(contract)
        self._all_cameras = contract is None
        self._wanted = frozenset(
            resolved(self, topic, "topics_file")
            for topic in _topics(values["topics_file"], contract)
        )
        self._wanted |= frozenset() if contract is None else self._of_contract(contract)
        # Maps of further targets, where a node's own map is recorded.
        own = f"/{ATTENTION.rsplit('/', 1)[1]}"
        self._further = tuple(
            f"{topic.removesuffix(own)}{FURTHER_MAPS.removeprefix('~')}/"
            for topic in self._wanted
            if topic.endswith(own)
        )
        self._overlays: bool = values["overlays"]
        annotations = values["annotate_topic"]
        if annotations:
            annotations = resolved(self, annotations, "annotate_topic")
        self._stores: dict[str, CameraStore] = {}
        self._said = custom_data(self._storing, {}) if self._storing.kind != "raw" else {}
        writer = BagWriter(
            values["bag"],
            values["storage"],
            compression=values["compression"],
            split_seconds=values["split_seconds"],
            split_bytes=values["split_megabytes"] * 1_000_000,
            metadata_version=values["metadata_version"],
            custom=self._said,
        )
        self._writer = writer
        self._recorder = TopicRecorder(self, writer, self._wants, stores=self._store_of)
        if annotations:
            self._recorder.expect(annotations, "std_msgs/msg/String")
        self.get_logger().info(f"recording into {values['bag']}")

    def _check_storing(self) -> None:
        if self._storing.kind != "h264":
            return
        try:
            choose_encoder(import_av(), None)
        except BagError as error:
            raise ParameterError(f"parameter 'cameras' is h264: {error}") from None

    def _cameras_of(self, contract: Contract) -> dict[str, str | None]:
        """The encoding that the contract states, by the camera's topic."""
        return {
            resolved(self, camera.topic, "contract"): camera.encoding for camera in contract.cameras
        }

    def _of_contract(self, contract: Contract) -> frozenset[str]:
        """What a replay needs of the robot, and what the node says of it."""
        named = topics_of(contract, f"{self.get_namespace().rstrip('/')}{NODE}")
        topics = {named.attention, named.chunk, named.diagnostics, named.instruction}
        topics |= {each.topic for each in (*named.states, *named.commands)}
        topics |= {camera.image for camera in named.cameras}
        if contract.environment is not None:
            topics.add(contract.environment.topic)
        return frozenset(resolved(self, topic, "contract") for topic in topics)

    def _store_of(self, topic: str, kind: str, offered: Qos) -> CameraStore | None:
        """What stores a camera's pictures; None for topics that are recorded as they are."""
        mine = topic in self._encodings or (self._all_cameras and "/attention/" not in topic)
        if self._storing.kind == "raw" or kind != IMAGE or not mine:
            return None
        self._stores[topic] = CameraStore(
            self._writer,
            topic,
            offered,
            self._storing,
            self._encodings.get(topic),
            self.get_logger().warning,
        )
        return self._stores[topic]

    def close(self) -> None:
        """Finish the bag; what arrived is in it."""
        for store in self._stores.values():
            store.close()
        if self._stores:
            self._said.update(custom_data(self._storing, self._stores))
        self._recorder.close()
        for topic, store in self._stores.items():
            self._tell(topic, store)

    def _tell(self, topic: str, store: CameraStore) -> None:
        said = store.described()
        how = f"crf {said['crf']}" if said["codec"] == "h264" else f"quality {said['quality']}"
        loss = "loss not measured"
        if "psnr_db_mean" in said:
            loss = f"PSNR {said['psnr_db_mean']} dB, at the lowest {said['psnr_db_lowest']} dB"
        self.get_logger().info(
            f"{topic}: {said['pictures']} pictures as {said['codec']} of {how}, {loss}"
        )
        if store.not_recorded:
            self.get_logger().error(f"{topic}: {store.not_recorded} pictures were not recorded")

    def _wants(self, topic: str) -> bool:
        mine = topic.startswith(f"{self.get_namespace().rstrip('/')}/")
        overlay = mine and "/attention/" in topic and topic.endswith("/image")
        further = any(topic.startswith(below) for below in self._further)
        return topic in self._wanted or further or (self._overlays and overlay)


def _topics(file: str, contract: Contract | None) -> frozenset[str]:
    if not file and contract is not None:
        return frozenset()
    path = Path(file) if file else share_directory() / "config" / "record.yaml"
    try:
        topics = yaml.safe_load(path.read_text(encoding="utf-8"))["topics"]
        return frozenset(str(topic) for topic in topics)
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise ParameterError(f"{path} does not hold a list `topics`: {error}") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `ros2 run pam_ros recorder`."""
    return run_node(RecorderNode, arguments, threads=1)
