# SPDX-License-Identifier: Apache-2.0
"""Types of geometry_msgs and nav_msgs: poses, twists, wrenches, odometry."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

from pam_ros.robot.errors import MessageError
from pam_ros.robot.stamps import set_stamp
from pam_ros.robot.values.interface import Points, ValueType
from pam_ros.robot.values.kinds import EFFORT, POSITION, VELOCITY, Field, field_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pam_ros.robot.values.interface import Address, Command, New

ODOMETRY = "nav_msgs/msg/Odometry"
POSE = "geometry_msgs/msg/Pose"
POSE_STAMPED = "geometry_msgs/msg/PoseStamped"
TWIST = "geometry_msgs/msg/Twist"
TWIST_STAMPED = "geometry_msgs/msg/TwistStamped"
WRENCH_STAMPED = "geometry_msgs/msg/WrenchStamped"

_AXES = ("x", "y", "z")
_RPY = ("rpy.roll", "rpy.pitch", "rpy.yaw")
_METRES, _ANGLE = field_of(POSITION, "m", "none"), field_of(POSITION, "rad", "deg", "none")
POSE_FIELDS: dict[str, Field] = {
    **{f"position.{axis}": _METRES for axis in _AXES},
    **{f"orientation.{axis}": field_of(POSITION, "none") for axis in (*_AXES, "w")},
    **dict.fromkeys(_RPY, _ANGLE),
}
TWIST_FIELDS: dict[str, Field] = {
    **{f"linear.{axis}": field_of(VELOCITY, "m/s", "none") for axis in _AXES},
    **{f"angular.{axis}": field_of(VELOCITY, "rad/s", "deg/s", "none") for axis in _AXES},
}
_WRENCH_FIELDS: dict[str, Field] = {
    **{f"force.{axis}": field_of(EFFORT, "N", "none") for axis in _AXES},
    **{f"torque.{axis}": field_of(EFFORT, "N.m", "none") for axis in _AXES},
}
POSE_COMMAND = (*(f"position.{axis}" for axis in _AXES), *_RPY)
"""What a command of a pose consists of. Four numbers of a quaternion cannot be bounded one by one:
what lies between two of them is no rotation."""
_WRAPPERS = ("pose.", "twist.", "wrench.")


def short_field(path: str) -> str:
    """`linear.x` of `twist.twist.linear.x`: the fields say by themselves where they belong."""
    while path.startswith(_WRAPPERS):
        path = path.partition(".")[2]
    return path


def roll_pitch_yaw(x: float, y: float, z: float, w: float) -> tuple[float, float, float]:
    """Of a rotation by a quaternion of any length, about the fixed axes x, y, z in turn [rad].

    As tf2's getRPY and ROS's REP 103.

    Raises:
        MessageError: the quaternion is 0, which is no rotation.
    """
    length = math.sqrt(x * x + y * y + z * z + w * w)
    if not length > 1e-9:
        raise MessageError("the orientation is a quaternion of length 0, which is no rotation")
    x, y, z, w = x / length, y / length, z / length, w / length
    roll = math.atan2(2 * (w * x + y * z), 1 - 2 * (x * x + y * y))
    pitch = math.asin(min(max(2 * (w * y - z * x), -1.0), 1.0))
    yaw = math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
    return roll, pitch, yaw


def quaternion(roll: float, pitch: float, yaw: float) -> tuple[float, float, float, float]:
    """(x, y, z, w) of these angles [rad]: the inverse of roll_pitch_yaw."""
    cr, sr = math.cos(roll / 2), math.sin(roll / 2)
    cp, sp = math.cos(pitch / 2), math.sin(pitch / 2)
    cy, sy = math.cos(yaw / 2), math.sin(yaw / 2)
    return (
        sr * cp * cy - cr * sp * sy,
        cr * sp * cy + sr * cp * sy,
        cr * cp * sy - sr * sp * cy,
        cr * cp * cy + sr * sp * sy,
    )


def _holder(message: Any, roots: Mapping[str, str], group: str) -> Any:
    """The part of a message that has x, y and z."""
    for step in roots[group].split("."):
        message = getattr(message, step)
    return message


def _find(roots: Mapping[str, str], message: Any, wanted: Sequence[Address]) -> list[float | None]:
    angles: dict[str, float] = {}
    if any(address.field in _RPY for address in wanted):
        turned = _holder(message, roots, "orientation")
        numbers = roll_pitch_yaw(turned.x, turned.y, turned.z, turned.w)
        angles = dict(zip(_RPY, numbers, strict=True))
    found: list[float | None] = []
    for address in wanted:
        group, axis = address.field.split(".")
        if group == "rpy":
            found.append(angles[address.field])
        else:
            found.append(float(getattr(_holder(message, roots, group), axis)))
    return found


def _fill(
    roots: Mapping[str, str], has_header: bool, message: Any, command: Command, _: New
) -> None:
    if has_header:
        set_stamp(message.header.stamp, command.stamp_ns)
        message.header.frame_id = command.frame_id
    values = dict(zip(command.fields, command.values.tolist(), strict=True))
    if any(field in values for field in _RPY):
        turned = _holder(message, roots, "orientation")
        angles = [values.pop(field, 0.0) for field in _RPY]
        turned.x, turned.y, turned.z, turned.w = quaternion(*angles)
    for field, value in values.items():
        group, axis = field.split(".")
        setattr(_holder(message, roots, group), axis, value)


def _points(roots: Mapping[str, str], fields: Sequence[str], message: Any) -> Points:
    row = []
    for field in fields:
        group, axis = field.split(".")
        row.append(float(getattr(_holder(message, roots, group), axis)))
    return Points(tuple(fields), [row])


def _type(
    name: str,
    fields: dict[str, Field],
    roots: Mapping[str, str],
    *,
    command: bool = False,
    has_header: bool = True,
) -> ValueType:
    plain = [field for field in fields if field not in _RPY]

    def plot(field: str, _place: int) -> str:
        group, axis = field.split(".")
        # Nobody can plot an angle that is not in the message.
        return f"{roots[group]}.{axis}" if group in roots else f"{roots['orientation']}.w"

    return ValueType(
        name,
        named=False,
        state=True,
        command=command,
        has_header=has_header,
        stamped=has_header,
        fields=fields,
        find=partial(_find, roots),
        fill=partial(_fill, roots, has_header),
        points=partial(_points, roots, plain),
        plot=plot,
    )


def _roots(prefix: str, *groups: str) -> dict[str, str]:
    return {group: f"{prefix}{group}" for group in groups}


SPATIAL_TYPES = (
    _type(
        ODOMETRY,
        POSE_FIELDS | TWIST_FIELDS,
        _roots("pose.pose.", "position", "orientation")
        | _roots("twist.twist.", "linear", "angular"),
    ),
    _type(POSE, POSE_FIELDS, _roots("", "position", "orientation"), has_header=False),
    _type(POSE_STAMPED, POSE_FIELDS, _roots("pose.", "position", "orientation"), command=True),
    _type(TWIST, TWIST_FIELDS, _roots("", "linear", "angular"), command=True, has_header=False),
    _type(TWIST_STAMPED, TWIST_FIELDS, _roots("twist.", "linear", "angular"), command=True),
    _type(WRENCH_STAMPED, _WRENCH_FIELDS, _roots("wrench.", "force", "torque")),
)
