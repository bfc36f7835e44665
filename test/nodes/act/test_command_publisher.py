# SPDX-License-Identifier: Apache-2.0
"""A command goes to all topics of a robot, or to none."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from pam_ros.nodes.act.command_publisher import CommandPublisher
from pam_ros.robot import CommandContract, CommandPart, JointContract

ARM = CommandPart("/arm", "sensor_msgs/msg/JointState", (JointContract("waist"),))
BASE = CommandPart(
    "/cmd_vel",
    "geometry_msgs/msg/Twist",
    tuple(JointContract(f, field=f, kind="velocity") for f in ("linear.x", "angular.z")),
)


@pytest.fixture
def sent():
    """What was published: (topic, message)."""
    return []


@pytest.fixture
def publisher(sent):
    def create(_, topic, __):
        return SimpleNamespace(publish=lambda message: sent.append((topic, message)))

    now = SimpleNamespace(nanoseconds=5_000_000_007)
    node = SimpleNamespace(
        create_publisher=create, get_clock=lambda: SimpleNamespace(now=lambda: now),
        context=SimpleNamespace(ok=lambda: True),
    )  # fmt: skip
    return CommandPublisher(node, CommandContract((ARM, BASE)), 0.1)


def test_each_topic_gets_its_part(publisher, sent):
    publisher.publish(np.array([0.5, 0.25, -1.0]))
    (arm, joints), (base, twist) = sent
    assert (arm, base) == ("/arm", "/cmd_vel")
    assert (joints.name, list(joints.position)) == (["waist"], [0.5])
    assert (joints.header.stamp.sec, joints.header.stamp.nanosec) == (5, 7)
    assert (twist.linear.x, twist.angular.z, twist.linear.y) == (0.25, -1.0, 0.0)
    assert publisher.published == 1


def test_a_part_whose_message_cannot_be_made_holds_back_the_others(publisher, sent):
    with pytest.raises(ValueError, match="zip"):
        publisher.publish(np.array([0.5, 0.25]))
    assert sent == []
    assert publisher.published == 0


def test_what_would_move_on_is_stopped_and_positions_are_left_as_they_are(publisher, sent):
    publisher.publish(np.array([0.5, 0.25, -1.0]))
    sent.clear()
    publisher.stop()
    ((topic, twist),) = sent
    assert topic == "/cmd_vel"
    assert (twist.linear.x, twist.angular.z) == (0.0, 0.0)
    assert publisher.published == 1
