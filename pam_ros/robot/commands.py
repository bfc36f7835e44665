# SPDX-License-Identifier: Apache-2.0
"""Actions and chunks to command messages: COMMAND_TYPES has each message type, once for all.

Messages are duck-typed: the caller passes in how to make an empty one by its type's name. Positions
in messages are rad (metres for a sliding joint).
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.robot.contract import FLOAT64_MULTI_ARRAY, JOINT_STATE, JOINT_TRAJECTORY
from pam_ros.robot.errors import ContractError
from pam_ros.robot.joints import to_rad
from pam_ros.robot.stamps import set_stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from pam_ros.message_types.sensor_msgs import JointState
    from pam_ros.message_types.std_msgs import Float64MultiArray
    from pam_ros.message_types.trajectory_msgs import JointTrajectory
    from pam_ros.robot.contract import CommandContract

    New = Callable[[str], Any]

_POINT = "trajectory_msgs/msg/JointTrajectoryPoint"
_SECOND = 1_000_000_000


@dataclass(frozen=True)
class Command:
    """Where the joints shall go.

    Attributes:
        names: of the joints.
        positions: (joints,) float64 [rad].
        stamp_ns: when it is published [ns].
        period_s: how long the way there takes [s].
    """

    names: tuple[str, ...]
    positions: npt.NDArray[np.float64]
    stamp_ns: int = 0
    period_s: float = 0.0


@dataclass(frozen=True)
class JointPoints:
    """The joint positions in a message.

    Attributes:
        names: of the joints; None if the type has no names.
        positions: of each point, in the order of the names [rad].
        seconds: of each point, counted from the message's stamp [s].
    """

    names: tuple[str, ...] | None
    positions: list[list[float]]
    seconds: list[float]


@dataclass(frozen=True)
class CommandType:
    """A message type that carries a command, for whoever fills, reads or plots one.

    Attributes:
        fill: writes a command into an empty message of the type.
        read: the positions in a message.
        plot: the path of one joint's position in a message, with a place for its number.
        has_header: whether a message has a header.
        stamped: whether the header of a command says when it was published.
    """

    fill: Callable[[Any, Command, New], None]
    read: Callable[[Any], JointPoints]
    plot: str
    has_header: bool
    stamped: bool


def command_type(name: str) -> CommandType:
    """The command type of this name.

    Raises:
        ContractError: there is none; the sentence names those that there are.
    """
    try:
        return COMMAND_TYPES[name]
    except KeyError:
        known = ", ".join(COMMAND_TYPES)
        raise ContractError(f"no command is a '{name}'; it must be one of {known}") from None


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
    """An action (A,) or a chunk (C, A) in the policy's units, as positions [rad]."""
    return to_rad(action, contract.joints)


def make_command(
    contract: CommandContract, positions: npt.NDArray[np.float64], stamp_ns: int = 0
) -> Command:
    """A command of the contract's joints to these positions (joints,) [rad]."""
    return Command(tuple(joint.name for joint in contract.joints), positions, stamp_ns)


def fill_joint_state(message: JointState, command: Command, _: New) -> None:
    """Fills a sensor_msgs/msg/JointState, stamped with the time of publication."""
    set_stamp(message.header.stamp, command.stamp_ns)
    message.name = list(command.names)
    message.position = command.positions.tolist()


def fill_joint_trajectory(message: JointTrajectory, command: Command, new: New) -> None:
    """Fills a trajectory_msgs/msg/JointTrajectory with one point, a period from now.

    The header's stamp stays zero, which ros2_control's joint_trajectory_controller reads as "start
    on arrival"; a stamp in the past would be rejected.
    """
    message.joint_names = list(command.names)
    message.points = [_point(command.positions, command.period_s, new)]


def fill_float64_multi_array(message: Float64MultiArray, command: Command, _: New) -> None:
    """Fills a std_msgs/msg/Float64MultiArray, as position controllers of ros2_control take it."""
    message.data = command.positions.tolist()


def fill_predicted_chunk(
    message: JointTrajectory,
    names: Sequence[str],
    positions: npt.NDArray[np.float64],
    period_s: float,
    new: New,
) -> None:
    """Fills a trajectory_msgs/msg/JointTrajectory with a chunk, (C, joints) [rad].

    Action k has time_from_start k periods: the first is due at the header's stamp.
    """
    message.joint_names = list(names)
    message.points = [_point(row, index * period_s, new) for index, row in enumerate(positions)]


def _point(positions: npt.NDArray[np.float64], seconds: float, new: New) -> Any:
    point = new(_POINT)
    point.positions = np.asarray(positions, dtype=np.float64).tolist()
    whole, rest = divmod(round(seconds * _SECOND), _SECOND)
    point.time_from_start.sec = whole
    point.time_from_start.nanosec = rest
    return point


def _read_joint_state(message: Any) -> JointPoints:
    return JointPoints(tuple(message.name), [list(message.position)], [0.0])


def _read_joint_trajectory(message: Any) -> JointPoints:
    spans = [point.time_from_start for point in message.points]
    return JointPoints(
        tuple(message.joint_names),
        [list(point.positions) for point in message.points],
        [span.sec + span.nanosec * 1e-9 for span in spans],
    )


def _read_float64_multi_array(message: Any) -> JointPoints:
    return JointPoints(None, [list(message.data)], [0.0])


COMMAND_TYPES: Mapping[str, CommandType] = MappingProxyType(
    {
        JOINT_STATE: CommandType(
            fill_joint_state,
            _read_joint_state,
            "position[{}]",
            has_header=True,
            stamped=True,
        ),
        JOINT_TRAJECTORY: CommandType(
            fill_joint_trajectory,
            _read_joint_trajectory,
            "points[0].positions[{}]",
            has_header=True,
            stamped=False,
        ),
        FLOAT64_MULTI_ARRAY: CommandType(
            fill_float64_multi_array,
            _read_float64_multi_array,
            "data[{}]",
            has_header=False,
            stamped=False,
        ),
    }
)
"""By the name that a contract has."""
