# SPDX-License-Identifier: Apache-2.0
"""Safety: what reaches the robot, whatever the policy and the world do."""

from __future__ import annotations

import numpy as np
import pytest
from safety_kit import HOME, JOINT_STATE, LIMITS, PERIOD, SPEEDS, STEPS, action, make, running

from pam_ros.robot import (
    CommandContract,
    CommandPart,
    JointContract,
    Safety,
    SafetyLimits,
    SafetyState,
    parse_contract,
)


def test_it_begins_disabled_and_publishes_nothing():
    safety = make()
    assert safety.state is SafetyState.DISABLED
    assert not safety.enabled
    assert safety.act(action(0.1), 0.0).positions is None
    assert safety.hold("stale", "top is old", 0.1).positions is None
    assert safety.fault("policy", "it raised", 0.2).positions is None
    assert safety.watch(99.0) is None
    assert safety.state is SafetyState.DISABLED


def test_disabled_still_tells_what_is_wrong():
    safety = make()
    decision = safety.act(action(np.nan), 0.0)
    assert decision.state is SafetyState.DISABLED
    assert decision.reason == "action holds a value that is not finite"
    assert safety.act(action(0.0), 0.1).reason == ""


def test_an_action_within_everything_passes_unchanged():
    decision = running().act(action(0.15, 1.1), 0.1)
    np.testing.assert_allclose(decision.positions, [0.15, 1.1], atol=1e-6)
    assert decision.state is SafetyState.RUNNING
    assert decision.clamped == ()


def test_speed_is_limited_per_second_and_step_per_period():
    safety = running()
    first = safety.act(action(1.0, 2.0), 0.1).positions
    # 2 rad/s for 0.1 s; 5 rad/s for 0.1 s would be 0.5, the step limit is 0.3.
    np.testing.assert_allclose(first, [0.2, 1.3])
    second = safety.act(action(1.0, 2.0), 0.15).positions
    np.testing.assert_allclose(second, [0.3, 1.45])


def test_the_longest_wait_is_known_also_where_nobody_looked_meanwhile():
    safety = running()
    safety.act(action(0.1), 0.1)
    safety.act(action(0.1), 5.2)  # the clock went ahead between two ticks
    safety.watch(5.6)
    assert safety.take_longest_wait() == pytest.approx(5.1)
    safety.watch(5.9)
    assert safety.take_longest_wait() == pytest.approx(0.7)  # it still lasts
    safety.disable()
    safety.watch(99.0)
    assert safety.take_longest_wait() == 0.0
    safety.enable(HOME, 100.0)
    assert safety.take_longest_wait() == 0.0


def test_ticks_ten_times_as_often_move_no_joint_faster():
    """Both with a speed, and where a step is all that the contract gives."""
    both, stepwise = running(), running(limits=STEPS)
    for tick in range(1, 21):
        now = 0.01 * tick
        moved = both.act(action(1.0, 2.0), now).positions - HOME
        assert (moved <= np.array([2.0, 3.0]) * now + 1e-9).all()
        moved = stepwise.act(action(1.0, 2.0), now).positions - HOME
        assert (moved <= np.array([1.0, 3.0]) * now + 1e-9).all()


@pytest.mark.parametrize("limits", [LIMITS, STEPS, SPEEDS], ids=["both", "steps", "speeds"])
def test_a_second_tick_at_the_same_time_repeats_the_command(limits):
    safety = running(limits=limits)
    first = safety.act(action(0.1), 0.1).positions
    np.testing.assert_array_equal(safety.act(action(0.9), 0.1).positions, first)
    assert np.isfinite(first).all()


def test_a_pause_earns_at_most_two_periods_of_motion():
    safety = running()
    np.testing.assert_allclose(safety.act(action(1.0), 7.0).positions, [0.4, 1.0])


def test_an_action_a_little_outside_is_clamped_and_named():
    safety = running()
    for tick in range(1, 8):
        decision = safety.act(action(1.19), tick * PERIOD)
    assert decision.clamped == ("shoulder",)
    np.testing.assert_allclose(decision.positions, [1.0, 1.0])
    assert safety.counts["clamped"] == 7


REFUSED = [
    (action(np.nan), None, "action holds a value that is not finite"),
    (action(0.0, np.inf), None, "action holds a value that is not finite"),
    (action(1.21), None, "shoulder at 1.210 rad is outside its limits -1.000 to 1.000"),
    (np.zeros(3), None, "action has shape (3,); the robot has 2 joints"),
    (action(0.0), np.array([[0.0, 1.0], [0.0, -np.inf]]), "chunk holds a value that is not finite"),
    (action(0.0), np.array([[0.0, 1.0], [0.0, -0.3]]), "chunk refused: gripper at -0.300 rad"),
    (action(0.0), np.zeros((4, 3)), "chunk has shape (4, 3)"),
]


@pytest.mark.parametrize(("act", "chunk", "sentence"), REFUSED)
def test_a_bad_action_or_chunk_is_refused_as_a_whole_and_is_a_fault(act, chunk, sentence):
    safety = running()
    before = safety.act(action(0.1, 1.1), 0.1).positions
    decision = safety.act(act, 0.2, chunk)
    assert decision.state is SafetyState.FAULT
    assert decision.cause == "refused"
    assert sentence in decision.reason
    np.testing.assert_array_equal(decision.positions, before)


def test_a_fault_lasts_until_somebody_enables_again():
    safety = running()
    held = safety.act(action(np.nan), 0.1).positions
    for tick in range(2, 20):
        decision = safety.act(action(0.5), tick * PERIOD)
        assert decision.state is SafetyState.FAULT
        assert decision.reason == "action holds a value that is not finite"
        np.testing.assert_array_equal(decision.positions, held)
    safety.hold("stale", "top is old", 2.0)
    assert safety.state is SafetyState.FAULT
    assert safety.enable(np.array([0.3, 1.0]), 2.1).success
    np.testing.assert_allclose(safety.act(action(0.3), 2.2).positions, [0.3, 1.0], atol=1e-6)


def test_a_hold_ends_with_the_next_good_action():
    safety = running()
    before = safety.act(action(0.1), 0.1).positions
    late = safety.hold("stale", "top is 0.6 s old", 0.2)
    assert (late.state, late.cause) == (SafetyState.HOLDING, "stale")
    assert late.reason == "top is 0.6 s old"
    np.testing.assert_array_equal(late.positions, before)
    again = safety.act(action(0.2), 0.3)
    assert (again.state, again.reason) == (SafetyState.RUNNING, "")
    np.testing.assert_allclose(again.positions, [0.2, 1.0], atol=1e-6)


def test_a_hold_before_the_first_action_keeps_where_the_robot_stood():
    safety = running()
    for tick in range(1, 5):
        held = safety.hold("waiting", "no message from top", tick * PERIOD)
        np.testing.assert_array_equal(held.positions, HOME)


def test_a_held_position_cannot_be_changed_through_the_decision():
    safety = running()
    decision = safety.hold("stale", "old", 0.1)
    decision.positions[:] = 99.0
    np.testing.assert_array_equal(safety.hold("stale", "old", 0.2).positions, HOME)


def test_one_change_is_announced_once():
    safety = running()
    changes = [
        safety.act(action(0.0), 0.1).changed,
        safety.act(action(0.0), 0.2).changed,
        safety.hold("stale", "top is 0.6 s old", 0.3).changed,
        safety.hold("stale", "top is 0.7 s old", 0.4).changed,
        safety.hold("deadline", "no action", 0.5).changed,
        safety.act(action(0.0), 0.6).changed,
        safety.fault("policy", "it raised", 0.7).changed,
        safety.fault("policy", "it raised", 0.8).changed,
    ]
    assert changes == [True, False, True, False, True, True, True, False]


def test_the_soft_start_leaves_from_where_the_robot_stands():
    safety = make(soft_start_s=1.0)
    safety.enable(HOME, 0.0)
    target = action(0.2, 1.2)
    path = [safety.act(target, tick * PERIOD).positions for tick in range(1, 14)]
    part = np.clip(np.arange(13) / 10, 0, 1)
    weight = part**2 * (3 - 2 * part)
    expected = HOME + weight[:, None] * (target - HOME)
    np.testing.assert_allclose(path, expected, atol=1e-6)


def test_the_soft_start_counts_from_the_first_action():
    safety = make(soft_start_s=1.0)
    safety.enable(HOME, 0.0)
    for tick in range(1, 30):
        safety.hold("waiting", "the policy is loading", tick * PERIOD)
    np.testing.assert_array_equal(safety.act(action(0.2), 3.0).positions, HOME)


@pytest.mark.parametrize(
    ("measured", "sentence"),
    [
        (None, "no recent joint state"),
        (np.array([np.nan, 1.0]), "not usable"),
        (np.zeros(3), "not usable"),
        (np.array([1.05, 1.0]), "shoulder at 1.050 rad is outside its limits"),
    ],
)
def test_it_is_not_enabled_without_a_place_to_start_from(measured, sentence):
    safety = make()
    result = safety.enable(measured, 0.0)
    assert not result.success
    assert sentence in result.message
    assert not safety.enabled


def test_an_encoder_that_reads_a_little_past_the_end_stop_is_no_obstacle():
    safety = make()
    assert safety.enable(np.array([1.03, -0.03]), 0.0).success
    np.testing.assert_array_equal(safety.hold("late", "", 0.1).positions, [1.0, 0.0])


def test_enabling_twice_changes_nothing():
    safety = running()
    safety.act(action(0.2), 0.1)
    result = safety.enable(np.array([-0.5, 0.5]), 0.2)
    assert (result.success, result.message) == (True, "already enabled")
    np.testing.assert_allclose(safety.hold("late", "", 0.2).positions, [0.2, 1.0], atol=1e-6)


def test_a_new_episode_begins_where_the_robot_was_put():
    safety = running()
    safety.act(action(0.2), 0.1)
    put = np.array([-0.8, 0.2])
    assert safety.restart(put, 0.2).success
    np.testing.assert_array_equal(safety.hold("late", "", 0.3).positions, put)
    safety.disable()
    assert not safety.restart(HOME, 0.4).success
    assert not safety.enabled


def test_a_restart_outside_the_limits_is_a_fault_and_moves_nothing():
    safety = running()
    before = safety.act(action(0.2), 0.1).positions
    assert not safety.restart(np.array([3.0, 1.0]), 0.2).success
    assert safety.state is SafetyState.FAULT
    np.testing.assert_array_equal(safety.act(action(0.2), 0.3).positions, before)


def test_disabling_stops_at_once_from_every_state():
    for bring in (
        lambda safety: None,
        lambda safety: safety.hold("late", "", 0.1),
        lambda safety: safety.fault("policy", "", 0.1),
    ):
        safety = running()
        bring(safety)
        safety.disable()
        assert safety.act(action(0.1), 0.2).positions is None


def test_the_watchdog_holds_after_the_deadline_and_the_next_action_goes_on():
    safety = running(deadline_s=0.3)
    before = safety.act(action(0.1), 0.1).positions
    assert safety.watch(0.39) is None
    decision = safety.watch(0.41)
    assert (decision.state, decision.cause) == (SafetyState.HOLDING, "deadline")
    assert decision.reason == "no action from the policy for 0.31 s"
    np.testing.assert_array_equal(decision.positions, before)
    assert safety.act(action(0.1), 0.5).state is SafetyState.RUNNING
    assert safety.watch(0.6) is None


def test_looking_four_times_a_period_it_holds_before_the_second_period_is_over():
    for phase in np.linspace(0.0, PERIOD / 4, 7):
        safety = running()
        safety.act(action(0.1), 1.0)
        looks = 1.0 + phase + PERIOD / 4 * np.arange(12)
        held = [now for now in looks if safety.watch(now) is not None]
        assert 1.25 * PERIOD <= held[0] - 1.0 <= 1.5 * PERIOD + 1e-9
        assert np.diff(held) == pytest.approx(PERIOD)


def test_the_watchdog_notices_a_clock_that_jumps_back_too():
    safety = running()
    before = safety.act(action(0.1), 50.0).positions
    decision = safety.watch(3.0)
    assert (decision.state, decision.cause) == (SafetyState.FAULT, "clock")
    np.testing.assert_array_equal(decision.positions, before)
    # And goes on to repeat the position by the clock as it is now.
    assert safety.watch(3.2).state is SafetyState.FAULT


def test_a_held_position_is_told_while_enabled_alone():
    safety = make()
    assert safety.held is None
    safety.enable(HOME, 0.0)
    np.testing.assert_array_equal(safety.held, HOME)
    sent = safety.act(action(0.1), 0.1).positions
    np.testing.assert_array_equal(safety.held, sent)
    safety.fault("policy", "it raised", 0.2)
    np.testing.assert_array_equal(safety.held, sent)
    safety.disable()
    assert safety.held is None


def test_a_pause_is_said_as_such_and_is_no_wait_for_the_policy():
    safety = running(deadline_s=0.3)
    before = safety.act(action(0.1), 0.1).positions
    safety.take_longest_wait()
    for now in np.arange(0.5, 60.0, 0.5):
        decision = safety.watch(float(now), "the node is not active")
        assert (decision.cause, decision.reason) == ("inactive", "the node is not active")
        np.testing.assert_array_equal(decision.positions, before)
    assert safety.take_longest_wait() == 0.0
    decision = safety.watch(60.0)
    assert decision.reason == "no action from the policy for 0.50 s"
    assert safety.take_longest_wait() == pytest.approx(0.5)


def test_a_pause_changes_neither_a_fault_nor_what_a_clock_that_jumps_means():
    safety = running()
    safety.fault("policy", "it raised", 0.2)
    assert safety.watch(1.0, "the node is not active").reason == "it raised"
    safety = running()
    assert safety.watch(5.0, "the node is not active").state is SafetyState.HOLDING
    assert safety.watch(1.0, "the node is not active").cause == "clock"


def test_the_watchdog_repeats_a_fault_as_a_fault():
    safety = running()
    safety.fault("policy", "it raised", 0.1)
    decision = safety.watch(1.0)
    assert (decision.state, decision.reason) == (SafetyState.FAULT, "it raised")


@pytest.mark.parametrize("kind", ["act", "hold"])
def test_a_clock_that_jumps_back_is_a_fault(kind):
    safety = running()
    before = safety.act(action(0.1), 50.0).positions
    late = safety.act(action(0.9), 3.0) if kind == "act" else safety.hold("stale", "old", 3.0)
    assert (late.state, late.cause) == (SafetyState.FAULT, "clock")
    assert late.reason == "the clock jumped back by 47.000 s"
    np.testing.assert_array_equal(late.positions, before)
    assert safety.enable(HOME, 3.1).success
    assert safety.act(action(0.1), 3.2).state is SafetyState.RUNNING


def test_a_clock_that_is_adjusted_by_less_than_a_period_is_no_fault():
    safety = running()
    before = safety.act(action(1.0), 0.1).positions
    adjusted = safety.act(action(1.0), 0.05)
    assert adjusted.state is SafetyState.RUNNING
    np.testing.assert_array_equal(adjusted.positions, before)
    # Going back bit by bit is still going back.
    assert safety.act(action(1.0), -0.01).state is SafetyState.FAULT


def test_a_clock_that_jumps_back_while_disabled_is_no_obstacle():
    safety = make()
    safety.act(action(0.1), 50.0)
    safety.act(action(0.1), 3.0)
    assert safety.enable(HOME, 3.1).success
    assert safety.act(action(0.1), 3.2).state is SafetyState.RUNNING


def test_limits_come_from_the_contract(data):
    data["command"]["limit_margin"] = 0
    limits = SafetyLimits.from_contract(parse_contract(data, "file.yaml").command)
    assert limits.names == ("shoulder", "gripper")
    np.testing.assert_array_equal(limits.upper, [1.0, 2.0])
    np.testing.assert_array_equal(limits.max_velocity, [2.0, 2.0])
    np.testing.assert_array_equal(limits.max_step, [np.inf, np.inf])
    safety = Safety(limits, PERIOD)
    safety.enable(HOME, 0.0)
    assert safety.act(action(1.001), 0.1).state is SafetyState.FAULT


@pytest.mark.parametrize("missing", [{"limits": None}, {"max_velocity": None}])
def test_a_joint_without_bounds_has_no_safety(missing):
    joint = JointContract("a", **({"limits": (0.0, 1.0), "max_velocity": 1.0} | missing))
    with pytest.raises(ValueError, match="joint 'a' needs limits"):
        SafetyLimits.from_contract(CommandContract((CommandPart("/c", JOINT_STATE, (joint,)),)))


# Every sequence of four events, against the table in the module's docstring.
