# SPDX-License-Identifier: Apache-2.0
"""Somebody enables or disables while the policy computes: only what was planned since may move."""

from __future__ import annotations

import threading

import pytest
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool

from pam_ros.msg import AttentionMap

ATTENTION = "/act_attention/attention"
SERVICE = "/act_attention/enable"


class Gate:
    """Makes the policy's passes wait, once one has been begun."""

    def __init__(self, policy) -> None:
        self.begun, self.go = threading.Event(), threading.Event()
        self.go.set()
        for name in ("step", "explain"):
            setattr(policy, name, self._waiting(getattr(policy, name)))
        later = policy.explain_later
        policy.explain_later = lambda observation: self._waiting(later(observation))

    def _waiting(self, run):
        def waits(*given):
            output = run(*given)
            self.begun.set()
            assert self.go.wait(120)
            return output

        return waits

    def close(self) -> None:
        self.begun.clear()
        self.go.clear()


@pytest.fixture
def running(attention_robot):
    """A robot whose ticks wait for images, in queue mode, and the gate of its policy."""

    def start(**parameters):
        robot = attention_robot(**parameters)
        gate = Gate(robot.node.ticks.policy)
        maps = robot.listen(AttentionMap, ATTENTION)
        commands = robot.listen(JointState, "/joint_commands")
        robot.spin()
        return robot, gate, maps, commands

    return start


def switch(robot, wanted):
    answer = robot.call(SetBool, SERVICE, SetBool.Request(data=wanted))
    assert answer.success, answer.message


def tick(robot, maps):
    before = len(maps)
    robot.observe()
    assert robot.wait(lambda: len(maps) > before)
    return maps[-1]


def test_disabled_and_enabled_between_two_ticks_plans_anew(running):
    robot, _, maps, commands = running(enabled=True)
    assert tick(robot, maps).command_source_tick == 0
    switch(robot, False)
    switch(robot, True)
    message = tick(robot, maps)
    assert (message.tick, message.command_source_tick, message.chunk_executed) == (1, 1, True)
    assert robot.wait(lambda: commands)


def test_enabled_during_a_pass_that_only_looks_moves_nothing_by_it(running):
    robot, gate, maps, commands = running()
    tick(robot, maps)
    gate.close()
    robot.observe()
    assert gate.begun.wait(60)
    switch(robot, True)
    gate.go.set()
    assert robot.wait(lambda: len(maps) == 2)
    assert robot.node.ticks._loop.ticks == 2
    assert not maps[-1].chunk_executed
    # What the watchdog holds is where the robot stands, which the policy did not choose.
    assert all(list(c.position) == pytest.approx([0.1, 0.2], abs=1e-6) for c in commands)
    message = tick(robot, maps)
    assert (message.tick, message.command_source_tick, message.chunk_executed) == (2, 2, True)


def test_disabled_and_enabled_during_a_pass_drops_its_action_and_its_queue(running):
    robot, gate, maps, commands = running(enabled=True)
    gate.close()
    robot.observe()
    assert gate.begun.wait(60)
    switch(robot, False)
    switch(robot, True)
    gate.go.set()
    assert robot.wait(lambda: len(maps) == 1)
    assert not maps[0].chunk_executed
    assert all(list(c.position) == pytest.approx([0.1, 0.2], abs=1e-6) for c in commands)
    message = tick(robot, maps)
    assert (message.tick, message.command_source_tick, message.chunk_executed) == (1, 1, True)
