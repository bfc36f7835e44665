# SPDX-License-Identifier: Apache-2.0
"""The simulated arm, the policy that moves it and, where asked for, a recording.

ros2 launch pam_ros demo.launch.py
"""

from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.conditions import IfCondition
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, NotEqualsSubstitution, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    """The robot, the attention node and the recorder."""
    share = FindPackageShare("pam_ros")
    arguments = [
        DeclareLaunchArgument(
            "policy",
            default_value=PathJoinSubstitution([share, "models", "demo_act"]),
            description="LeRobot checkpoint for the demo arm",
        ),
        DeclareLaunchArgument(
            "params_file",
            default_value=PathJoinSubstitution([share, "config", "demo.yaml"]),
            description="Parameters of the attention node, as in config/act_attention.yaml",
        ),
        DeclareLaunchArgument("seed", default_value="1000", description="Seed of the first scene"),
        DeclareLaunchArgument(
            "bag", default_value="", description="Record into this new folder; empty for none"
        ),
        DeclareLaunchArgument(
            "log_level", default_value="info", description="debug, info, warn, error or fatal"
        ),
        DeclareLaunchArgument(
            "use_rviz", default_value="false", description="Open RViz, and start displays"
        ),
    ]
    attention = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(
            PathJoinSubstitution([share, "launch", "act_attention.launch.py"])
        ),
        launch_arguments={
            "params_file": LaunchConfiguration("params_file"),
            # The robot and the recorder look for the node under /act_attention.
            "namespace": "",
            "policy": LaunchConfiguration("policy"),
            "contract": "demo_arm",
            "enabled": "true",
            "log_level": LaunchConfiguration("log_level"),
            "use_rviz": LaunchConfiguration("use_rviz"),
        }.items(),
    )
    robot = Node(
        package="pam_ros",
        executable="demo_robot",
        name="demo_robot",
        output="screen",
        parameters=[{"seed": ParameterValue(LaunchConfiguration("seed"), value_type=int)}],
        arguments=["--ros-args", "--log-level", LaunchConfiguration("log_level")],
    )
    recorder = Node(
        package="pam_ros",
        executable="recorder",
        name="recorder",
        output="screen",
        parameters=[{"bag": ParameterValue(LaunchConfiguration("bag"), value_type=str)}],
        condition=IfCondition(NotEqualsSubstitution(LaunchConfiguration("bag"), "")),
    )
    return LaunchDescription([*arguments, robot, attention, recorder])
