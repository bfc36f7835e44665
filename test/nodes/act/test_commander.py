# SPDX-License-Identifier: Apache-2.0
"""What is published around resets, pauses and refused starts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import rclpy
from rclpy.parameter import Parameter
from rclpy.time import Time

from pam_ros.nodes.act.commander import Commander
from pam_ros.nodes.kit.said import Said
from pam_ros.robot import SafetyState, load_contract

PERIOD = 0.1


class Published:
    """Stands in for the topic."""

    def __init__(self) -> None:
        self.published = 0
        self.sent: list[list[float]] = []

    def publish(self, positions) -> None:
        self.published += 1
        self.sent.append([round(float(value), 3) for value in positions])

    def stop(self) -> None:
        """Positions: nothing moves on."""


class Arm:
    """A Commander, its time, and what it published."""

    def __init__(self, commander, node) -> None:
        self.commander = commander
        self.published = commander.publisher = Published()
        self._node = node
        self._clock = node.get_clock()
        self._now = 100.0
        self.wait(0)

    def wait(self, seconds) -> None:
        """Time goes by; the watchdog looks."""
        end = self._now + seconds
        while True:
            self._clock.set_ros_time_override(
                Time(seconds=self._now, clock_type=self._clock.clock_type)
            )
            self.commander.watch()
            if self._now >= end:
                return
            self._now = min(end, self._now + PERIOD / 4)

    def jump(self, seconds) -> None:
        """The clock goes ahead, and nobody looked meanwhile."""
        self._now += seconds

    def tick(self, measured, target) -> bool:
        begun = self.commander.begin_if_pending(np.array(measured))
        self.act(target, self.commander.permit())
        return begun

    def act(self, target, permit) -> bool:
        return self.commander.act(np.array(target, np.float32), None, 0.0, permit)

    def take(self) -> list[list[float]]:
        sent, self.published.sent = self.published.sent, []
        return sent


@pytest.fixture
def arm(domain, contract):
    """Two joints, -3 to 3 rad, at most 5 rad/s."""
    rclpy.init(args=[])
    node = rclpy.create_node("subject")
    node.set_parameters([Parameter("use_sim_time", value=True)])

    def make(enabled=False, doubts=(), confirmed=False) -> Arm:
        made = load_contract(contract())
        made = replace(made, unit_doubts=doubts, units_confirmed=confirmed)
        return Arm(Commander(node, made, PERIOD, made.max_age_s, 0.0, enabled, None), node)

    yield make
    node.destroy_node()
    rclpy.try_shutdown()


def moved(arm) -> None:
    """Enabled, commanded to 1.5 rad, then reset; somebody moved the arm to 0."""
    assert arm.commander.set_enabled(True, np.array([1.5, 0.0]))[0]
    arm.tick([1.5, 0.0], [1.5, 0.0])
    assert arm.take() == [[1.5, 0.0]]
    arm.commander.restart()


def test_enabling_after_a_reset_still_waits_for_where_the_robot_stands(arm):
    arm = arm()
    moved(arm)
    assert arm.commander.set_enabled(True, None) == (True, "already enabled")
    arm.wait(1.0)
    assert arm.take() == []
    arm.tick([0.0, 0.0], [0.1, 0.0])
    ((first, _),) = arm.take()
    assert first <= 0.1


def test_a_hold_between_a_reset_and_its_observation_publishes_nothing(arm):
    arm = arm()
    moved(arm)
    arm.commander.pause("the node is not active")
    arm.commander.fault("policy", "it raised")
    arm.wait(1.0)
    assert arm.take() == []
    assert arm.commander.state is SafetyState.FAULT


def test_a_reset_that_finds_the_robot_outside_publishes_nothing_until_it_is_enabled_again(arm):
    arm = arm()
    moved(arm)
    arm.tick([9.0, 0.0], [1.0, 0.0])
    arm.wait(1.0)
    assert arm.take() == []
    assert arm.commander.state is SafetyState.FAULT
    assert arm.commander.set_enabled(True, np.array([0.5, 0.0])) == (True, "enabled")
    arm.wait(0.2)
    assert arm.take()[0] == [0.5, 0.0]


def test_enabling_after_a_pause_still_begins_where_the_robot_stands(arm):
    arm = arm()
    assert arm.commander.set_enabled(True, np.array([1.5, 0.0]))[0]
    arm.tick([1.5, 0.0], [1.5, 0.0])
    arm.commander.pause("the node is not active")
    arm.commander.resume()
    arm.commander.set_enabled(True, np.array([0.0, 0.0]))
    arm.take()
    arm.tick([0.0, 0.0], [-1.0, 0.0])
    ((first, _),) = arm.take()
    assert -0.5 <= first <= 0.0


def test_a_paused_robot_is_held_for_that_reason_until_ticks_go_on(arm):
    arm = arm()
    assert arm.commander.set_enabled(True, np.array([0.3, 0.0]))[0]
    arm.tick([0.3, 0.0], [0.3, 0.0])
    arm.commander.pause("the node is not active")
    arm.take()
    arm.wait(20 * PERIOD)
    sent = arm.take()
    assert len(sent) >= 10
    assert sent == [[0.3, 0.0]] * len(sent)
    assert arm.commander.reason == "the node is not active"
    assert arm.commander.values()["safety_wait_max_s"] == "0.00"  # no policy was late
    arm.commander.resume()
    arm.wait(2 * PERIOD)
    assert arm.commander.reason.startswith("no action from the policy for 0.")
    # The pause counts for nothing: 20 periods of it have gone by.
    assert 0.0 < float(arm.commander.values()["safety_wait_max_s"]) <= 3 * PERIOD


def test_a_start_that_is_refused_says_so(arm):
    arm = arm(enabled=True)
    assert not arm.tick([9.0, 0.0], [1.0, 0.0])
    assert arm.tick([9.0, 0.0], [1.0, 0.0])  # told once
    assert not arm.commander.commanding
    assert arm.take() == []


@pytest.mark.parametrize("confirmed", [False, True])
def test_doubts_about_units_are_a_refusal_until_they_are_confirmed(arm, confirmed):
    doubted = arm(doubts=("action of 'pan': the contract says deg",), confirmed=confirmed)
    done, said = doubted.commander.set_enabled(True, np.array([0.0, 0.0]))
    assert done is confirmed
    doubted.wait(1.0)
    assert bool(doubted.take()) is confirmed
    if not confirmed:
        assert said.startswith("not enabled, since the units look wrong: action of 'pan'")
        assert doubted.commander.set_enabled(False, None) == (True, "disabled")


def test_a_start_with_doubts_about_units_says_so_and_publishes_nothing(arm):
    doubted = arm(enabled=True, doubts=("action of 'pan': the contract says deg",))
    assert not doubted.tick([0.0, 0.0], [1.0, 0.0])
    assert not doubted.commander.commanding
    doubted.wait(1.0)
    assert doubted.take() == []


BETWEEN = {
    "enabled": lambda commander: commander.set_enabled(True, np.zeros(2)),
    "disabled": lambda commander: commander.set_enabled(False, None),
    "faulted": lambda commander: commander.fault("policy", "it raised"),
    "restarted": lambda commander: commander.restart(),
}


@pytest.mark.parametrize(
    ("enabled", "between"),
    [
        (False, ["enabled"]),
        (True, ["disabled"]),
        (True, ["disabled", "enabled"]),
        (True, ["faulted", "enabled"]),
        (True, ["restarted"]),
    ],
    ids=str,
)
def test_an_action_from_before_commands_ended_or_began_never_goes_out(arm, enabled, between):
    one = arm()
    if enabled:
        one.commander.set_enabled(True, np.zeros(2))
    permit = one.commander.permit()
    assert permit.commanding is enabled
    for what in between:
        BETWEEN[what](one.commander)
    one.take()
    assert not one.act((1.0, 1.0), permit)
    assert one.take() == []
    assert one.commander.permit().number != permit.number


def test_holding_and_going_on_takes_no_permit_away(arm):
    one = arm()
    one.commander.set_enabled(True, np.zeros(2))
    permit = one.commander.permit()
    one.commander.hold("stale", "no image")
    assert one.act((0.1, 0.1), permit)
    assert one.commander.permit() == permit


class Log:
    """A node's, of what is said again and again."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, text) -> None:
        self.lines.append(text)

    warning = info


def test_a_hold_under_way_when_the_clock_jumps_is_logged_with_its_new_length(arm, monkeypatch):
    arm, log = arm(), Log()
    assert arm.commander.set_enabled(True, np.zeros(2))[0]
    monkeypatch.setattr(arm.commander, "_said", Said(log))
    arm.wait(2 * PERIOD)
    assert len(log.lines) == 1
    assert log.lines[0].startswith("holding: no action from the policy for 0.1")
    arm.jump(5.0)
    arm.wait(4 * PERIOD)
    assert len(log.lines) == 2
    assert log.lines[1].startswith("holding: no action from the policy for 5.")


def test_a_plan_that_is_dry_again_and_again_is_no_flood_in_the_log(arm, monkeypatch):
    arm, log = arm(), Log()
    assert arm.commander.set_enabled(True, np.array([0.0, 0.0]))[0]
    monkeypatch.setattr(arm.commander, "_said", Said(log))
    for _ in range(5):
        arm.commander.hold("queue", "the policy's next chunk is not there yet")
        # The watchdog comes before a tick that is a little late.
        arm.wait(1.25 * PERIOD)
        arm.tick([0.0, 0.0], [0.0, 0.0])
    assert log.lines
    assert len({*log.lines}) == len(log.lines)  # each state once


def test_commands_that_move_nothing_are_told_until_the_robot_is_held(arm):
    arm = arm()
    assert arm.commander.set_enabled(True, np.zeros(2))[0]
    for tick in range(25):
        arm.tick([0.0, 0.0], [0.05 * tick, 0.0])
        arm.wait(PERIOD)
    assert arm.commander.no_effect.startswith("commands on /joint_commands have had no effect for")
    assert arm.commander.values()["commands_without_effect"] == arm.commander.no_effect
    arm.commander.pause("the node is not active")
    assert arm.commander.no_effect == ""


def test_commands_that_move_nothing_are_told_also_if_ticks_are_late(arm):
    arm = arm()
    assert arm.commander.set_enabled(True, np.zeros(2))[0]
    for tick in range(25):
        arm.tick([0.0, 0.0], [0.05 * tick, 0.0])
        arm.wait(1.7 * PERIOD)
        assert arm.commander.state is SafetyState.HOLDING
    assert arm.commander.no_effect.startswith("commands on /joint_commands have had no effect for")


def test_commands_that_move_nothing_are_told_also_if_some_actions_are_too_old(arm, monkeypatch):
    """As on a machine that is busy: no reason to begin anew, nor for a line each time."""
    arm, log = arm(), Log()
    assert arm.commander.set_enabled(True, np.zeros(2))[0]
    monkeypatch.setattr(arm.commander, "_said", Said(log))
    for tick in range(25):
        arm.tick([0.0, 0.0], [0.05 * tick, 0.0])
        arm.wait(PERIOD / 2)
        arm.commander.hold("stale", f"the action's observation is 1.{tick:02} s old by now")
        arm.wait(PERIOD / 2)
    assert arm.commander.no_effect.startswith("commands on /joint_commands have had no effect for")
    assert len(log.lines) == 2


def test_a_robot_that_follows_is_not_told(arm):
    arm = arm()
    assert arm.commander.set_enabled(True, np.zeros(2))[0]
    for tick in range(25):
        arm.tick([0.04 * tick, 0.0], [0.05 * tick, 0.0])
        arm.wait(PERIOD)
    assert arm.commander.no_effect == ""
