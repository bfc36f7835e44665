# SPDX-License-Identifier: Apache-2.0
"""Shows what is published in Rerun; `pam_ros view --live` starts it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from trajectory_msgs.msg import JointTrajectory

from pam_ros.msg import AttentionMap, SaeFeatures
from pam_ros.nodes.kit.messages import message_class
from pam_ros.nodes.kit.running import run_node
from pam_ros.nodes.kit.video_topic import VIDEO_DEPTH
from pam_ros.robot.contract import VIDEO_TYPES
from pam_ros.show.rerun.scene import Scene

if TYPE_CHECKING:
    from pam_ros.robot import Contract
    from pam_ros.robot.topics import Topics

# A slow viewer must not hold up the robot; between two maps a few images may pass.
_PICTURES = QoSProfile(depth=2, reliability=ReliabilityPolicy.BEST_EFFORT)
_PACKETS = QoSProfile(depth=VIDEO_DEPTH, reliability=ReliabilityPolicy.BEST_EFFORT)
_NUMBERS = QoSProfile(depth=20, reliability=ReliabilityPolicy.BEST_EFFORT)


class ViewNode(Node):
    """Subscriptions around a Scene.

    It draws the overlays itself, from maps and images, and leaves the policy's node alone.
    """

    def __init__(self, recording: Any, contract: Contract, topics: Topics) -> None:
        super().__init__("pam_ros_view")
        self.scene = Scene(recording, contract, topics)
        kind: type
        for topic, of in {camera.image: camera.type for camera in topics.cameras}.items():
            qos = _PACKETS if of in VIDEO_TYPES else _PICTURES
            self._listen(message_class(of), topic, qos)
        values = {each.topic: message_class(each.type) for each in topics.states + topics.commands}
        for topic, kind in values.items():
            self._listen(kind, topic, _NUMBERS)
        for kind, topic in (
            (AttentionMap, topics.attention),
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
