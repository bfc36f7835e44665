# SPDX-License-Identifier: Apache-2.0
"""Sparse features beside a running attention node, recorded.

ros2 launch pam_ros sae_recorder.launch.py sae:=/path/to/sae bag:=/path/to/new/bag
"""

from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from launch import LaunchContext, LaunchDescription


def generate_launch_description() -> LaunchDescription:
    """One node."""
    share = FindPackageShare("pam_ros")
    arguments = [
        DeclareLaunchArgument(
            "params_file",
            default_value=PathJoinSubstitution([share, "config", "sae_recorder.yaml"]),
            description="Parameters of the node, as in config/sae_recorder.yaml",
        ),
        DeclareLaunchArgument(
            "sae",
            default_value="",
            description="Folder of the sparse autoencoder; empty: see params_file",
        ),
        DeclareLaunchArgument(
            "bag",
            default_value="",
            description="Record into this new folder; empty: see params_file",
        ),
        DeclareLaunchArgument(
            "contract",
            default_value="",
            description="Contract whose command and joint topics are recorded: a YAML file, or the "
            "name of one in config/robots; empty: see params_file",
        ),
        DeclareLaunchArgument(
            "images",
            default_value="",
            description="true: record the contract's cameras too; empty: see params_file",
        ),
        DeclareLaunchArgument("namespace", default_value="", description="Namespace of the node"),
        DeclareLaunchArgument(
            "use_sim_time",
            default_value="",
            description="Take time from /clock: true or false; empty: see params_file",
        ),
        DeclareLaunchArgument(
            "log_level", default_value="info", description="debug, info, warn, error or fatal"
        ),
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=_sae_recorder_node)])


def _sae_recorder_node(context: LaunchContext) -> list[Node]:
    """The node; arguments that are given win over the parameter file."""
    kinds = {"sae": str, "bag": str, "contract": str, "images": bool, "use_sim_time": bool}
    given = {
        name: ParameterValue(LaunchConfiguration(name), value_type=kind)
        for name, kind in kinds.items()
        if LaunchConfiguration(name).perform(context)
    }
    node = Node(
        package="pam_ros",
        executable="sae_recorder",
        name="sae_recorder",
        namespace=LaunchConfiguration("namespace"),
        output="screen",
        parameters=[LaunchConfiguration("params_file"), given],
        arguments=["--ros-args", "--log-level", LaunchConfiguration("log_level")],
    )
    return [node]
