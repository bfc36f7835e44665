# SPDX-License-Identifier: Apache-2.0
"""A small contract and the policy that it fits."""

from __future__ import annotations

import copy
import sys
from pathlib import Path

import pytest

from pam_ros.policy.interface import CameraSpec, PolicySpec
from pam_ros.robot import parse_contract

sys.path.insert(0, str(Path(__file__).parent))

CONTRACT = {
    "robot": "two_joints",
    "rate_hz": 10,
    "sync_tolerance_s": 0.05,
    "max_age_s": 0.5,
    "cameras": [
        {
            "name": "top",
            "topic": "/top/image_raw",
            "type": "sensor_msgs/msg/Image",
            "feature": "observation.images.top",
            "encoding": "rgb8",
        },
        {
            "name": "wrist",
            "topic": "/wrist/image_raw",
            "type": "sensor_msgs/msg/Image",
            "feature": "observation.images.wrist",
            "crop": {"x": 2, "y": 1, "width": 8, "height": 6},
            "resize": "policy",
        },
    ],
    "state": {
        "topic": "/joint_states",
        "joints": [
            {"name": "shoulder", "limits": [-1.0, 1.0]},
            {"name": "gripper", "limits": [0.0, 2.0], "unit": "percent", "range": [0.0, 2.0]},
        ],
    },
    "command": {
        "topic": "/joint_commands",
        "type": "sensor_msgs/msg/JointState",
        "max_velocity": 2.0,
    },
}


@pytest.fixture
def data() -> dict:
    """The contract as YAML gives it, to be changed by a test."""
    return copy.deepcopy(CONTRACT)


@pytest.fixture
def contract():
    return parse_contract(CONTRACT, "two_joints.yaml")


@pytest.fixture
def spec() -> PolicySpec:
    return PolicySpec(
        name="act",
        sha256="0" * 64,
        cameras=(
            CameraSpec("observation.images.wrist", 3, 4),
            CameraSpec("observation.images.top", 6, 8),
        ),
        state_feature="observation.state",
        state_dim=2,
        environment_feature=None,
        environment_dim=0,
        action_dim=2,
        chunk_size=5,
        n_action_steps=5,
        chunk_mode="queue",
        device="cpu",
        groups=(),
        stacks=(),
    )
