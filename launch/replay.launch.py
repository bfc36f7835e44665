# SPDX-License-Identifier: Apache-2.0
"""A recording played to the attention node, as if the robot were there.

ros2 launch pam_ros replay.launch.py bag:=/path/to/bag policy:=/path/to/policy contract:=demo_arm

Only what the contract names is played: no recorded command reaches a robot. In real time, so that a
slow machine skips frames; `pam_ros replay` takes every one.
"""

from typing import Any

import yaml
from launch.actions import (
    DeclareLaunchArgument,
    ExecuteProcess,
    OpaqueFunction,
    SetLaunchConfiguration,
)
from launch.substitutions import LaunchConfiguration
from launch_ros.utilities import make_namespace_absolute, prefix_namespace

from launch import LaunchContext, LaunchDescription
from pam_ros.nodes.kit.launching import node_actions
from pam_ros.robot.topics import NODE, full_name
from pam_ros.share.folders import find_contract

PARAMETERS = {
    "contract": (str, "What feeds which policy feature: a YAML file, or one of config/robots"),
    "policy": (str, "LeRobot checkpoint: folder or hub repository"),
    "engine": (str, "auto, eager, compile, openvino or cuda_graph"),
    "dtype": (str, "float32, bfloat16 or int8"),
    "autostart": (bool, "true: configure and activate at the start; false: wait to be told"),
}


def play(context: LaunchContext) -> list[ExecuteProcess]:
    """`ros2 bag play` of the topics that the node reads, with its clock."""
    # Read as it is: the Python of `ros2 launch` need not have what a policy needs.
    file = find_contract(LaunchConfiguration("contract").perform(context))
    contract = yaml.safe_load(file.read_text(encoding="utf-8"))
    node = f"{_namespace(context)}{NODE}"
    named = _topics(contract) if isinstance(contract, dict) else []
    topics = [full_name(topic, node) for topic in named]
    if not topics:
        raise RuntimeError(f"{file} names no topic: `pam_ros contract check {file}` tells more")
    command = ["ros2", "bag", "play", LaunchConfiguration("bag"), "--clock", "100"]
    command += ["--rate", LaunchConfiguration("rate"), "--delay", LaunchConfiguration("delay")]
    return [ExecuteProcess(cmd=[*command, "--topics", *topics], output="screen")]


def _namespace(context: LaunchContext) -> str:
    """That of the node, as launch_ros makes it; empty for the root."""
    around = context.launch_configurations.get("ros_namespace")
    own = LaunchConfiguration("namespace").perform(context)
    return str(make_namespace_absolute(prefix_namespace(around, own))).rstrip("/")


def _topics(contract: dict[str, Any]) -> list[str]:
    """Of cameras, joints and environment; what else is wrong with it, the node says."""
    cameras = contract.get("cameras")
    inputs = [*(cameras if isinstance(cameras, list) else []), contract.get("state")]
    inputs.append(contract.get("environment"))
    return [entry["topic"] for entry in inputs if isinstance(entry, dict) and "topic" in entry]


def generate_launch_description() -> LaunchDescription:
    """One node and a player."""
    arguments = [
        DeclareLaunchArgument("bag", description="Folder of the recording"),
        DeclareLaunchArgument(
            "rate",
            default_value="1.0",
            description="Speed of the player; 1.0 is that of the recording",
        ),
        DeclareLaunchArgument(
            "delay", default_value="10.0", description="Seconds in which the policy is loaded"
        ),
    ]
    node = node_actions("act_attention", PARAMETERS)
    return LaunchDescription(
        [
            SetLaunchConfiguration("use_sim_time", "true"),
            *arguments,
            *node,
            OpaqueFunction(function=play),
        ]
    )
