# SPDX-License-Identifier: Apache-2.0
"""A robot of two arms on ROS 2's own rclpy, each part of it a process: the controllers are fakes.

usage: two_arms_in_ros2.py left|right START   an arm's driver and its controller of trajectories
       two_arms_in_ros2.py front    the camera; says what is commanded and what /diagnostics says

START is where the joints stand at first [rad]. What happens is one JSON object per line.
"""

import json
import sys
import time
from functools import partial

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image, JointState
from trajectory_msgs.msg import JointTrajectory

JOINTS = ("shoulder", "elbow", "wrist")
SIDES = ("left", "right")
PERIOD_S = 0.05
HEIGHT, WIDTH = 96, 128


def topic(side):
    return f"/{side}/arm_controller/joint_trajectory"


def say(**fact):
    sys.stdout.write(json.dumps({"at": time.monotonic(), **fact}) + "\n")
    sys.stdout.flush()


class Arm(Node):
    """As joint_trajectory_controller does: to each point in the time that it has, then stay."""

    def __init__(self, side, start):
        super().__init__(f"{side}_arm")
        self._positions = np.array([start] * len(JOINTS))
        self._target, self._left_s = self._positions, 0.0
        self._beats = 0
        self._states = self.create_publisher(JointState, f"/{side}/joint_states", 10)
        self.create_subscription(JointTrajectory, topic(side), self._on_command, 10)
        self.create_timer(PERIOD_S, self._on_timer)

    def _on_command(self, message):
        if sorted(message.joint_names) != sorted(JOINTS) or len(message.points) != 1:
            say(refused=list(message.joint_names))
            return
        (point,) = message.points
        places = dict(zip(message.joint_names, point.positions, strict=True))
        self._target = np.array([places[name] for name in JOINTS])
        self._left_s = point.time_from_start.sec + point.time_from_start.nanosec * 1e-9

    def _on_timer(self):
        part = min(PERIOD_S / self._left_s, 1.0) if self._left_s > 0 else 1.0
        self._positions = self._positions + part * (self._target - self._positions)
        self._left_s = max(self._left_s - PERIOD_S, 0.0)
        # In another order than the contract's.
        message = JointState(name=JOINTS[::-1], position=self._positions[::-1].tolist())
        message.header.stamp = self.get_clock().now().to_msg()
        self._states.publish(message)
        self._beats += 1
        if self._beats % 2 == 0:
            say(stands=self._positions.tolist())


class Front(Node):
    """The camera, and the witness: it publishes beside the arms, and outlives them."""

    def __init__(self):
        super().__init__("front_camera")
        self._beats = 0
        self._pictures = self.create_publisher(Image, "/front/image_raw", qos_profile_sensor_data)
        for side in SIDES:
            hear = partial(self._on_command, side)
            self.create_subscription(JointTrajectory, topic(side), hear, 50)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_report, 50)
        self.create_timer(PERIOD_S, self._on_timer)

    def _on_timer(self):
        self._beats += 1
        image = Image(height=HEIGHT, width=WIDTH, encoding="rgb8", step=WIDTH * 3)
        image.header.stamp = self.get_clock().now().to_msg()
        image.header.frame_id = "front"
        image.data = np.full(HEIGHT * WIDTH * 3, self._beats % 256, np.uint8).tobytes()
        self._pictures.publish(image)

    def _on_command(self, side, message):
        stamp = message.header.stamp
        say(
            commanded=side,
            stamp=stamp.sec + stamp.nanosec * 1e-9,
            names=list(message.joint_names),
            points=[list(point.positions) for point in message.points],
        )

    def _on_report(self, message):
        for status in message.status:
            values = {pair.key: pair.value for pair in status.values}
            if "safety_state" in values:
                level = int.from_bytes(status.level, "little")
                say(state=values["safety_state"], level=level, message=status.message)


def main(role, *rest):
    rclpy.init()
    node = Front() if role == "front" else Arm(role, float(rest[0]))
    say(ready=role)
    try:
        rclpy.spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
