# SPDX-License-Identifier: Apache-2.0
"""Commands and predicted chunks on their topics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pam_ros.nodes.kit.messages import RosMessages, message_class
from pam_ros.robot.values.joints import JOINT_TRAJECTORY
from pam_ros.tick.commands import ChunkMaker, CommandMaker

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rclpy.node import Node

    from pam_ros.robot.parts import CommandContract


class CommandPublisher:
    """The contract's command topics."""

    def __init__(self, node: Node, command: CommandContract, period_s: float) -> None:
        self._node = node
        self._maker = CommandMaker(RosMessages(), command, period_s)
        self._topics = [
            node.create_publisher(message_class(part.type), part.topic, 10)
            for part in command.parts
        ]
        self._command = command
        # A message has one kind of numbers, so that a part moves on by itself as a whole.
        self._goes_on = [
            any(not joint.what.latches for joint in part.joints) for part in command.parts
        ]
        self.published = 0

    @property
    def goes_on(self) -> bool:
        """Whether something that is commanded moves on when commands end: no mere positions."""
        return any(self._goes_on)

    def stop(self) -> None:
        """The last command for now: 0 to every topic of velocities or efforts.

        What was sent there last would count until somebody sends something else. Positions get
        none: they stay as they are.
        """
        if not self.goes_on or not self._node.context.ok():
            return
        now_ns = self._node.get_clock().now().nanoseconds
        messages = self._maker.make(np.zeros(len(self._command.joints)), now_ns)
        for topic, message, goes_on in zip(self._topics, messages, self._goes_on, strict=True):
            if goes_on:
                topic.publish(message)

    def publish(self, values: NDArray[np.float64]) -> None:
        """Send one command, values (joints,) in messages' units, a part of it to each topic."""
        now_ns = self._node.get_clock().now().nanoseconds
        # All are made before one goes out: half a robot never moves.
        messages = self._maker.make(values, now_ns)
        for topic, message in zip(self._topics, messages, strict=True):
            topic.publish(message)
        self.published += 1


class ChunkPublisher:
    """`~/predicted_chunk`: what the policy plans, while somebody looks."""

    def __init__(self, node: Node, command: CommandContract, period_s: float) -> None:
        self._maker = ChunkMaker(RosMessages(), command, period_s)
        self._chunks = node.create_publisher(
            message_class(JOINT_TRAJECTORY), "~/predicted_chunk", 10
        )

    def publish(self, chunk: NDArray[np.float32], stamp_ns: int) -> None:
        """Show a chunk (steps, joints) in the policy's units, for the observation of the stamp."""
        if self._chunks.get_subscription_count() > 0:
            self._chunks.publish(self._maker.make(chunk, stamp_ns))
