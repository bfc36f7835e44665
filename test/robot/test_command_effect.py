# SPDX-License-Identifier: Apache-2.0
"""Commands that move nothing are told, and a robot that follows late or in part is not."""

from __future__ import annotations

import numpy as np
import pytest

from pam_ros.robot import parse_contract
from pam_ros.robot.command_effect import CommandEffect


def two_arms():
    joints = [{"name": "waist", "limits": [-1, 1]}, {"name": "elbow", "limits": [-1, 1]}]
    arms = [{"topic": f"/{side}/joint_states", "joints": joints} for side in ("left", "right")]
    commands = [
        {
            "topic": f"/{side}/go",
            "type": "sensor_msgs/msg/JointState",
            "measured_by": f"/{side}/joint_states",
            "max_velocity": 1.5,
        }
        for side in ("left", "right")
    ]
    base = {
        "topic": "/cmd_vel",
        "type": "geometry_msgs/msg/Twist",
        "fields": [{"name": "linear.x", "limits": [-1, 1]}],
        "max_acceleration": 0.5,
    }
    camera = {"name": "top", "topic": "/top", "feature": "observation.images.top"}
    data = {"robot": "two", "rate_hz": 10, "cameras": [camera], "state": arms}
    return parse_contract(data | {"command": [*commands, base]}, "two.yaml").command


def ran(measured, seconds=2.5, commanded=None):
    """After so long at 10 Hz; measured and commanded are of the time, for the five joints."""
    effect = CommandEffect(two_arms())
    commanded = commanded or (lambda t: np.full(5, 0.2 * t))
    for now in np.arange(0, seconds, 0.1):
        effect.command(now, commanded(now))
        effect.measure(now, np.array(measured(now)))
    return effect


def follows(t):
    return np.array([0.2 * t] * 4 + [0.0])


def test_a_robot_that_stands_still_is_told_by_topic_and_joint():
    told = ran(lambda _: np.zeros(5)).why_none
    assert told.startswith(
        "commands on /left/go have had no effect for 2 s: 'left/waist' was sent over 0.400 rad and "
        "moved 0.000 rad; is the controller active, and are these its joints?; commands on /right/"
    )


def test_of_one_silent_arm_only_that_is_told():
    told = ran(lambda t: follows(t) * [1, 1, 0, 0, 0]).why_none
    assert told.startswith("commands on /right/go have had no effect")
    assert "/left/go" not in told


@pytest.mark.parametrize(
    "measured",
    [
        follows,
        lambda t: follows(max(t - 0.7, 0)),
        lambda t: follows(t) * [1, 0, 0, 1, 0],
        lambda t: follows(t) * 0.4,
    ],
    ids=["at once", "late", "one joint of each arm blocked", "slowly"],
)
def test_a_robot_that_moves_is_not_told(measured):
    assert ran(measured).why_none == ""


def test_small_commands_are_no_sign():
    still = ran(lambda _: np.zeros(5), commanded=lambda t: np.full(5, 0.015 * t))
    assert still.why_none == ""


@pytest.mark.parametrize(("held", "told"), [(0.9, True), (1.2, False)])
def test_a_short_hold_is_no_new_beginning_and_a_long_one_is(held, told):
    effect = CommandEffect(two_arms())
    for now in [*np.arange(0, 1.5, 0.1), *np.arange(1.4 + held, 3, 0.1)]:
        effect.hold(now)
        effect.command(now, np.full(5, 0.2 * now))
        effect.measure(now, np.zeros(5))
    assert bool(effect.why_none) == told


def test_it_takes_two_seconds_and_a_clear_begins_them_anew():
    assert ran(lambda _: np.zeros(5), seconds=1.9).why_none == ""
    effect = ran(lambda _: np.zeros(5))
    assert effect.why_none
    effect.clear()
    assert effect.why_none == ""
    for now in np.arange(10, 11.9, 0.1):
        effect.command(now, np.full(5, 0.2 * now))
        effect.measure(now, np.zeros(5))
    assert effect.why_none == ""


def test_it_ends_with_the_first_movement():
    effect = ran(lambda _: np.zeros(5))
    effect.measure(2.5, np.full(5, 0.3))
    assert effect.why_none == ""


def test_a_clock_that_jumps_back_begins_anew():
    effect = ran(lambda _: np.zeros(5))
    effect.command(0.0, np.zeros(5))
    effect.measure(0.0, np.zeros(5))
    assert effect.why_none == ""
