# SPDX-License-Identifier: Apache-2.0
"""The scripted expert: a bounded step from where the arm is towards where it should be.

Its command depends on the measured joints and the target alone, with no memory, so that a policy
that sees the same has all that it needs to imitate it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.sim.errors import SimError
from pam_ros.sim.task import goal_point

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHOULDER_HEIGHT = 0.12
UPPER_ARM = 0.15
FOREARM = 0.15
HAND = 0.11

MAX_STEP = 0.12
"""Largest change of a joint in one command, radians."""

OPEN_GRIPPER = 0.4
CLEARANCE = 0.05
"""How far above the goal the tip travels while it is not yet over the cube, metres."""


def inverse_kinematics(point: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Joint positions (6,) that bring the tip to `point` (3,), hand straight down, in closed form.

    Raises SimError when the point is out of reach.
    """
    x, y, z = (float(value) for value in point)
    reach = np.hypot(x, y)
    rise = z + HAND - SHOULDER_HEIGHT
    distance = np.hypot(reach, rise)
    if not abs(UPPER_ARM - FOREARM) < distance <= UPPER_ARM + FOREARM:
        raise SimError(f"({x:.3f}, {y:.3f}, {z:.3f}) m is out of the arm's reach")
    at_shoulder = np.arccos((UPPER_ARM**2 + distance**2 - FOREARM**2) / (2 * UPPER_ARM * distance))
    at_elbow = np.arccos((UPPER_ARM**2 + FOREARM**2 - distance**2) / (2 * UPPER_ARM * FOREARM))
    lift = np.arctan2(reach, rise) - at_shoulder
    elbow = np.pi / 2 - at_elbow
    flex = np.pi / 2 - lift - elbow
    return np.array([np.arctan2(y, x), lift, elbow, flex, 0.0, OPEN_GRIPPER])


def forward_kinematics(joints: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Position of the tip (3,) for joint positions (6,)."""
    pan, lift, elbow, flex = (float(value) for value in joints[:4])
    forearm = lift + np.pi / 2 + elbow
    hand = forearm + flex
    reach = UPPER_ARM * np.sin(lift) + FOREARM * np.sin(forearm) + HAND * np.sin(hand)
    rise = UPPER_ARM * np.cos(lift) + FOREARM * np.cos(forearm) + HAND * np.cos(hand)
    return np.array([reach * np.cos(pan), reach * np.sin(pan), SHOULDER_HEIGHT + rise])


def expert_action(
    joints: NDArray[np.floating[Any]], target: NDArray[np.floating[Any]]
) -> NDArray[np.float64]:
    """The next command (6,) for measured joints (6,) and the middle of the target (3,).

    The tip stays above the objects until it is nearly over the goal, then comes down. Every joint
    moves in proportion, so that the hand travels straight in joint space.
    """
    joints = np.asarray(joints, dtype=np.float64)
    goal = goal_point(target)
    sideways = float(np.linalg.norm(forward_kinematics(joints)[:2] - goal[:2]))
    above = goal + np.array([0.0, 0.0, min(CLEARANCE, max(0.0, sideways - 0.01))])
    error = inverse_kinematics(above) - joints
    largest = float(np.abs(error).max())
    return joints + error * min(1.0, MAX_STEP / max(largest, 1e-9))
