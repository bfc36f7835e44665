# SPDX-License-Identifier: Apache-2.0
"""An arm on a base: a velocity counts until the next command, so that the last one is a 0."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import rclpy
from rclpy.parameter import Parameter
from rclpy.time import Time

from pam_ros.nodes.act.commander import Commander
from pam_ros.robot import CommandContract, CommandPart, JointContract, load_contract

PERIOD = 0.1
BASE = CommandPart(
    "/cmd_vel",
    "geometry_msgs/msg/Twist",
    (JointContract("linear.x", unit="m/s", limits=(-0.5, 0.5), max_acceleration=1.0,
                   kind="velocity", field="linear.x"),),
)  # fmt: skip
STAND = np.array([0.1, 0.2, 0.0])
TARGET = np.array([0.1, 0.2, 0.5], np.float32)


class Topic:
    """Stands in for the publisher of one topic."""

    def __init__(self, sent, read) -> None:
        self._sent = sent
        self._read = read

    def publish(self, message) -> None:
        self._sent.append(round(float(self._read(message)), 6))


class Guard:
    """A guard that gives the command back, or not, and says how often it held."""

    ready, restarts, held_s = True, 0, 0.0

    def __init__(self) -> None:
        self.holds = 0
        self.holds_now = 0
        self.answers = True
        self.told: list[tuple[float, ...]] = []

    def beat(self, positions) -> bool:
        self.told.append(positions)
        self.holds, self.holds_now = self.holds + self.holds_now, 0
        return self.answers

    def check(self) -> None: ...

    def close(self) -> None: ...


class Robot:
    """A Commander of two joints and a base, at full speed, and what it sent to each topic."""

    def __init__(self, node, contract) -> None:
        self._node = node
        self._now = 100.0
        self.guard = Guard()
        self.wait(0.0)
        self.commander = Commander(node, contract, PERIOD, 60.0, 0.0, False, self.guard)
        self.arm: list[float] = []
        self.base: list[float] = []
        self.commander.publisher._topics = [
            Topic(self.arm, lambda m: m.position[0]),
            Topic(self.base, lambda m: m.linear.x),
        ]
        assert self.commander.set_enabled(True, STAND)[0]
        for _ in range(8):
            assert self.tick()
        assert self.base[-1] == 0.5

    def wait(self, seconds) -> None:
        self._now += seconds
        clock = self._node.get_clock()
        clock.set_ros_time_override(Time(seconds=self._now, clock_type=clock.clock_type))

    def tick(self, target=TARGET) -> bool:
        self.wait(PERIOD)
        return self.commander.act(target, None, 0.0, self.commander.permit())

    def forget(self) -> None:
        self.arm.clear()
        self.base.clear()


@pytest.fixture
def robot(domain, contract):
    rclpy.init(args=[])
    node = rclpy.create_node("subject")
    node.set_parameters([Parameter("use_sim_time", value=True)])
    made = load_contract(contract())
    made = replace(made, command=CommandContract((*made.command.parts, BASE)))
    yield Robot(node, made)
    node.destroy_node()
    rclpy.try_shutdown()


END = {
    "disabled": lambda commander: commander.set_enabled(False, None),
    "reset": lambda commander: commander.restart(),
    "closed": lambda commander: commander.close(),
}


@pytest.mark.parametrize("how", END)
def test_a_base_that_drives_is_stopped_where_commands_end(robot, how):
    robot.forget()
    END[how](robot.commander)
    assert robot.base == [0.0]
    # A position stays by itself, and may not be what is wanted any more.
    assert robot.arm == []
    robot.wait(10 * PERIOD)
    robot.commander.watch()
    assert (robot.arm, robot.base) == ([], [0.0])


def test_what_is_disabled_already_is_left_to_others(robot):
    robot.commander.set_enabled(False, None)
    robot.forget()
    robot.commander.set_enabled(False, None)
    robot.commander.restart()
    robot.commander.close()
    assert (robot.arm, robot.base) == ([], [])


def test_a_base_that_its_guard_held_meanwhile_rises_from_zero_again(robot):
    robot.forget()
    # The node stood still for less than an observation is used, and its first word is an action.
    robot.guard.holds_now = 3
    assert robot.tick()
    assert robot.base == [0.0]
    assert robot.tick()
    # One m/s^2 for a tenth of a second.
    assert robot.base == pytest.approx([0.0, 0.1])


def test_what_was_not_sent_is_no_place_to_go_on_from(robot):
    away = np.array([2.0, 0.2, 0.5], np.float32)
    robot.forget()
    robot.guard.answers = False
    for _ in range(6):
        assert not robot.tick(away)
    robot.commander.hold("stale", "old")
    assert (robot.arm, robot.base) == ([], [])
    robot.guard.answers = True
    assert robot.tick(away)
    # Five rad/s and one m/s^2, for two periods at most.
    assert 0.1 < robot.arm[0] <= 0.1 + 2 * PERIOD * 5.0 + 1e-6
    assert 0.0 < robot.base[0] <= 2 * PERIOD * 1.0 + 1e-6


def test_a_hold_that_did_not_go_out_takes_nothing_back(robot):
    assert robot.tick(np.array([0.4, 0.2, 0.5], np.float32))
    robot.guard.answers = False
    robot.commander.hold("stale", "old")
    robot.guard.answers = True
    robot.forget()
    robot.commander.hold("stale", "old")
    assert (robot.arm, robot.base) == ([0.4], [0.0])
