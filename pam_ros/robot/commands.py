# SPDX-License-Identifier: Apache-2.0
"""Actions and chunks to the fields of command messages.

Messages are duck-typed: the caller makes an empty one and passes it in. Positions in messages are
rad (metres for a sliding joint).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.robot.joints import to_rad

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from pam_ros.robot.contract import CommandContract

_SECOND = 1_000_000_000


@dataclass(frozen=True)
class Command:
    """Where the joints shall go: names, and positions (joints,) float64 [rad]."""

    names: tuple[str, ...]
    positions: npt.NDArray[np.float64]


def action_positions(
    contract: CommandContract, action: npt.NDArray[np.floating[Any]]
) -> npt.NDArray[np.float64]:
    """An action (A,) or a chunk (C, A) in the policy's units, as positions [rad]."""
    return to_rad(action, contract.joints)


def make_command(contract: CommandContract, positions: npt.NDArray[np.float64]) -> Command:
    """A command of the contract's joints to these positions (joints,) [rad]."""
    return Command(tuple(joint.name for joint in contract.joints), positions)


def fill_joint_state(message: Any, command: Command, stamp: Any) -> None:
    """Fills a sensor_msgs/msg/JointState; ``stamp`` is the time of publication, a message."""
    message.header.stamp = stamp
    message.name = list(command.names)
    message.position = command.positions.tolist()


def fill_joint_trajectory(
    message: Any, command: Command, period_s: float, point_type: Callable[[], Any]
) -> None:
    """Fills a trajectory_msgs/msg/JointTrajectory with one point, a period from now.

    The header's stamp stays zero, which ros2_control's joint_trajectory_controller reads as "start
    on arrival"; a stamp in the past would be rejected.
    """
    message.joint_names = list(command.names)
    message.points = [_point(command.positions, period_s, point_type)]


def fill_float64_multi_array(message: Any, command: Command) -> None:
    """Fills a std_msgs/msg/Float64MultiArray, as position controllers of ros2_control take it."""
    message.data = command.positions.tolist()


def fill_predicted_chunk(
    message: Any,
    names: tuple[str, ...],
    positions: npt.NDArray[np.float64],
    period_s: float,
    point_type: Callable[[], Any],
) -> None:
    """Fills a trajectory_msgs/msg/JointTrajectory with a chunk, (C, joints) [rad].

    Action k has time_from_start k periods: the first is due at the header's stamp.
    """
    message.joint_names = list(names)
    message.points = [
        _point(row, index * period_s, point_type) for index, row in enumerate(positions)
    ]


def _point(
    positions: npt.NDArray[np.float64], seconds: float, point_type: Callable[[], Any]
) -> Any:
    point = point_type()
    point.positions = np.asarray(positions, dtype=np.float64).tolist()
    whole, rest = divmod(round(seconds * _SECOND), _SECOND)
    point.time_from_start.sec = whole
    point.time_from_start.nanosec = rest
    return point
