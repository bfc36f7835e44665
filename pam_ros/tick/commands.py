# SPDX-License-Identifier: Apache-2.0
"""Commands and predicted chunks as messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pam_ros.robot.commands import (
    Command,
    action_positions,
    command_message,
    command_type,
    fill_predicted_chunk,
)
from pam_ros.robot.contract import JOINT_TRAJECTORY
from pam_ros.robot.stamps import set_stamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from pam_ros.robot.contract import CommandContract
    from pam_ros.tick.port import MessagePort


class CommandMaker:
    """Makes the messages of a command topic.

    Args:
        port: makes empty messages.
        kind: type of the messages, one of COMMAND_TYPES.
        names: of the joints.
        period_s: of the ticks [s].

    Raises:
        ContractError: `kind` is not a command's type.
    """

    def __init__(self, port: MessagePort, kind: str, names: Sequence[str], period_s: float) -> None:
        self._port = port
        self._kind = kind
        self._has_header = command_type(kind).has_header
        self._names = tuple(names)
        self._period_s = period_s

    def make(self, positions: NDArray[np.float64], stamp_ns: int) -> Any:
        """A command to positions (joints,) [rad], published at stamp_ns [ns]."""
        command = Command(self._names, positions, stamp_ns, self._period_s)
        return command_message(self._kind, command, self._port.new)

    def make_for_the_record(self, positions: NDArray[np.float64], stamp_ns: int) -> Any:
        """The same for no controller, so that whatever has a header bears the stamp."""
        message = self.make(positions, stamp_ns)
        if self._has_header:
            set_stamp(message.header.stamp, stamp_ns)
        return message


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
        self._names = tuple(joint.name for joint in command.joints)
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
