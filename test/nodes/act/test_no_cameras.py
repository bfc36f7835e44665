# SPDX-License-Identifier: Apache-2.0
"""A policy of an environment state that sees nothing: it commands, and its maps are shares."""

from __future__ import annotations

import math
import time

from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray

from pam_ros.msg import AttentionMap


def test_it_commands_and_says_what_it_attends_to(attention_robot, blind_policy):
    policy, contract = blind_policy
    robot = attention_robot(contract=contract, policy=policy, enabled=True)
    maps = robot.listen(AttentionMap, "/act_attention/attention")
    commands = robot.listen(JointState, "/joint_commands")
    environment = robot.peer.create_publisher(Float64MultiArray, "/environment", 5)
    robot.spin(wait=False)
    for publisher in (environment, robot.joints):
        assert robot.wait(lambda publisher=publisher: publisher.get_subscription_count() > 0)
    assert robot.wait(lambda: robot.peer.count_publishers("/act_attention/attention"))

    def published() -> bool:
        environment.publish(Float64MultiArray(data=[0.1, 0.2, 0.3]))
        robot.observe()
        time.sleep(0.1)
        return bool(maps and commands)

    assert robot.wait(published)
    message = maps[0]
    assert message.valid, message.invalid_reason
    assert message.cameras == []
    shares = (message.latent_share, message.joint_state_share, message.environment_share)
    assert math.isclose(sum(shares), 1, abs_tol=1e-5)
