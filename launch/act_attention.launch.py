# SPDX-License-Identifier: Apache-2.0
"""The attention node on your own robot.

ros2 launch pam_ros act_attention.launch.py policy:=/path/to/checkpoint contract:=so101_degrees
"""

from launch.actions import DeclareLaunchArgument
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription
from pam_ros.nodes.kit.launching import node_actions

PARAMETERS = {
    "contract": (str, "What feeds which policy feature: a YAML file, or one of config/robots"),
    "policy": (str, "LeRobot checkpoint: folder or hub repository"),
    "engine": (str, "auto, eager, compile, openvino or cuda_graph"),
    "dtype": (str, "float32, bfloat16 or int8"),
    "autostart": (bool, "true: configure and activate at the start; false: wait to be told"),
    "enabled": (bool, "true: send commands from the start; false: only show, until ~/enable"),
}


def _value(name: str, kind: type) -> ParameterValue:
    return ParameterValue(LaunchConfiguration(name), value_type=kind)


def generate_launch_description() -> LaunchDescription:
    """One node, and RViz where it is asked for."""
    share = FindPackageShare("pam_ros")
    rviz_arguments = [
        DeclareLaunchArgument(
            "use_rviz",
            default_value="false",
            description="Open RViz, and start the node displays for what it shows in space",
        ),
        DeclareLaunchArgument(
            "rviz_config_file",
            default_value=PathJoinSubstitution([share, "config", "pam_ros.rviz"]),
            description="Layout that RViz opens with, for use_rviz:=true",
        ),
        DeclareLaunchArgument(
            "fixed_frame",
            default_value="base_link",
            description="Frame of the surface that heat is drawn on: RViz's Fixed Frame",
        ),
        DeclareLaunchArgument(
            "surface_height",
            default_value="0.0",
            description="Height of that surface in it, in metres",
        ),
    ]
    rviz = Node(
        package="rviz2",
        executable="rviz2",
        arguments=["-d", LaunchConfiguration("rviz_config_file")],
        condition=IfCondition(LaunchConfiguration("use_rviz")),
    )
    attention = node_actions("act_attention", PARAMETERS)
    displays = Node(
        package="pam_ros",
        executable="displays",
        name="displays",
        namespace=LaunchConfiguration("namespace"),
        output="screen",
        parameters=[
            {
                "contract": _value("contract", str),
                "fixed_frame": _value("fixed_frame", str),
                "surface_height": _value("surface_height", float),
                # In the namespace, as that node is.
                "policy_node": "act_attention",
            }
        ],
        condition=IfCondition(LaunchConfiguration("use_rviz")),
    )
    return LaunchDescription([*attention, *rviz_arguments, rviz, displays])
