# SPDX-License-Identifier: Apache-2.0
"""Commands and predicted chunks as message fields."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from pam_ros.robot import (
    Command,
    ContractError,
    action_positions,
    command_message,
    command_type,
    fill_float64_multi_array,
    fill_joint_state,
    fill_joint_trajectory,
    fill_predicted_chunk,
    make_command,
)

POINT = "trajectory_msgs/msg/JointTrajectoryPoint"


def new(name) -> SimpleNamespace:
    if name == POINT:
        return SimpleNamespace(positions=[], time_from_start=SimpleNamespace(sec=0, nanosec=0))
    return SimpleNamespace(header=stamped())


def stamped() -> SimpleNamespace:
    return SimpleNamespace(stamp=SimpleNamespace(sec=0, nanosec=0))


def seconds(duration) -> float:
    return duration.sec + duration.nanosec * 1e-9


@pytest.fixture
def command(contract):
    # The gripper counts in percent of 0 to 2 rad.
    positions = action_positions(contract.command, np.array([0.25, 50.0], dtype=np.float32))
    return make_command(contract.command.parts[0], positions)


def test_an_action_becomes_radians_by_joint(command):
    assert command.names == ("shoulder", "gripper")
    np.testing.assert_allclose(command.values, [0.25, 1.5])


def test_joint_state_is_stamped_at_publication(command):
    message = SimpleNamespace(header=stamped())
    fill_joint_state(message, replace(command, stamp_ns=3_000_000_004), new)
    assert message.header == SimpleNamespace(stamp=SimpleNamespace(sec=3, nanosec=4))
    assert message.name == ["shoulder", "gripper"]
    assert message.position == pytest.approx([0.25, 1.5])


def test_a_trajectory_starts_on_arrival_and_lasts_one_period(command):
    message = SimpleNamespace(header=stamped())
    fill_joint_trajectory(message, replace(command, stamp_ns=5, period_s=1 / 30), new)
    assert message.header == stamped()
    assert message.joint_names == ["shoulder", "gripper"]
    assert len(message.points) == 1
    assert message.points[0].positions == pytest.approx([0.25, 1.5])
    assert seconds(message.points[0].time_from_start) == pytest.approx(1 / 30, abs=1e-9)


def test_a_multi_array_is_the_positions(command):
    message = SimpleNamespace(data=None)
    fill_float64_multi_array(message, replace(command, fields=()), new)
    assert message.data == pytest.approx([0.25, 1.5])
    assert all(type(value) is float for value in message.data)


def test_the_predicted_chunk_is_timed_by_the_period(contract):
    chunk = np.stack([np.linspace(0, 1, 25), np.linspace(-100, 100, 25)], axis=1)
    positions = action_positions(contract.command, chunk)
    message = SimpleNamespace()
    fill_predicted_chunk(message, ("shoulder", "gripper"), positions, 0.1, new)
    assert len(message.points) == 25
    for index, item in enumerate(message.points):
        assert seconds(item.time_from_start) == pytest.approx(index * 0.1, abs=1e-9)
        assert 0 <= item.time_from_start.nanosec < 10**9
    assert message.points[-1].positions == pytest.approx([1.0, 2.0])


def test_a_duration_never_has_a_billion_nanoseconds(command):
    message = SimpleNamespace()
    fill_joint_trajectory(message, replace(command, period_s=math.nextafter(1.0, 0.0)), new)
    duration = message.points[0].time_from_start
    assert (duration.sec, duration.nanosec) == (1, 0)


JOINT_TYPES = ("sensor_msgs/msg/JointState", "trajectory_msgs/msg/JointTrajectory",
               "std_msgs/msg/Float64MultiArray")  # fmt: skip


@pytest.mark.parametrize("kind", JOINT_TYPES)
def test_what_a_command_says_is_read_from_its_message(kind):
    command = Command(("pan", "lift"), np.array([0.25, -1.5]), 7_000_000_000, 0.5)
    message = command_message(kind, command, new)
    found = command_type(kind).points(message)
    assert found.names in (None, command.names)
    assert found.rows == [[0.25, -1.5]]
    assert found.seconds == [0.5 if kind.endswith("JointTrajectory") else 0.0]
    assert (message.header.stamp.sec == 7) is command_type(kind).stamped


def test_a_type_that_is_no_command_is_refused_with_those_that_are():
    command = Command(("pan",), np.zeros(1))
    with pytest.raises(ContractError) as error:
        command_message("sensor_msgs/msg/Image", command, new)
    assert str(error.value) == (
        "no command is a 'sensor_msgs/msg/Image'; it must be one of sensor_msgs/msg/JointState, "
        "trajectory_msgs/msg/JointTrajectory, std_msgs/msg/Float64MultiArray, "
        "geometry_msgs/msg/PoseStamped, geometry_msgs/msg/Twist, geometry_msgs/msg/TwistStamped"
    )
