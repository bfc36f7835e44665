# SPDX-License-Identifier: Apache-2.0
"""The numbers of messages by joint or field, and the units between topics and the policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.robot.errors import MessageError
from pam_ros.robot.values.joints import JOINT_STATE
from pam_ros.robot.values.kinds import UNITS
from pam_ros.robot.values.registry import STATE_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from pam_ros.message_types.sensor_msgs import JointState
    from pam_ros.message_types.std_msgs import Float64MultiArray
    from pam_ros.robot.parts import JointContract


_LARGEST = float(np.finfo(np.float32).max)


def message_values(
    kind: str, messages: Iterable[Any], joints: Sequence[JointContract]
) -> npt.NDArray[np.float64]:
    """The numbers of these joints, in their order and in messages' units: (joints,) float64.

    Of types that name joints, messages may each name some of them, in any order and among others:
    the newest number of each counts.

    Args:
        kind: the messages' type, one of STATE_TYPES.
        messages: one or more, the newest first; none of them too old to be used. No more of them
            are taken than it needs.
        joints: what is wanted.

    Raises:
        MessageError: a message cannot be read, or a joint is missing, named twice with numbers that
            differ, or not a finite number.
    """
    find = STATE_TYPES[kind].find
    values: list[float | None] = [None] * len(joints)
    read = []
    for message in messages:
        read.append(message)
        for place, value in enumerate(find(message, joints)):
            if values[place] is None:
                values[place] = value
        if None not in values:
            break
    missing = [joint.name for joint, value in zip(joints, values, strict=True) if value is None]
    if missing:
        raise MessageError(_lacks(missing, read))
    found = np.array(values, dtype=np.float64)
    bad = [joints[place] for place in np.flatnonzero(~np.isfinite(found))]
    if bad:
        what = "message" if not STATE_TYPES[kind].named else "joint message"
        names = _quoted([joint.name for joint in bad])
        raise MessageError(f"{what} has no finite {bad[0].kind} for {names}")
    return found


def _lacks(missing: Sequence[str], messages: Sequence[Any]) -> str:
    names = [str(name) for name in dict.fromkeys(n for each in messages for n in each.name)]
    known = _quoted(names[:20]) or "no joint"
    if len({tuple(each.name) for each in messages}) == 1:
        # One driver, that always names the same joints.
        return f"joint message lacks {_quoted(missing)} (it has {known})"
    return (
        f"none of the {len(messages)} joint messages that are not too old has {_quoted(missing)} "
        f"(they have {known})"
    )


def joint_positions(
    message: JointState, joints: Sequence[JointContract]
) -> npt.NDArray[np.float64]:
    """Positions of the contract's joints, in its order and in messages' units: (joints,) float64.

    The message (sensor_msgs/msg/JointState) may name its joints in any order and hold others.

    Raises:
        MessageError: as ``message_values``.
    """
    return message_values(JOINT_STATE, [message], joints)


def joint_vector(message: JointState, joints: Sequence[JointContract]) -> npt.NDArray[np.float32]:
    """The joints of a message in the policy's order and units: (joints,) float32.

    Raises:
        MessageError: as ``joint_positions``, or a number that float32 does not have.
    """
    return policy_vector(joint_positions(message, joints), joints)


def policy_vector(
    values: npt.NDArray[np.float64], joints: Sequence[JointContract]
) -> npt.NDArray[np.float32]:
    """Numbers of messages, (joints,), in the policy's units: (joints,) float32.

    Raises:
        MessageError: one that float32 does not have.
    """
    converted = to_policy(values, joints)
    large = [joints[place] for place in np.flatnonzero(np.abs(converted) > _LARGEST)]
    if large:
        names = _quoted([joint.name for joint in large])
        raise MessageError(f"joint message has no usable {large[0].kind} for {names}: too large")
    return converted.astype(np.float32)


def to_policy(
    values: npt.NDArray[np.floating[Any]], joints: Sequence[JointContract]
) -> npt.NDArray[np.float64]:
    """Numbers in messages' units, (..., joints), in the policy's."""
    slope, start = _affine(joints)
    return np.asarray(values, dtype=np.float64) * slope + start


def to_rad(
    values: npt.NDArray[np.floating[Any]], joints: Sequence[JointContract]
) -> npt.NDArray[np.float64]:
    """Values in the policy's units, (..., joints), in messages' units: the inverse of to_policy.

    That is rad for angles, and m, rad/s and so on for what is no angle.
    """
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
    """Slope and start of ``policy = slope * number + start``, each (joints,)."""
    slopes, starts = [], []
    for joint in joints:
        if joint.unit == "percent":
            if joint.range is None:
                raise ValueError(f"joint '{joint.name}' is in percent without a range")
            lower, upper = joint.range
            slope = 200.0 / (upper - lower)
            start = -100.0 - slope * lower
        else:
            slope, start = UNITS[joint.unit].factor, 0.0
        slopes.append(joint.scale * slope)
        starts.append(joint.scale * start + joint.offset)
    return np.array(slopes), np.array(starts)


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
