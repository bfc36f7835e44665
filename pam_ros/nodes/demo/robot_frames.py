# SPDX-License-Identifier: Apache-2.0
"""What robot_state_publisher and camera drivers give of a real robot: URDF, /tf, CameraInfo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import String
from tf2_msgs.msg import TFMessage

from pam_ros.nodes.kit.spatial import transform_message
from pam_ros.robot.kinematics import read_tree
from pam_ros.robot.pinhole import fill_camera_info, pinhole_of_fovy
from pam_ros.sim.scene import CAMERA_NAMES, JOINT_NAMES
from pam_ros.sim.urdf import optical_frame, urdf_of

if TYPE_CHECKING:
    import numpy as np
    from builtin_interfaces.msg import Time
    from numpy.typing import NDArray
    from rclpy.node import Node

    from pam_ros.sim.scene import Scene

# As tf2_ros and robot_state_publisher have them.
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
TF_DEPTH = 100


class RobotFrames:
    """`/robot_description` and `/tf_static` at once, `/tf` and CameraInfo with each observation."""

    def __init__(self, node: Node, scene: Scene) -> None:
        text = urdf_of(scene.model, CAMERA_NAMES)
        self._tree = read_tree(text)
        self._transforms = node.create_publisher(TFMessage, "/tf", TF_DEPTH)
        self._description = node.create_publisher(String, "/robot_description", LATCHED)
        self._static = node.create_publisher(TFMessage, "/tf_static", LATCHED)
        self._infos = {}
        for name in CAMERA_NAMES:
            height, width = scene.size
            message = CameraInfo()
            message.header.frame_id = optical_frame(name)
            fill_camera_info(message, pinhole_of_fovy(width, height, scene.fovy(name)))
            self._infos[name] = (
                node.create_publisher(CameraInfo, f"/{name}/camera_info", 2),
                message,
            )
        self._description.publish(String(data=text))
        now = node.get_clock().now().to_msg()
        still = self._tree.in_parents({})
        self._static.publish(
            TFMessage(
                transforms=[
                    transform_message(joint.parent, joint.child, now, matrix)
                    for joint, matrix in still.items()
                    if not joint.moves
                ]
            )
        )

    def publish(self, stamp: Time, positions: NDArray[np.float64]) -> None:
        """Where the links are at an observation: joint positions (6,) [rad]."""
        moved = self._tree.in_parents(dict(zip(JOINT_NAMES, positions, strict=True)))
        self._transforms.publish(
            TFMessage(
                transforms=[
                    transform_message(joint.parent, joint.child, stamp, matrix)
                    for joint, matrix in moved.items()
                    if joint.moves
                ]
            )
        )
        for publisher, message in self._infos.values():
            message.header.stamp = stamp
            publisher.publish(message)
