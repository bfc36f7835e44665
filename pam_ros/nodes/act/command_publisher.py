# SPDX-License-Identifier: Apache-2.0
"""Commands and predicted chunks on their topics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pam_ros.nodes.kit.messages import RosMessages, message_class
from pam_ros.robot.contract import JOINT_TRAJECTORY
from pam_ros.tick.commands import ChunkMaker, CommandMaker

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from rclpy.node import Node

    from pam_ros.robot.contract import CommandContract


class CommandPublisher:
    """The contract's command topic."""

    def __init__(
        self, node: Node, kind: str, topic: str, names: Sequence[str], period_s: float
    ) -> None:
        self._node = node
        self._maker = CommandMaker(RosMessages(), kind, names, period_s)
        self._commands = node.create_publisher(message_class(kind), topic, 10)
        self.published = 0

    def publish(self, positions: NDArray[np.float64]) -> None:
        """Send one command, positions (joints,) [rad]."""
        now_ns = self._node.get_clock().now().nanoseconds
        self._commands.publish(self._maker.make(positions, now_ns))
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
