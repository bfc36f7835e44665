# SPDX-License-Identifier: Apache-2.0
"""The attention node on your own robot.

ros2 launch pam_ros act_attention.launch.py policy:=/path/to/checkpoint contract:=so101
"""

from launch.actions import DeclareLaunchArgument
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription


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
            description="Which topic, joint and unit feeds which policy feature: a YAML file, or "
            "the name of one in config/robots (so101, demo_arm)",
        ),
        DeclareLaunchArgument(
            "policy", description="LeRobot ACT checkpoint: a folder or a hub repository"
        ),
        DeclareLaunchArgument("namespace", default_value="", description="Namespace of the node"),
        DeclareLaunchArgument(
            "use_sim_time", default_value="false", description="Take time from /clock"
        ),
        DeclareLaunchArgument(
            "log_level", default_value="info", description="debug, info, warn, error or fatal"
        ),
        DeclareLaunchArgument(
            "enabled",
            default_value="false",
            description="Send commands from the start; otherwise only show, until ~/enable",
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
    node = Node(
        package="pam_ros",
        executable="act_attention",
        name="act_attention",
        namespace=LaunchConfiguration("namespace"),
        output="screen",
        parameters=[
            LaunchConfiguration("params_file"),
            {
                "contract": ParameterValue(LaunchConfiguration("contract"), value_type=str),
                "policy": ParameterValue(LaunchConfiguration("policy"), value_type=str),
                "use_sim_time": ParameterValue(
                    LaunchConfiguration("use_sim_time"), value_type=bool
                ),
                "enabled": ParameterValue(LaunchConfiguration("enabled"), value_type=bool),
            },
        ],
        arguments=["--ros-args", "--log-level", LaunchConfiguration("log_level")],
    )
    rviz = Node(
        package="rviz2",
        executable="rviz2",
        arguments=["-d", LaunchConfiguration("rviz_config")],
        condition=IfCondition(LaunchConfiguration("rviz")),
    )
    return LaunchDescription([*arguments, node, rviz])
