# SPDX-License-Identifier: Apache-2.0
"""Velocities and efforts beside positions: bounded each in its kind, held together as one robot."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pam_ros.robot import (
    CommandContract,
    CommandPart,
    JointContract,
    Safety,
    SafetyLimits,
    SafetyState,
)

PERIOD = 0.1
ARM = JointContract("elbow", limits=(-1.0, 1.0), max_velocity=2.0)
BASE = JointContract("linear.x", unit="m/s", limits=(-0.5, 0.5), max_acceleration=1.0,
                     kind="velocity", field="linear.x")  # fmt: skip
GRIP = JointContract("grip", unit="N", limits=(-20.0, 20.0), max_effort_rate=50.0, max_step=2.5,
                     kind="effort", field="effort")  # fmt: skip
COMMAND = CommandContract(
    (
        CommandPart("/arm", "sensor_msgs/msg/JointState", (ARM,)),
        CommandPart("/cmd_vel", "geometry_msgs/msg/Twist", (BASE,), limit_margin=0.0),
        CommandPart("/grip", "sensor_msgs/msg/JointState", (GRIP,)),
    )
)


def running(soft_start_s=0.0, stand=0.2):
    safety = Safety(SafetyLimits.from_contract(COMMAND), PERIOD, soft_start_s=soft_start_s)
    assert safety.enable(np.array([stand, 7.0, -7.0]), 0.0).success
    return safety


def act(safety, now, *values):
    return safety.act(np.array(values, np.float32), now)


def moving():
    """After ten ticks towards a target: all parts move."""
    safety = running()
    for tick in range(1, 11):
        decision = act(safety, tick * PERIOD, 0.8, 0.5, 10.0)
    assert decision.positions == pytest.approx([0.8, 0.5, 10.0])
    return safety


def test_a_velocity_and_an_effort_begin_at_zero_whatever_is_measured():
    safety = running()
    assert safety.held.tolist() == [0.2, 0.0, 0.0]
    first = act(safety, PERIOD, 1.0, 0.5, 20.0).positions
    # Two rad/s, one m/s^2, and of 50 N/s and 2.5 N a period the less.
    assert first == pytest.approx([0.4, 0.1, 2.5])


@pytest.mark.parametrize("how", ["hold", "fault", "watch"])
def test_holding_is_the_last_position_and_no_velocity_and_no_effort(how):
    safety = moving()
    decision = {
        "hold": lambda: safety.hold("stale", "old", 1.05),
        "fault": lambda: safety.fault("policy", "broken", 1.05),
        "watch": lambda: safety.watch(1.2),
    }[how]()
    assert decision.state in {SafetyState.HOLDING, SafetyState.FAULT}
    assert decision.positions == pytest.approx([0.8, 0.0, 0.0])
    assert safety.held == pytest.approx([0.8, 0.0, 0.0])


def test_what_a_guard_would_hold_is_at_rest_while_the_robot_runs():
    assert moving().held == pytest.approx([0.8, 0.0, 0.0])


def test_after_holding_a_velocity_rises_from_zero_again():
    safety = moving()
    safety.hold("stale", "old", 1.1)
    assert act(safety, 1.2, 0.8, 0.5, 10.0).positions == pytest.approx([0.8, 0.1, 2.5])


def test_one_part_that_is_refused_holds_all_of_them():
    safety = moving()
    decision = act(safety, 1.1, 0.8, 0.5001, 10.0)
    assert decision.state is SafetyState.FAULT
    assert "linear.x at 0.500 m/s is outside its limits -0.500 to 0.500" in decision.reason
    assert decision.positions == pytest.approx([0.8, 0.0, 0.0])


@pytest.mark.parametrize(
    ("values", "told"), [((2.0, 0, 0), "elbow at 2.000 rad"), ((0, 0, 30.0), "grip at 30.000 N ")]
)
def test_a_refusal_has_the_unit_of_the_joint(values, told):
    assert told in act(running(), PERIOD, *values).reason


def test_the_soft_start_scales_velocities_and_blends_positions():
    safety = running(soft_start_s=1.0, stand=0.0)
    act(safety, 0.0, 0.0, 0.4, 10.0)
    half = None
    for tick in range(1, 6):
        half = act(safety, tick * PERIOD, 0.4, 0.4, 10.0).positions
    assert half == pytest.approx([0.2, 0.2, 5.0], abs=1e-6)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["act", "hold", "fault", "enable", "wild"]),
            st.tuples(st.floats(-2, 2), st.floats(-1, 1), st.floats(-40, 40)),
            st.floats(0.001, 0.5),
        ),
        max_size=30,
    )
)
def test_whatever_happens_every_part_keeps_its_limits_and_its_own_pace(events):
    safety, now, sent_at = running(), 0.0, 0.0
    limits = safety.limits
    last = safety.held
    for what, values, seconds in events:
        now += seconds
        if what == "enable":
            if safety.enable(np.array([0.0, 0.0, 0.0]), now).message == "enabled":
                last, sent_at = safety.held, now
            continue
        decision = {
            "act": lambda v=values, t=now: act(safety, t, *v),
            "wild": lambda t=now: act(safety, t, 0.0, np.nan, 0.0),
            "hold": lambda t=now: safety.hold("late", "late", t),
            "fault": lambda t=now: safety.fault("broken", "broken", t),
        }[what]()
        sent = decision.positions
        assert (sent >= limits.lower).all()
        assert (sent <= limits.upper).all()
        step = limits.max_velocity * min(now - sent_at, 2 * PERIOD) + 1e-9
        if decision.state is SafetyState.RUNNING:
            assert (np.abs(sent - last) <= step).all()
        else:
            assert sent.tolist() == [last[0], 0.0, 0.0]
        last, sent_at = sent, now
