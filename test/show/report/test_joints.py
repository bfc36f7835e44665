# SPDX-License-Identifier: Apache-2.0
"""Which topics of a recording are a robot's, and how the parts of one are told apart."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from pam_ros.bags import BagTopic
from pam_ros.robot.values.registry import VALUE_TYPES
from pam_ros.show.report.joints import JointReader, JointSeries, roles, told_apart

JOINT_STATE = "sensor_msgs/msg/JointState"
TRAJECTORY = "trajectory_msgs/msg/JointTrajectory"


def topics(*found):
    return [BagTopic(name, kind, count, ()) for name, kind, count in found]


def test_every_part_of_a_robot_has_its_role():
    found = roles(
        topics(
            ("/left/joint_states", JOINT_STATE, 90),
            ("/right/joint_states", JOINT_STATE, 100),
            ("/left/joint_commands", JOINT_STATE, 30),
            ("/right_controller/joint_trajectory", TRAJECTORY, 30),
            ("/cmd_vel", "geometry_msgs/msg/Twist", 30),
            ("/odom", "nav_msgs/msg/Odometry", 100),
            ("/act_attention/predicted_command/left", JOINT_STATE, 30),
            ("/act_attention/predicted_chunk", TRAJECTORY, 30),
            ("/replayed/predicted_chunk", TRAJECTORY, 3),
            ("/silent/joint_states", JOINT_STATE, 0),
            ("/top/image_raw", "sensor_msgs/msg/Image", 10),
        )
    )
    assert found == {
        "/left/joint_states": "measured",
        "/right/joint_states": "measured",
        "/left/joint_commands": "commanded",
        "/right_controller/joint_trajectory": "commanded",
        "/cmd_vel": "commanded",
        "/odom": "measured",
        "/act_attention/predicted_command/left": "predicted",
        "/act_attention/predicted_chunk": "chunk",
    }


@pytest.mark.parametrize("kind", VALUE_TYPES)
def test_no_type_is_left_out(kind):
    assert roles(topics(("/robot/some_command", kind, 5))) == {
        "/robot/some_command": "commanded" if VALUE_TYPES[kind].command else "measured"
    }


def series(role, topic, *names):
    return JointSeries(role, topic, names, np.zeros(1), np.zeros((1, len(names)), np.float32))


def test_joints_of_one_name_are_told_apart_alike_in_every_role():
    told = told_apart(
        [
            series("measured", "/left/joint_states", "waist", "elbow"),
            series("measured", "/right/joint_states", "waist", "finger"),
            series("commanded", "/left/joint_commands", "waist"),
            series("commanded", "/right/joint_commands", "waist"),
            series("chunk", "/act_attention/predicted_chunk", "left/waist", "right/waist"),
        ]
    )
    assert [one.names for one in told] == [
        ("left/waist", "elbow"), ("right/waist", "finger"), ("left/waist",), ("right/waist",),
        ("left/waist", "right/waist"),
    ]  # fmt: skip


def test_fields_are_shown_with_their_unit():
    message = SimpleNamespace(
        linear=SimpleNamespace(x=0.5, y=0.0, z=0.0), angular=SimpleNamespace(x=0.0, y=0.0, z=1.5)
    )
    reader = JointReader("/cmd_vel", "commanded", "geometry_msgs/msg/Twist")
    reader.take(message, 7, SimpleNamespace(time_of_reception=float))
    found = reader.series()
    shown = dict(zip(found.names, found.positions[0].tolist(), strict=True))
    assert shown["linear.x [m/s]"] == 0.5
    assert shown["angular.z [rad/s]"] == 1.5


def joint_state(stamp_s, **positions):
    stamp = SimpleNamespace(sec=0, nanosec=round(stamp_s * 1e9))
    return SimpleNamespace(
        header=SimpleNamespace(stamp=stamp),
        name=list(positions),
        position=list(positions.values()),
        velocity=[],
        effort=[],
    )


CLOCK = SimpleNamespace(time=lambda received, stamp: stamp / 1e9)


def test_drivers_that_take_turns_on_one_topic_have_all_their_joints_shown():
    reader = JointReader("/joint_states", "measured", JOINT_STATE)
    reader.take(joint_state(0.1, waist=1.0, elbow=2.0), 0, CLOCK)
    reader.take(joint_state(0.2, gripper=3.0), 0, CLOCK)
    reader.take(joint_state(0.3, elbow=5.0, waist=4.0), 0, CLOCK)
    reader.take(joint_state(0.9, waist=6.0, elbow=7.0), 0, CLOCK)  # the gripper fell silent
    found = reader.series()
    assert (reader.odd, found.names) == (0, ("waist", "elbow", "gripper"))
    nan = np.nan
    np.testing.assert_array_equal(found.positions, [[1, 2, nan], [1, 2, 3], [4, 5, 3], [6, 7, nan]])


def test_numbers_without_names_are_left_out_and_counted():
    reader = JointReader("/joint_states", "measured", JOINT_STATE)
    nameless = joint_state(0.1, waist=1.0)
    nameless.name = []
    reader.take(nameless, 0, CLOCK)
    assert (reader.odd, reader.series()) == (1, None)
