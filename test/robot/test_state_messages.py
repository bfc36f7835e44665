# SPDX-License-Identifier: Apache-2.0
"""A state written as messages is read back as the same state, whatever its parts are."""

from __future__ import annotations

import numpy as np
import pytest
from two_arms import base, two_arms

from pam_ros.bags.messages import Messages
from pam_ros.nodes.kit.messages import RosMessages
from pam_ros.robot import message_values, parse_contract
from pam_ros.robot.observation import measured_positions
from pam_ros.robot.state_messages import state_messages


def mobile():
    data = two_arms()
    data["state"][0]["joints"] = data["state"][0]["joints"][:2]
    data["command"][0]["joints"][2] = {"name": "gripper", "limits": [-1, 1]}
    data["state"] += [
        {"topic": "/left/joint_states", "kind": "velocity", "joints": [{"name": "elbow"}]},
        {"topic": "/odom", "type": "nav_msgs/msg/Odometry", "fields": ["linear.x", "rpy.yaw"]},
        {"topic": "/force", "type": "geometry_msgs/msg/WrenchStamped", "fields": ["force.z"]},
        {"topic": "/touch", "type": "std_msgs/msg/Float64MultiArray", "fields": ["data[1:3]"]},
        {"topic": "/pose", "type": "geometry_msgs/msg/Pose", "feature": None,
         "fields": ["position.x"]},
    ]  # fmt: skip
    data["command"].append(base())
    return parse_contract(data, "file.yaml")


@pytest.mark.parametrize("port", [RosMessages(), Messages()])
def test_what_is_written_is_read_back(port):
    contract = mobile()
    values = np.linspace(-0.9, 0.8, len(contract.state.joints))
    made = list(state_messages(contract, values, 7_000_000_003, port.new))
    assert {topic: kind for topic, kind, _ in made} == contract.state.topics
    messages = {topic: message for topic, _, message in made}
    parts = [part for part in contract.state.parts if part.feature is not None]
    found = [message_values(part.type, [messages[part.topic]], part.joints) for part in parts]
    np.testing.assert_allclose(np.concatenate(found), values, atol=1e-12)
    for message in messages.values():
        if hasattr(message, "header"):
            assert (message.header.stamp.sec, message.header.stamp.nanosec) == (7, 3)


def test_a_commanded_joint_that_the_state_leaves_out_stands_at_zero():
    contract = mobile()
    values = np.ones(len(contract.state.joints))
    messages = {t: m for t, _, m in state_messages(contract, values, 1, RosMessages().new)}
    stand = measured_positions(contract, lambda topic: [messages[topic]])
    # The left gripper is commanded, and no number of the state.
    assert stand.tolist() == [1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0]
