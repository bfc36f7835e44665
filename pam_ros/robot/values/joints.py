# SPDX-License-Identifier: Apache-2.0
"""Types that name joints: JointState, and JointTrajectory for commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.robot.errors import MessageError
from pam_ros.robot.stamps import set_stamp
from pam_ros.robot.values.interface import Points, ValueType
from pam_ros.robot.values.kinds import EFFORT, POSITION, VELOCITY, field_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from pam_ros.message_types.sensor_msgs import JointState
    from pam_ros.message_types.trajectory_msgs import JointTrajectory
    from pam_ros.robot.values.interface import Address, Command, New

JOINT_STATE = "sensor_msgs/msg/JointState"
JOINT_TRAJECTORY = "trajectory_msgs/msg/JointTrajectory"
_POINT = "trajectory_msgs/msg/JointTrajectoryPoint"
_SECOND = 1_000_000_000
_PLURALS = {"position": "positions", "velocity": "velocities", "effort": "efforts"}


def find_in_joint_state(message: JointState, wanted: Sequence[Address]) -> list[float | None]:
    """The numbers of these joints; None for one that the message does not name.

    The message may name its joints in any order, and others. A joint that it names twice with the
    same number is read.

    Raises:
        MessageError: it names no joints, has not one number for each, or two for one joint.
    """
    names = [str(name) for name in message.name]
    values = {each: getattr(message, each) for each in dict.fromkeys(a.field for a in wanted)}
    for each, numbers in values.items():
        if len(names) == len(numbers):
            continue
        if (
            names
            and not len(numbers)
            and not any(a.name in names for a in wanted if a.field == each)
        ):
            # Another driver of the topic, which has none of this kind to tell.
            continue
        if not names:
            raise MessageError(
                f"joint message has {len(numbers)} {_PLURALS[each]} and no names: the driver names "
                "no joints, so that nobody knows which is which; let it fill in name"
            )
        raise MessageError(
            f"joint message has {len(names)} names and {len(numbers)} {_PLURALS[each]}; "
            f"it must have one {each} per name"
        )
    index = {name: place for place, name in enumerate(names)}
    if len(index) != len(names):
        _refuse_unequal(names, values, wanted)
    places = [(index.get(address.name), address.field) for address in wanted]
    return [None if at is None else float(values[each][at]) for at, each in places]


def _refuse_unequal(names: list[str], values: dict[str, Any], wanted: Sequence[Address]) -> None:
    twice = [
        address.name
        for address in wanted
        if len({float(values[address.field][k]) for k, n in enumerate(names) if n == address.name})
        > 1
    ]
    if twice:
        listed = ", ".join(f"'{name}'" for name in twice)
        raise MessageError(
            f"joint message names {listed} more than once, with numbers that differ: do two "
            "drivers publish on this topic?"
        )


def fill_joint_state(message: JointState, command: Command, _: New) -> None:
    """Fills a sensor_msgs/msg/JointState, stamped with the time of publication."""
    set_stamp(message.header.stamp, command.stamp_ns)
    message.name = list(command.names)
    each = command.fields[0] if command.fields else "position"
    setattr(message, each, command.values.tolist())


def fill_joint_trajectory(message: JointTrajectory, command: Command, new: New) -> None:
    """Fills a trajectory_msgs/msg/JointTrajectory with one point, a period from now.

    The header's stamp stays zero, which ros2_control's joint_trajectory_controller reads as "start
    on arrival"; a stamp in the past would be rejected.
    """
    message.joint_names = list(command.names)
    message.points = [_point(command.values, command.period_s, new)]


def fill_predicted_chunk(
    message: JointTrajectory,
    names: Sequence[str],
    positions: npt.NDArray[np.float64],
    period_s: float,
    new: New,
) -> None:
    """Fills a trajectory_msgs/msg/JointTrajectory with a chunk, (C, joints) in messages' units.

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


def _points_of_joint_state(message: Any) -> Points:
    # A command of velocities or efforts has no positions.
    kind = next((k for k in ("position", "velocity", "effort") if len(getattr(message, k))), "")
    return Points(tuple(message.name), [list(getattr(message, kind)) if kind else []])


def _points_of_joint_trajectory(message: Any) -> Points:
    spans = [point.time_from_start for point in message.points]
    return Points(
        tuple(message.joint_names),
        [list(point.positions) for point in message.points],
        [span.sec + span.nanosec * 1e-9 for span in spans],
    )


def _no_state(_: Any, __: Sequence[Address]) -> list[float | None]:
    raise MessageError("a JointTrajectory says where a robot shall go, not where it is")


JOINT_TYPES = (
    ValueType(
        JOINT_STATE,
        named=True,
        state=True,
        command=True,
        has_header=True,
        stamped=True,
        fields={kind.name: field_of(kind) for kind in (POSITION, VELOCITY, EFFORT)},
        find=find_in_joint_state,
        fill=fill_joint_state,
        points=_points_of_joint_state,
        plot=lambda field, place: f"{field}[{place}]",
    ),
    ValueType(
        JOINT_TRAJECTORY,
        named=True,
        state=False,
        command=True,
        has_header=True,
        stamped=False,
        fields={"position": field_of(POSITION)},
        find=_no_state,
        fill=fill_joint_trajectory,
        points=_points_of_joint_trajectory,
        plot=lambda _, place: f"points[0].positions[{place}]",
    ),
)
