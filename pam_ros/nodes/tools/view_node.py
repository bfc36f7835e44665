# SPDX-License-Identifier: Apache-2.0
"""Shows what is published in Rerun; `pam_ros view --live` starts it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image, JointState
from trajectory_msgs.msg import JointTrajectory

from pam_ros.msg import AttentionMap, SaeFeatures
from pam_ros.nodes.kit.messages import message_class
from pam_ros.nodes.kit.running import run_node
from pam_ros.robot.contract import COMPRESSED_IMAGE
from pam_ros.show.rerun.scene import Scene

if TYPE_CHECKING:
    from pam_ros.robot import Contract
    from pam_ros.robot.topics import Topics

# A slow viewer must not hold up the robot; between two maps a few images may pass.
_PICTURES = QoSProfile(depth=2, reliability=ReliabilityPolicy.BEST_EFFORT)
_NUMBERS = QoSProfile(depth=20, reliability=ReliabilityPolicy.BEST_EFFORT)


class ViewNode(Node):
    """Subscriptions around a Scene.

    It draws the overlays itself, from maps and images, and leaves the policy's node alone.
    """

    def __init__(self, recording: Any, contract: Contract, topics: Topics) -> None:
        super().__init__("pam_ros_view")
        self.scene = Scene(recording, contract, topics)
        kind: type
        for camera in topics.cameras:
            kind = CompressedImage if camera.type == COMPRESSED_IMAGE else Image
            self._listen(kind, camera.image, _PICTURES)
        for kind, topic in (
            (AttentionMap, topics.attention),
            (JointState, topics.state),
            (message_class(topics.command_type), topics.command),
            (JointTrajectory, topics.chunk),
            (SaeFeatures, topics.features),
            (DiagnosticArray, topics.diagnostics),
        ):
            self._listen(kind, topic, _NUMBERS)

    def _listen(self, kind: type, topic: str, qos: QoSProfile) -> None:
        self.create_subscription(kind, topic, partial(self._take, topic), qos)

    def _take(self, topic: str, message: Any) -> None:
        self.scene.take(topic, message, self.get_clock().now().nanoseconds)


def run_view(recording: Any, contract: Contract, topics: Topics) -> int:
    """Show until told to stop; returns the exit status."""
    return run_node(lambda: ViewNode(recording, contract, topics), [], threads=1)
