# SPDX-License-Identifier: Apache-2.0
"""Commands and predicted chunks as messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pam_ros.robot.commands import action_positions, command_message, make_command
from pam_ros.robot.stamps import set_stamp
from pam_ros.robot.values.joints import JOINT_TRAJECTORY, fill_predicted_chunk
from pam_ros.robot.values.registry import command_type

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pam_ros.robot.parts import CommandContract
    from pam_ros.tick.port import MessagePort


class CommandMaker:
    """Makes the messages of a command's topics.

    Args:
        port: makes empty messages.
        command: what goes to which topic.
        period_s: of the ticks [s].

    Raises:
        ContractError: a part's type is not a command's.
    """

    def __init__(self, port: MessagePort, command: CommandContract, period_s: float) -> None:
        self._port = port
        self._command = command
        self._has_header = [command_type(part.type).has_header for part in command.parts]
        self._period_s = period_s

    def make(self, values: NDArray[np.float64], stamp_ns: int) -> list[Any]:
        """A command of these values (joints,) in messages' units, published at stamp_ns [ns].

        One message for each part, in their order.
        """
        return [
            command_message(
                part.type, make_command(part, each, stamp_ns, self._period_s), self._port.new
            )
            for part, each in zip(self._command.parts, self._command.split(values), strict=True)
        ]

    def make_for_the_record(self, values: NDArray[np.float64], stamp_ns: int) -> list[Any]:
        """The same for no controller, so that whatever has a header bears the stamp."""
        messages = self.make(values, stamp_ns)
        for message, has_header in zip(messages, self._has_header, strict=True):
            if has_header:
                set_stamp(message.header.stamp, stamp_ns)
        return messages


class ChunkMaker:
    """Makes the messages of predicted chunks.

    Args:
        port: makes empty messages.
        command: the contract of what the policy's actions are.
        period_s: of the ticks [s].
    """

    def __init__(self, port: MessagePort, command: CommandContract, period_s: float) -> None:
        self._port = port
        self._command = command
        self._names = command.labels
        self._period_s = period_s

    def make(self, chunk: NDArray[np.floating[Any]], stamp_ns: int) -> Any:
        """A whole chunk.

        Args:
            chunk: (steps, joints) in the policy's units.
            stamp_ns: of the observation that it is for [ns].
        """
        message = self._port.new(JOINT_TRAJECTORY)
        set_stamp(message.header.stamp, stamp_ns)
        positions = action_positions(self._command, chunk)
        fill_predicted_chunk(message, self._names, positions, self._period_s, self._port.new)
        return message
