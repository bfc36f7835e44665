# SPDX-License-Identifier: Apache-2.0
"""The attention node on your own robot.

ros2 launch pam_ros act_attention.launch.py policy:=/path/to/checkpoint contract:=so101
"""

from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from launch import LaunchContext, LaunchDescription


def generate_launch_description() -> LaunchDescription:
    """One node, and RViz where it is asked for."""
    share = FindPackageShare("pam_ros")
    arguments = [
        DeclareLaunchArgument(
            "params_file",
            default_value=PathJoinSubstitution([share, "config", "act_attention.yaml"]),
            description="Parameters of the node, as in config/act_attention.yaml",
        ),
        DeclareLaunchArgument(
            "contract",
            default_value="",
            description="Which topic, joint and unit feeds which policy feature: a YAML file, or "
            "the name of one in config/robots (so101, demo_arm); empty: see params_file",
        ),
        DeclareLaunchArgument(
            "policy",
            default_value="",
            description="LeRobot ACT checkpoint: folder or hub repository; empty: see params_file",
        ),
        DeclareLaunchArgument(
            "engine",
            default_value="",
            description="auto, eager, compile, openvino or cuda_graph; empty: see params_file",
        ),
        DeclareLaunchArgument(
            "dtype", default_value="", description="float32 or bfloat16; empty: see params_file"
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
        DeclareLaunchArgument(
            "enabled",
            default_value="",
            description="true: send commands from the start; false: only show, until ~/enable; "
            "empty: see params_file",
        ),
        DeclareLaunchArgument(
            "rviz", default_value="false", description="Open RViz with the overlays"
        ),
        DeclareLaunchArgument(
            "rviz_config",
            default_value=PathJoinSubstitution([share, "config", "pam_ros.rviz"]),
            description="RViz layout",
        ),
    ]
    rviz = Node(
        package="rviz2",
        executable="rviz2",
        arguments=["-d", LaunchConfiguration("rviz_config")],
        condition=IfCondition(LaunchConfiguration("rviz")),
    )
    return LaunchDescription([*arguments, OpaqueFunction(function=_attention_node), rviz])


def _attention_node(context: LaunchContext) -> list[Node]:
    """The node; arguments that are given win over the parameter file."""
    kinds = {
        "contract": str,
        "policy": str,
        "engine": str,
        "dtype": str,
        "use_sim_time": bool,
        "enabled": bool,
    }
    given = {
        name: ParameterValue(LaunchConfiguration(name), value_type=kind)
        for name, kind in kinds.items()
        if LaunchConfiguration(name).perform(context)
    }
    node = Node(
        package="pam_ros",
        executable="act_attention",
        name="act_attention",
        namespace=LaunchConfiguration("namespace"),
        output="screen",
        parameters=[LaunchConfiguration("params_file"), given],
        arguments=["--ros-args", "--log-level", LaunchConfiguration("log_level")],
    )
    return [node]
