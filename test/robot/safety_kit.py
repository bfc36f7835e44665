# SPDX-License-Identifier: Apache-2.0
"""The limits and the Safety that tests of safety begin with."""

from __future__ import annotations

import dataclasses

import numpy as np

from pam_ros.robot import (
    CommandContract,
    CommandPart,
    JointContract,
    Safety,
    SafetyLimits,
)

PERIOD = 0.1
LOWER, UPPER = np.array([-1.0, 0.0]), np.array([1.0, 2.0])
JOINT_STATE = "sensor_msgs/msg/JointState"
JOINTS = (
    JointContract("shoulder", limits=(-1.0, 1.0), max_velocity=2.0),
    JointContract("gripper", limits=(0.0, 2.0), max_velocity=5.0, max_step=0.3),
)
COMMAND = CommandContract((CommandPart("/commands", JOINT_STATE, JOINTS, limit_margin=0.1),))
LIMITS = SafetyLimits.from_contract(COMMAND)
# Contracts that give steps alone, or speeds alone.
STEPS = dataclasses.replace(
    LIMITS, max_velocity=np.array([np.inf, np.inf]), max_step=np.array([0.1, 0.3])
)
SPEEDS = dataclasses.replace(LIMITS, max_step=np.array([np.inf, np.inf]))
HOME = np.array([0.0, 1.0])


def make(**options) -> Safety:
    limits = options.pop("limits", LIMITS)
    return Safety(limits, PERIOD, **({"soft_start_s": 0.0} | options))


def running(**options) -> Safety:
    """Enabled at HOME at time 0."""
    safety = make(**options)
    assert safety.enable(HOME, 0.0).success
    return safety


def action(shoulder: float, gripper: float = 1.0) -> np.ndarray:
    return np.array([shoulder, gripper], dtype=np.float32)
