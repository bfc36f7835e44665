# SPDX-License-Identifier: Apache-2.0
"""Commands and predicted chunks as message fields."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from pam_ros.robot import (
    action_positions,
    fill_float64_multi_array,
    fill_joint_state,
    fill_joint_trajectory,
    fill_predicted_chunk,
    make_command,
)


def point() -> SimpleNamespace:
    return SimpleNamespace(positions=[], time_from_start=SimpleNamespace(sec=0, nanosec=0))


def seconds(duration) -> float:
    return duration.sec + duration.nanosec * 1e-9


@pytest.fixture
def command(contract):
    # The gripper counts in percent of 0 to 2 rad.
    positions = action_positions(contract.command, np.array([0.25, 50.0], dtype=np.float32))
    return make_command(contract.command, positions)


def test_an_action_becomes_radians_by_joint(command):
    assert command.names == ("shoulder", "gripper")
    np.testing.assert_allclose(command.positions, [0.25, 1.5])


def test_joint_state_is_stamped_at_publication(command):
    message = SimpleNamespace(header=SimpleNamespace(stamp=None))
    fill_joint_state(message, command, "now")
    assert message.header.stamp == "now"
    assert message.name == ["shoulder", "gripper"]
    assert message.position == pytest.approx([0.25, 1.5])


def test_a_trajectory_starts_on_arrival_and_lasts_one_period(command):
    stamp = SimpleNamespace(sec=0, nanosec=0)
    message = SimpleNamespace(header=SimpleNamespace(stamp=stamp))
    fill_joint_trajectory(message, command, 1 / 30, point)
    assert (stamp.sec, stamp.nanosec) == (0, 0)
    assert message.joint_names == ["shoulder", "gripper"]
    assert len(message.points) == 1
    assert message.points[0].positions == pytest.approx([0.25, 1.5])
    assert seconds(message.points[0].time_from_start) == pytest.approx(1 / 30, abs=1e-9)


def test_a_multi_array_is_the_positions(command):
    message = SimpleNamespace(data=None)
    fill_float64_multi_array(message, command)
    assert message.data == pytest.approx([0.25, 1.5])
    assert all(type(value) is float for value in message.data)


def test_the_predicted_chunk_is_timed_by_the_period(contract):
    chunk = np.stack([np.linspace(0, 1, 25), np.linspace(-100, 100, 25)], axis=1)
    positions = action_positions(contract.command, chunk)
    message = SimpleNamespace()
    fill_predicted_chunk(message, ("shoulder", "gripper"), positions, 0.1, point)
    assert len(message.points) == 25
    for index, item in enumerate(message.points):
        assert seconds(item.time_from_start) == pytest.approx(index * 0.1, abs=1e-9)
        assert 0 <= item.time_from_start.nanosec < 10**9
    assert message.points[-1].positions == pytest.approx([1.0, 2.0])


def test_a_duration_never_has_a_billion_nanoseconds(command):
    message = SimpleNamespace()
    fill_joint_trajectory(message, command, math.nextafter(1.0, 0.0), point)
    duration = message.points[0].time_from_start
    assert (duration.sec, duration.nanosec) == (1, 0)
