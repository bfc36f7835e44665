# SPDX-License-Identifier: Apache-2.0
"""The driver of a robot that is not there: two cameras, six joints, and commands that it follows.

A stand-in for your own driver, to go through docs/own_robot.md with. It needs rclpy alone, that of
ROS 2 or the embedded one (`rclpy_cyclone.install()`), and runs until Ctrl-C:

    python examples/fake_driver.py
"""

import math

try:
    import rclpy
except ImportError:
    import rclpy_cyclone

    rclpy_cyclone.install()
    import rclpy
import numpy as np
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from sensor_msgs.msg import Image, JointState
from trajectory_msgs.msg import JointTrajectory

RATE_HZ = 10.0
HEIGHT, WIDTH = 240, 320
CAMERAS = ("front", "wrist")
JOINTS = ("base", "shoulder", "elbow", "wrist_pitch", "wrist_roll", "gripper")
REST = (0.0, 0.4, -0.6, 0.8, 0.0, 0.2)
FASTEST = 2.0 / RATE_HZ
"""How far a joint goes in a period at most [rad]."""


class FakeDriver(Node):
    """Publishes two cameras and /joint_states; follows /arm/joint_trajectory."""

    def __init__(self) -> None:
        super().__init__("fake_driver")
        self.positions = dict(zip(JOINTS, REST, strict=True))
        self.goals = dict(self.positions)
        self.tick = 0
        self.images = {
            name: self.create_publisher(Image, f"/{name}/image_raw", 5) for name in CAMERAS
        }
        self.states = self.create_publisher(JointState, "/joint_states", 10)
        self.create_subscription(JointTrajectory, "/arm/joint_trajectory", self.on_command, 10)
        self.create_timer(1.0 / RATE_HZ, self.on_period)

    def on_command(self, message: JointTrajectory) -> None:
        """Take the last point of a trajectory for the goal."""
        if message.points:
            goals = zip(message.joint_names, message.points[-1].positions, strict=True)
            self.goals.update({name: goal for name, goal in goals if name in self.goals})

    def on_period(self) -> None:
        """Go on towards the goal, and say where the joints are and what the cameras see."""
        for name, goal in self.goals.items():
            way = goal - self.positions[name]
            self.positions[name] += max(-FASTEST, min(FASTEST, way))
        self.tick += 1
        stamp = self.get_clock().now().to_msg()
        state = JointState(name=list(JOINTS), position=list(self.positions.values()))
        state.header.stamp = stamp
        self.states.publish(state)
        for name, publisher in self.images.items():
            picture = self.picture(name)
            image = Image(height=HEIGHT, width=WIDTH, encoding="rgb8", step=3 * WIDTH)
            image.header.stamp = stamp
            image.header.frame_id = f"{name}_camera"
            image.data = picture.tobytes()
            publisher.publish(image)

    def picture(self, name: str) -> np.ndarray:
        """A ball on a table, (HEIGHT, WIDTH, 3) uint8, RGB; the wrist's camera turns with it."""
        turn = self.positions["wrist_roll"] if name == "wrist" else 0.0
        angle = 0.05 * self.tick + turn
        x, y = WIDTH / 2 + 90 * math.cos(angle), HEIGHT / 2 + 60 * math.sin(angle)
        rows, columns = np.mgrid[:HEIGHT, :WIDTH]
        picture = np.full((HEIGHT, WIDTH, 3), (186, 178, 160), np.uint8)
        picture[(columns - x) ** 2 + (rows - y) ** 2 < 24**2] = (190, 40, 40)
        return picture


def main() -> None:
    """Run until Ctrl-C."""
    rclpy.init()
    try:
        rclpy.spin(FakeDriver())
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        rclpy.try_shutdown()


if __name__ == "__main__":
    main()
