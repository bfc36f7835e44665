# SPDX-License-Identifier: Apache-2.0
"""One node of this package as launch files start it: a parameter file, and arguments over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

if TYPE_CHECKING:
    from collections.abc import Mapping

    from launch import LaunchContext

_CLOCK = "Take time from /clock: true or false"
_ELSE = "; empty: see params_file"
_RESPAWN_DELAY_S = 2.0


def node_actions(name: str, parameters: Mapping[str, tuple[type, str]]) -> list[Any]:
    """The launch arguments of a node, named as in Nav2's launch files, and the node.

    Args:
        name: of the node, its executable and its file in config/.
        parameters: those that are launch arguments too: type and description of each. One that is
            given wins over the parameter file.
    """
    own = {**parameters, "use_sim_time": (bool, _CLOCK)}
    share = FindPackageShare("pam_ros")

    def start(context: LaunchContext) -> list[Node]:
        given = {
            key: ParameterValue(LaunchConfiguration(key), value_type=kind)
            for key, (kind, _) in own.items()
            if LaunchConfiguration(key).perform(context)
        }
        node = Node(
            package="pam_ros",
            executable=name,
            name=name,
            namespace=LaunchConfiguration("namespace"),
            output="screen",
            respawn=LaunchConfiguration("use_respawn"),
            respawn_delay=_RESPAWN_DELAY_S,
            parameters=[LaunchConfiguration("params_file"), given],
            arguments=["--ros-args", "--log-level", LaunchConfiguration("log_level")],
        )
        return [node]

    return [
        DeclareLaunchArgument(
            "params_file",
            default_value=PathJoinSubstitution([share, "config", f"{name}.yaml"]),
            description=f"Parameters of the node, as in config/{name}.yaml",
        ),
        *(
            DeclareLaunchArgument(key, default_value="", description=text + _ELSE)
            for key, (_, text) in own.items()
        ),
        DeclareLaunchArgument("namespace", default_value="", description="Namespace of the node"),
        DeclareLaunchArgument(
            "use_respawn",
            default_value="false",
            description=f"Start the node again {_RESPAWN_DELAY_S:g} s after it died",
        ),
        DeclareLaunchArgument(
            "log_level", default_value="info", description="debug, info, warn, error or fatal"
        ),
        OpaqueFunction(function=start),
    ]
