# SPDX-License-Identifier: Apache-2.0
"""A robot of two arms whose joints have the same names, each on topics of its own."""

from __future__ import annotations

from typing import Any

JOINT_STATE = "sensor_msgs/msg/JointState"
NAMES = ("waist", "elbow", "gripper")
SIDES = ("left", "right")


def two_arms() -> dict[str, Any]:
    """The contract as YAML gives it, to be changed by a test."""
    return {
        "robot": "two_arms",
        "rate_hz": 10.0,
        "cameras": [
            {
                "name": "top",
                "topic": "/top/image_raw",
                "type": "sensor_msgs/msg/Image",
                "feature": "observation.images.top",
            }
        ],
        "state": [
            {
                "topic": f"/{side}/joint_states",
                "feature": "observation.state",
                "unit": "rad",
                "joints": [{"name": name, "limits": [-1, 1]} for name in NAMES],
            }
            for side in SIDES
        ],
        "command": [
            {
                "topic": f"/{side}/joint_commands",
                "type": JOINT_STATE,
                "joints": list(NAMES),
                "max_velocity": 1.0,
            }
            for side in SIDES
        ],
    }


def base() -> dict[str, Any]:
    """A part of the command that drives a base."""
    return {
        "topic": "/cmd_vel",
        "type": "geometry_msgs/msg/Twist",
        "fields": [
            {"name": "linear.x", "limits": [-0.5, 0.5]},
            {"name": "angular.z", "limits": [-1.0, 1.0]},
        ],
        "max_acceleration": 1.0,
    }
