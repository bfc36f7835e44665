# SPDX-License-Identifier: Apache-2.0
"""Overlays as Image and CompressedImage, drawn only for whoever subscribes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sensor_msgs.msg import CompressedImage, Image

from pam_ros.nodes.kit.messages import RosMessages
from pam_ros.tick.pictures import WORDS, OverlayMaker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rclpy.node import Node
    from rclpy.publisher import Publisher

    from pam_ros.nodes.act.parameters import DrawnLook
    from pam_ros.robot.contract import Contract
    from pam_ros.tick.explained import ExplainedTick


class OverlayPublisher:
    """`prefix/<camera>/image` and the same with `/compressed` for each camera.

    words: the topic of the strip with the words of the instruction, likewise; empty: none.
    """

    def __init__(
        self, node: Node, contract: Contract, prefix: str = "~/attention", words: str = ""
    ) -> None:
        self._images = {}
        self._compressed = {}
        topics = {camera.name: f"{prefix}/{camera.name}/image" for camera in contract.cameras}
        if words and contract.cameras:
            topics[WORDS] = words
        for name, topic in topics.items():
            self._images[name] = node.create_publisher(Image, topic, 2)
            self._compressed[name] = node.create_publisher(
                CompressedImage, f"{topic}/compressed", 2
            )
        self.published = dict.fromkeys(self._images, 0)
        self._maker = OverlayMaker(RosMessages(), contract)

    def subscribers(self) -> int:
        """How many subscriptions all overlays have together, raw and compressed."""
        publishers: list[Publisher[Any]] = [*self._images.values(), *self._compressed.values()]
        return sum(publisher.get_subscription_count() for publisher in publishers)

    def wanted(self) -> bool:
        """Whether anybody listens to any overlay."""
        return self.subscribers() > 0

    def publish(self, look: DrawnLook, tick: ExplainedTick) -> None:
        """Draw and publish; each picture carries the stamp and frame_id of its source image."""
        raw = _heard(self._images)
        compressed = _heard(self._compressed)
        for drawn in self._maker.draw(tick, look.overlay, look.scale, raw | compressed):
            if drawn.camera in raw:
                self._images[drawn.camera].publish(drawn.image())
            if drawn.camera in compressed:
                self._compressed[drawn.camera].publish(drawn.compressed(look.jpeg_quality))
            self.published[drawn.camera] += 1


def _heard(publishers: Mapping[str, Publisher[Any]]) -> set[str]:
    """The cameras whose topic somebody listens to."""
    return {name for name, one in publishers.items() if one.get_subscription_count() > 0}
