# SPDX-License-Identifier: Apache-2.0
"""The demo robot's description, frames and calibrations, without its episodes."""

import rclpy

from pam_ros.nodes.demo.robot_frames import RobotFrames
from pam_ros.sim.scene import Scene

if __name__ == "__main__":
    rclpy.init()
    node, scene = rclpy.create_node("demo_robot"), Scene()
    frames = RobotFrames(node, scene)

    def publish():
        frames.publish(node.get_clock().now().to_msg(), scene.joint_positions)

    node.create_timer(0.1, publish)
    rclpy.spin(node)
