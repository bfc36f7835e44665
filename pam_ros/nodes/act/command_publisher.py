# SPDX-License-Identifier: Apache-2.0
"""Commands and predicted chunks as the message types that the contract names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from pam_ros.nodes.act.attention_messages import stamp_message
from pam_ros.robot.commands import (
    Command,
    fill_float64_multi_array,
    fill_joint_state,
    fill_joint_trajectory,
    fill_predicted_chunk,
)
from pam_ros.robot.contract import JOINT_STATE, JOINT_TRAJECTORY, CommandContract

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from rclpy.node import Node


class CommandPublisher:
    """The contract's command topic."""

    def __init__(
        self, node: Node, kind: str, topic: str, names: Sequence[str], period_s: float
    ) -> None:
        self._node = node
        self._type = kind
        self._names = tuple(names)
        self._period_s = period_s
        types = {JOINT_STATE: JointState, JOINT_TRAJECTORY: JointTrajectory}
        self._commands = node.create_publisher(types.get(kind, Float64MultiArray), topic, 10)
        self.published = 0

    def publish(self, positions: NDArray[np.float64]) -> None:
        """Send one command, positions (joints,) [rad]."""
        command = Command(self._names, positions)
        if self._type == JOINT_STATE:
            message = JointState()
            fill_joint_state(message, command, self._node.get_clock().now().to_msg())
        elif self._type == JOINT_TRAJECTORY:
            message = JointTrajectory()
            fill_joint_trajectory(message, command, self._period_s, JointTrajectoryPoint)
        else:
            message = Float64MultiArray()
            fill_float64_multi_array(message, command)
        self._commands.publish(message)
        self.published += 1


class ChunkPublisher:
    """`~/predicted_chunk`: what the policy plans, while somebody looks."""

    def __init__(self, node: Node, command: CommandContract, period_s: float) -> None:
        self._names = tuple(joint.name for joint in command.joints)
        self._period_s = period_s
        self._chunks = node.create_publisher(JointTrajectory, "~/predicted_chunk", 10)

    def publish(self, positions: NDArray[np.float64], stamp_ns: int) -> None:
        """Show a whole chunk (steps, joints) [rad] with the stamp of the observation it is for."""
        if self._chunks.get_subscription_count() == 0:
            return
        message = JointTrajectory()
        message.header.stamp = stamp_message(stamp_ns)
        fill_predicted_chunk(message, self._names, positions, self._period_s, JointTrajectoryPoint)
        self._chunks.publish(message)
