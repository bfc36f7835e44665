# SPDX-License-Identifier: Apache-2.0
"""A camera whose stamps nobody can use: told on /diagnostics, and in the refusal to enable."""

import re

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.time import Time
from sensor_msgs.msg import Image, JointState
from std_srvs.srv import SetBool

from pam_ros.msg import AttentionMap

SECOND = 10**9
# Stamp of the camera by the clock of the robot [ns], and how the sentence begins.
ODD = {
    "no stamp": (lambda now: 0, "has the stamp 0: set header.stamp where it is published"),
    "behind": (
        lambda now: now - 9 * SECOND // 10,
        # More than 0.9 s by as much as it takes to arrive.
        r"is stamped [\d.]+ s before it arrives; at most max_age_s, 0\.5 s",
    ),
    "hours": (lambda now: now - 7201 * SECOND, "is stamped by another clock, 2 h 0 min behind"),
    "own start": (lambda now: 12 * SECOND, "is stamped by a clock that counts from its own start"),
}


def observe(robot, stamp_of):
    """One picture of such a stamp, one joint state that is in order."""
    now = robot.peer.get_clock().now()
    image = Image(height=64, width=96, encoding="rgb8", step=3 * 96, data=bytes(64 * 96 * 3))
    image.header.stamp = Time(nanoseconds=stamp_of(now.nanoseconds)).to_msg()
    joints = JointState(name=["pan", "lift"], position=[0.1, 0.2])
    joints.header.stamp = now.to_msg()
    robot.joints.publish(joints)
    robot.images.publish(image)


@pytest.mark.parametrize(("stamp_of", "sentence"), ODD.values(), ids=ODD.keys())
def test_the_sentence_is_on_diagnostics_and_in_the_refusal(attention_robot, stamp_of, sentence):
    robot = attention_robot({"max_age": 0.5})
    reports = robot.listen(DiagnosticArray, "/diagnostics")
    robot.spin()

    def told():
        observe(robot, stamp_of)
        return reports and re.search(sentence, reports[-1].status[0].message)

    assert robot.wait(told), reports[-1].status[0].message
    said = []

    def refused():
        # What came in the last seconds counts, and the joint state has to be recent.
        observe(robot, stamp_of)
        answer = robot.call(SetBool, "/act_attention/enable", SetBool.Request(data=True))
        assert not answer.success
        said.append(answer.message)
        return re.match(f"not enabled: camera '.*{sentence}", answer.message)

    assert robot.wait(refused), said
    assert robot.node.ticks.commander.state.value == "disabled"


def test_with_the_key_of_the_sentence_it_ticks(attention_robot, contract, tmp_path):
    file = tmp_path / "by_arrival.yaml"
    text = contract().read_text()
    assert text.count("name: top,") == 1
    file.write_text(text.replace("name: top,", "name: top, stamp: arrival,"))
    robot = attention_robot(contract=file)
    maps = robot.listen(AttentionMap, "/act_attention/attention")
    robot.spin()
    assert robot.wait(lambda: observe(robot, lambda now: 0) or maps)
    assert maps[0].cameras[0].header.stamp.sec == 0
    assert maps[0].header.stamp.sec > 0
    observe(robot, lambda now: 0)
    assert robot.call(SetBool, "/act_attention/enable", SetBool.Request(data=True)).success
