# SPDX-License-Identifier: Apache-2.0
"""Messages to arrays and actions to commands: contract, synchronising, safety. No ROS imports."""

from __future__ import annotations

from pam_ros.robot.commands import action_positions, command_message, make_command
from pam_ros.robot.contract import CameraContract, Contract
from pam_ros.robot.contract_file import load_contract, parse_contract
from pam_ros.robot.errors import ContractError, MessageError
from pam_ros.robot.images import (
    compressed_to_rgb,
    fill_compressed_image,
    fill_image,
    image_to_rgb,
)
from pam_ros.robot.joints import (
    joint_positions,
    joint_vector,
    message_values,
    to_policy,
    to_rad,
)
from pam_ros.robot.latency import RollingLatency
from pam_ros.robot.observation import Observation, build_observation, camera_image
from pam_ros.robot.parts import (
    CommandContract,
    CommandPart,
    JointContract,
    StateContract,
    StatePart,
)
from pam_ros.robot.regions import Grid, SourceRegion
from pam_ros.robot.resizing import fit, source_region
from pam_ros.robot.safety import Decision, EnableResult, Safety, SafetyLimits, SafetyState
from pam_ros.robot.sources import ENVIRONMENT, STATE
from pam_ros.robot.sync import MessageSet, Synchroniser
from pam_ros.robot.values.arrays import fill_float64_multi_array
from pam_ros.robot.values.interface import Command
from pam_ros.robot.values.joints import (
    fill_joint_state,
    fill_joint_trajectory,
    fill_predicted_chunk,
)
from pam_ros.robot.values.registry import COMMAND_TYPES, STATE_TYPES, command_type

__all__ = [
    "COMMAND_TYPES",
    "ENVIRONMENT",
    "STATE",
    "STATE_TYPES",
    "CameraContract",
    "Command",
    "CommandContract",
    "CommandPart",
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
    "StateContract",
    "StatePart",
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
    "message_values",
    "parse_contract",
    "source_region",
    "to_policy",
    "to_rad",
]
