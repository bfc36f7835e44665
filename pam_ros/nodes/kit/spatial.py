# SPDX-License-Identifier: Apache-2.0
"""Transforms and markers as messages, from arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from geometry_msgs.msg import Point, TransformStamped
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker

from pam_ros.robot.rotations import quaternion

if TYPE_CHECKING:
    from builtin_interfaces.msg import Time
    from numpy.typing import ArrayLike, NDArray


BACKGROUND = (1.0, 1.0, 1.0, 0.7)


def transform_message(
    parent: str, child: str, stamp: Time, matrix: NDArray[np.float64]
) -> TransformStamped:
    """A frame in its parent, (4, 4), as /tf has it."""
    message = TransformStamped(child_frame_id=child)
    message.header.frame_id = parent
    message.header.stamp = stamp
    move, turn = message.transform.translation, message.transform.rotation
    move.x, move.y, move.z = matrix[:3, 3].tolist()
    turn.x, turn.y, turn.z, turn.w = quaternion(matrix).tolist()
    return message


def marker(frame: str, stamp: Time, name: str, kind: int, number: int = 0) -> Marker:
    """A marker of this namespace and kind without a place, size or colour of its own.

    Args:
        frame: that its points are in.
        stamp: of what it shows.
        name: its namespace: what RViz lists, and can be left out there.
        kind: one of Marker's constants.
        number: tells those of one namespace apart.
    """
    found = Marker(ns=name, id=number, type=kind)
    found.header.frame_id = frame
    found.header.stamp = stamp
    found.pose.orientation.w = 1.0
    found.scale.x = found.scale.y = found.scale.z = 1.0
    found.color = colour(BACKGROUND)
    return found


def place(message: Marker, matrix: NDArray[np.float64], size: ArrayLike) -> None:
    """Put a box, ball or cylinder at a (4, 4) pose, with a size along x, y and z [m]."""
    where, turn = message.pose.position, message.pose.orientation
    where.x, where.y, where.z = matrix[:3, 3].tolist()
    turn.x, turn.y, turn.z, turn.w = quaternion(matrix).tolist()
    scale = message.scale
    scale.x, scale.y, scale.z = np.asarray(size, np.float64).tolist()


def colour(rgba: ArrayLike) -> ColorRGBA:
    """Red, green, blue and opacity, 0 to 1."""
    r, g, b, a = np.asarray(rgba, np.float64).tolist()
    return ColorRGBA(r=r, g=g, b=b, a=a)


def fill_points(message: Marker, points: NDArray[np.float64]) -> None:
    """Points (..., 3) [m] of a list or strip, in their order."""
    message.points = [Point(x=x, y=y, z=z) for x, y, z in points.reshape(-1, 3).tolist()]


def fill_colours(message: Marker, rgba: NDArray[np.float64]) -> None:
    """A colour (..., 4) for each of the points."""
    message.colors = [ColorRGBA(r=r, g=g, b=b, a=a) for r, g, b, a in rgba.reshape(-1, 4).tolist()]
