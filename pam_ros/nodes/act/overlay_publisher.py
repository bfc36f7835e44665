# SPDX-License-Identifier: Apache-2.0
"""Overlays as Image and CompressedImage, drawn only for whoever subscribes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sensor_msgs.msg import CompressedImage, Image

from pam_ros.robot.images import fill_compressed_image, fill_image
from pam_ros.tick.pictures import TickPictures

if TYPE_CHECKING:
    from rclpy.node import Node

    from pam_ros.attention.maps import AttentionMaps
    from pam_ros.nodes.act.parameters import Look
    from pam_ros.robot.contract import Contract
    from pam_ros.robot.observation import Observation
    from pam_ros.robot.sync import ObservationSet


class OverlayPublisher:
    """`prefix/<camera>/image` and the same with `/compressed` for each camera."""

    def __init__(self, node: Node, contract: Contract, prefix: str = "~/attention") -> None:
        self._contract = contract
        self._images = {}
        self._compressed = {}
        for camera in contract.cameras:
            topic = f"{prefix}/{camera.name}/image"
            self._images[camera.name] = node.create_publisher(Image, topic, 2)
            self._compressed[camera.name] = node.create_publisher(
                CompressedImage, f"{topic}/compressed", 2
            )
        self.published = dict.fromkeys(self._images, 0)
        self._pictures = TickPictures()

    def wanted(self) -> bool:
        """Whether anybody listens to any overlay."""
        publishers = [*self._images.values(), *self._compressed.values()]
        return any(publisher.get_subscription_count() > 0 for publisher in publishers)

    def publish(
        self, look: Look, messages: ObservationSet, observation: Observation, maps: AttentionMaps
    ) -> None:
        """Draw and publish; each picture carries the stamp and frame_id of its source image."""
        full_scale = look.scale.scale(maps)
        for camera in self._contract.cameras:
            raw, compressed = self._images[camera.name], self._compressed[camera.name]
            wants_raw = raw.get_subscription_count() > 0
            wants_compressed = compressed.get_subscription_count() > 0
            if not (wants_raw or wants_compressed):
                continue
            picture = self._pictures.draw(camera, observation, maps, look.overlay, full_scale)
            header = messages.messages[camera.name].header
            if wants_raw:
                image = Image(header=header)
                fill_image(image, picture)
                raw.publish(image)
            if wants_compressed:
                packed = CompressedImage(header=header)
                fill_compressed_image(packed, picture, look.jpeg_quality)
                compressed.publish(packed)
            self.published[camera.name] += 1
