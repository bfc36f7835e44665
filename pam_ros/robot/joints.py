# SPDX-License-Identifier: Apache-2.0
"""Joint messages by name, and the units between ROS (rad) and the policy."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.robot.errors import MessageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from pam_ros.message_types.sensor_msgs import JointState
    from pam_ros.message_types.std_msgs import Float64MultiArray
    from pam_ros.robot.contract import JointContract


_LARGEST = float(np.finfo(np.float32).max)


def joint_positions(
    message: JointState, joints: Sequence[JointContract]
) -> npt.NDArray[np.float64]:
    """Positions [rad] of the contract's joints, in its order: (joints,) float64.

    The message (sensor_msgs/msg/JointState) may name its joints in any order and hold others.

    Raises:
        MessageError: names and positions differ in number, a joint is missing or named twice, or
            its position is not a finite number.
    """
    names = [str(name) for name in message.name]
    positions = message.position
    if len(names) != len(positions):
        raise MessageError(
            f"joint message has {len(names)} names and {len(positions)} positions; "
            "it must have one position per name"
        )
    index = {name: place for place, name in enumerate(names)}
    missing = [joint.name for joint in joints if joint.name not in index]
    if missing:
        raise MessageError(
            f"joint message lacks {_quoted(missing)} (it has {_quoted(names[:20]) or 'no joint'})"
        )
    if len(index) != len(names):
        twice = [joint.name for joint in joints if names.count(joint.name) > 1]
        if twice:
            raise MessageError(f"joint message names {_quoted(twice)} more than once")
    values = np.array([float(positions[index[joint.name]]) for joint in joints], dtype=np.float64)
    bad = [joints[place].name for place in np.flatnonzero(~np.isfinite(values))]
    if bad:
        raise MessageError(f"joint message has no finite position for {_quoted(bad)}")
    return values


def joint_vector(message: JointState, joints: Sequence[JointContract]) -> npt.NDArray[np.float32]:
    """The joints of a message in the policy's order and units: (joints,) float32.

    Raises:
        MessageError: as ``joint_positions``, or a number that float32 does not have.
    """
    values = to_policy(joint_positions(message, joints), joints)
    large = [joints[place].name for place in np.flatnonzero(np.abs(values) > _LARGEST)]
    if large:
        raise MessageError(f"joint message has no usable position for {_quoted(large)}: too large")
    return values.astype(np.float32)


def to_policy(
    positions: npt.NDArray[np.floating[Any]], joints: Sequence[JointContract]
) -> npt.NDArray[np.float64]:
    """Positions [rad], (..., joints), in the policy's units."""
    slope, start = _affine(joints)
    return np.asarray(positions, dtype=np.float64) * slope + start


def to_rad(
    values: npt.NDArray[np.floating[Any]], joints: Sequence[JointContract]
) -> npt.NDArray[np.float64]:
    """Values in the policy's units, (..., joints), as positions [rad]: the inverse of to_policy."""
    slope, start = _affine(joints)
    return (np.asarray(values, dtype=np.float64) - start) / slope


def multi_array_vector(message: Float64MultiArray, size: int) -> npt.NDArray[np.float32]:
    """The data of a std_msgs/msg/Float64MultiArray as (size,) float32.

    Raises:
        MessageError: another number of values, or one that is not finite.
    """
    values = np.asarray(message.data, dtype=np.float64).reshape(-1)
    if values.size != size:
        raise MessageError(f"environment state has {values.size} values; the policy wants {size}")
    if not (np.abs(values) <= _LARGEST).all():
        raise MessageError("environment state holds a value that is not finite")
    return values.astype(np.float32)


def _affine(
    joints: Sequence[JointContract],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Slope and start of ``policy = slope * rad + start``, each (joints,)."""
    slopes, starts = [], []
    for joint in joints:
        if joint.unit == "percent":
            if joint.range is None:
                raise ValueError(f"joint '{joint.name}' is in percent without a range")
            lower, upper = joint.range
            slope = 200.0 / (upper - lower)
            start = -100.0 - slope * lower
        else:
            slope, start = (180.0 / math.pi if joint.unit == "deg" else 1.0), 0.0
        slopes.append(joint.scale * slope)
        starts.append(joint.scale * start + joint.offset)
    return np.array(slopes), np.array(starts)


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
