# SPDX-License-Identifier: Apache-2.0
"""`~/contribution_target`: what contributions explain, by a message."""

from __future__ import annotations

import numpy as np
import pytest
from rclpy.parameter import Parameter
from std_msgs.msg import String

from pam_ros.msg import AttentionMap

ATTENTION, TARGET = "/act_attention/attention", "/act_attention/contribution_target"
PIXELS = np.random.default_rng(3).integers(0, 256, (64, 96, 3), np.uint8)


@pytest.fixture
def robot(attention_robot):
    """Shows contributions; `say` publishes a target, `tick` gives the map of one more tick."""
    robot = attention_robot(attention_method="contribution")
    robot.maps = robot.listen(AttentionMap, ATTENTION)
    robot.log = robot.hear_log()
    robot.targets = robot.peer.create_publisher(String, TARGET, 10)
    robot.spin()
    assert robot.wait(lambda: robot.targets.get_subscription_count() > 0)

    def tick():
        wanted = len(robot.maps) + 1
        robot.observe(pixels=PIXELS, positions=(0.3, -0.6))
        assert robot.wait(lambda: len(robot.maps) >= wanted)
        return robot.maps[-1]

    robot.tick = tick
    robot.say = lambda text: robot.targets.publish(String(data=text))
    robot.set = lambda: robot.node.get_parameter("contribution_target").value
    return robot


@pytest.mark.parametrize("target", ["lift", "pan[3]", "lift[0:5]", "chunk[2:4]", "chunk"])
def test_a_message_sets_the_target_and_the_parameter(robot, target):
    robot.node.set_parameters([Parameter("contribution_target", value="pan")])
    robot.say(f" {target}\n")
    assert robot.wait(lambda: robot.set() == target)
    found = robot.tick()
    assert (found.valid, found.method, found.target) == (True, "contribution", target)


def test_a_target_that_is_repeated_begins_nothing_anew(robot):
    robot.say("pan")
    assert robot.wait(lambda: robot.set() == "pan")
    look = robot.node.ticks.look
    robot.say("pan")
    robot.say("lift")
    assert robot.wait(lambda: robot.set() == "lift")
    changed = []
    change = robot.node.ticks.change_look
    robot.node.ticks.change_look = lambda look: (changed.append(look), change(look))
    robot.say("lift")
    robot.say("pan")
    assert robot.wait(lambda: robot.set() == "pan")
    assert len(changed) == 1
    assert robot.node.ticks.look is not look


@pytest.mark.parametrize(
    "text", ["gripper", "", "lift[8]", "lift[3:3]", "[0]", "lift[-1]", "x" * 100_000, "lift\x01[1"]
)
def test_a_text_that_names_no_target_is_refused_with_one_sentence(robot, text):
    robot.say("lift")
    assert robot.wait(lambda: robot.set() == "lift")
    robot.say(text)
    robot.say(text)

    def said():
        return [one for one in robot.log if "~/contribution_target: " in one.msg]

    assert robot.wait(said)
    found = robot.tick()
    assert (robot.set(), found.target, found.method) == ("lift", "lift", "contribution")
    (warning,) = said()
    assert warning.level == 30
    assert "\n" not in warning.msg
    if len(text) > 200:
        assert warning.msg.endswith("a text of 100000 characters is no target")
    else:
        assert "none of this policy's: use chunk, change or a joint of pan, lift" in warning.msg
