# SPDX-License-Identifier: Apache-2.0
"""Messages to arrays and actions to commands: contract, synchronising, safety. No ROS imports."""

from __future__ import annotations

from pam_ros.robot.commands import (
    COMMAND_TYPES,
    Command,
    action_positions,
    command_message,
    command_type,
    fill_float64_multi_array,
    fill_joint_state,
    fill_joint_trajectory,
    fill_predicted_chunk,
    make_command,
)
from pam_ros.robot.contract import CameraContract, CommandContract, Contract, JointContract
from pam_ros.robot.contract_file import load_contract, parse_contract
from pam_ros.robot.errors import ContractError, MessageError
from pam_ros.robot.images import (
    compressed_to_rgb,
    fill_compressed_image,
    fill_image,
    fit,
    image_to_rgb,
    source_region,
)
from pam_ros.robot.joints import joint_positions, joint_vector, to_policy, to_rad
from pam_ros.robot.latency import RollingLatency
from pam_ros.robot.observation import Observation, build_observation, camera_image
from pam_ros.robot.regions import Grid, SourceRegion
from pam_ros.robot.safety import Decision, EnableResult, Safety, SafetyLimits, SafetyState
from pam_ros.robot.sync import ENVIRONMENT, STATE, MessageSet, Synchroniser

__all__ = [
    "COMMAND_TYPES",
    "ENVIRONMENT",
    "STATE",
    "CameraContract",
    "Command",
    "CommandContract",
    "Contract",
    "ContractError",
    "Decision",
    "EnableResult",
    "Grid",
    "JointContract",
    "MessageError",
    "MessageSet",
    "Observation",
    "RollingLatency",
    "Safety",
    "SafetyLimits",
    "SafetyState",
    "SourceRegion",
    "Synchroniser",
    "action_positions",
    "build_observation",
    "camera_image",
    "command_message",
    "command_type",
    "compressed_to_rgb",
    "fill_compressed_image",
    "fill_float64_multi_array",
    "fill_image",
    "fill_joint_state",
    "fill_joint_trajectory",
    "fill_predicted_chunk",
    "fit",
    "image_to_rgb",
    "joint_positions",
    "joint_vector",
    "load_contract",
    "make_command",
    "parse_contract",
    "source_region",
    "to_policy",
    "to_rad",
]
