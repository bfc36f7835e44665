# SPDX-License-Identifier: Apache-2.0
"""Actions and chunks to command messages.

Messages are duck-typed: the caller passes in how to make an empty one by its type's name. Their
numbers are in the units of messages: rad, m, rad/s and so on (values/kinds.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pam_ros.robot.joints import to_rad
from pam_ros.robot.values.interface import Command
from pam_ros.robot.values.registry import command_type

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from pam_ros.robot.parts import CommandContract, CommandPart
    from pam_ros.robot.values.interface import New


def command_message(kind: str, command: Command, new: New) -> Any:
    """A message of this type.

    Args:
        kind: one of COMMAND_TYPES.
        command: what it says.
        new: makes an empty message by its type's name.

    Raises:
        ContractError: `kind` is not a command's type.
    """
    fill = command_type(kind).fill
    message = new(kind)
    fill(message, command, new)
    return message


def action_positions(
    contract: CommandContract, action: npt.NDArray[np.floating[Any]]
) -> npt.NDArray[np.float64]:
    """An action (A,) or a chunk (C, A) in the policy's units, in those of messages."""
    return to_rad(action, contract.joints)


def make_command(
    part: CommandPart, values: npt.NDArray[np.float64], stamp_ns: int = 0, period_s: float = 0.0
) -> Command:
    """A command of a part's joints to these values (joints,), in messages' units."""
    return Command(part.names, values, stamp_ns, period_s, part.fields, part.frame_id)
