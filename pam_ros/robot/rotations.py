# SPDX-License-Identifier: Apache-2.0
"""Rigid transforms as (4, 4) matrices, and the forms that URDFs and messages have for them.

A matrix takes points of the child to points of the parent; lengths in metres, angles in radians.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def transform(xyz: ArrayLike, rpy: ArrayLike = (0.0, 0.0, 0.0)) -> NDArray[np.float64]:
    """(4, 4) of a URDF's origin: metres, and roll, pitch and yaw about fixed axes [rad]."""
    (sr, sp, sy), (cr, cp, cy) = np.sin(rpy), np.cos(rpy)
    found = np.eye(4)
    found[:3, :3] = (
        (cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr),
        (sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr),
        (-sp, cp * sr, cp * cr),
    )
    found[:3, 3] = xyz
    return found


def roll_pitch_yaw(matrix: NDArray[np.float64]) -> tuple[float, float, float]:
    """Of a (4, 4) or (3, 3) matrix, as a URDF's rpy has it [rad]; roll 0 at a pitch of +-90."""
    r = matrix[:3, :3]
    flat = np.hypot(r[0, 0], r[1, 0])
    pitch = np.arctan2(-r[2, 0], flat)
    if flat < 1e-9:
        return 0.0, float(pitch), float(np.arctan2(-r[0, 1], r[1, 1]))
    return (
        float(np.arctan2(r[2, 1], r[2, 2])),
        float(pitch),
        float(np.arctan2(r[1, 0], r[0, 0])),
    )


def quaternion(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """(4,) x, y, z, w of length 1, of a (4, 4) or (3, 3) matrix."""
    r = matrix[:3, :3]
    # Of the four, the one that is largest is computed first: nothing is divided by little.
    squares = np.array(
        (
            1 + r[0, 0] - r[1, 1] - r[2, 2],
            1 - r[0, 0] + r[1, 1] - r[2, 2],
            1 - r[0, 0] - r[1, 1] + r[2, 2],
            1 + r[0, 0] + r[1, 1] + r[2, 2],
        )
    )
    rows = (
        (squares[0], r[0, 1] + r[1, 0], r[0, 2] + r[2, 0], r[2, 1] - r[1, 2]),
        (r[0, 1] + r[1, 0], squares[1], r[1, 2] + r[2, 1], r[0, 2] - r[2, 0]),
        (r[0, 2] + r[2, 0], r[1, 2] + r[2, 1], squares[2], r[1, 0] - r[0, 1]),
        (r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1], squares[3]),
    )
    found = np.array(rows[int(squares.argmax())])
    unit: NDArray[np.float64] = found / np.linalg.norm(found)
    return unit


def from_quaternion(xyz: ArrayLike, xyzw: ArrayLike) -> NDArray[np.float64]:
    """(4, 4) of a place [m] and a quaternion x, y, z, w of any length above 0."""
    q = np.asarray(xyzw, np.float64)
    x, y, z, w = q / np.linalg.norm(q)
    found = np.eye(4)
    found[:3, :3] = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
        (2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
        (2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
    )
    found[:3, 3] = xyz
    return found


def inverse(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of a rigid (4, 4) transform."""
    found = np.eye(4)
    found[:3, :3] = matrix[:3, :3].T
    found[:3, 3] = -matrix[:3, :3].T @ matrix[:3, 3]
    return found


def turned(axis: NDArray[np.float64], angle: ArrayLike) -> NDArray[np.float64]:
    """(..., 4, 4) turned by angles (...) [rad] about an axis of length 1 (Rodrigues)."""
    angles = np.asarray(angle, np.float64)[..., None, None]
    x, y, z = axis
    cross = np.array(((0.0, -z, y), (z, 0.0, -x), (-y, x, 0.0)))
    found = np.zeros((*angles.shape[:-2], 4, 4))
    found[..., :3, :3] = np.eye(3) + np.sin(angles) * cross
    found[..., :3, :3] += (1.0 - np.cos(angles)) * (cross @ cross)
    found[..., 3, 3] = 1.0
    return found


def slid(axis: NDArray[np.float64], way: ArrayLike) -> NDArray[np.float64]:
    """(..., 4, 4) moved by ways (...) [m] along an axis of length 1."""
    ways = np.asarray(way, np.float64)[..., None]
    found = np.zeros((*ways.shape[:-1], 4, 4))
    found[...] = np.eye(4)
    found[..., :3, 3] = ways * axis
    return found
