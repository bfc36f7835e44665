# SPDX-License-Identifier: Apache-2.0
"""Safety as a state machine: every sequence of events, and random ones."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from safety_kit import HOME, LIMITS, LOWER, PERIOD, SPEEDS, STEPS, UPPER, action, make

from pam_ros.robot import (
    SafetyState,
)

EVENTS = {
    "good": lambda safety, now: safety.act(action(0.0), now),
    "bad": lambda safety, now: safety.act(action(np.nan), now),
    "late": lambda safety, now: safety.hold("late", "late", now),
    "fault": lambda safety, now: safety.fault("policy", "raised", now),
    "watch": lambda safety, now: safety.watch(now),
    "enable": lambda safety, now: safety.enable(HOME, now),
    "blind enable": lambda safety, now: safety.enable(None, now),
    "disable": lambda safety, now: safety.disable(),
    "back": lambda safety, now: safety.act(action(0.0), now - 1000.0),
    "watch back": lambda safety, now: safety.watch(now - 1000.0),
    "restart": lambda safety, now: safety.restart(HOME, now),
    "blind restart": lambda safety, now: safety.restart(None, now),
}
D, R, H, F = SafetyState.DISABLED, SafetyState.RUNNING, SafetyState.HOLDING, SafetyState.FAULT
TABLE = {
    "good": {D: D, R: R, H: R, F: F},
    "bad": {D: D, R: F, H: F, F: F},
    "late": {D: D, R: H, H: H, F: F},
    "fault": {D: D, R: F, H: F, F: F},
    "watch": {D: D, R: H, H: H, F: F},
    "enable": {D: R, R: R, H: H, F: R},
    "blind enable": {D: D, R: R, H: H, F: F},
    "disable": {D: D, R: D, H: D, F: D},
    "back": {D: D, R: F, H: F, F: F},
    "watch back": {D: D, R: F, H: F, F: F},
    "restart": {D: D, R: R, H: R, F: F},
    "blind restart": {D: D, R: F, H: F, F: F},
}


def test_the_state_machine_follows_its_table_in_every_sequence_of_four_events():
    for sequence in itertools.product(EVENTS, repeat=4):
        safety, expected = make(), D
        for index, event in enumerate(sequence, start=1):
            decision = EVENTS[event](safety, 100.0 * index)
            expected = TABLE[event][expected]
            assert safety.state is expected, sequence[:index]
            if hasattr(decision, "positions"):
                assert (decision.positions is None) == (expected is D), sequence[:index]


class Rampage(RuleBasedStateMachine):
    """Any events in any order; the invariants are what the robot is promised."""

    @initialize(
        soft_start=st.sampled_from([0.0, 0.5]), limits=st.sampled_from([LIMITS, STEPS, SPEEDS])
    )
    def begin(self, soft_start, limits):
        self.safety = make(soft_start_s=soft_start, limits=limits)
        self.now = 10.0
        self.last = None
        self.last_time = self.now

    def publish(self, decision, *, moves: bool) -> None:
        if decision is None:
            return
        if not self.safety.enabled:
            assert decision.positions is None
            return
        positions = decision.positions
        assert np.isfinite(positions).all()
        assert (positions >= LOWER).all()
        assert (positions <= UPPER).all()
        step = np.abs(positions - self.last)
        if moves:
            seconds = min(max(self.now - self.last_time, 0.0), 2 * PERIOD)
            limits = self.safety.limits
            if seconds:
                assert (step <= limits.max_velocity * seconds + 1e-12).all()
                assert (step <= limits.max_step * min(seconds / PERIOD, 1.0) + 1e-12).all()
            else:
                assert (step == 0).all()
        else:
            assert (step == 0).all()
        self.last, self.last_time = positions, self.now

    @rule(seconds=st.floats(0, 1))
    def wait(self, seconds):
        self.now += seconds

    @rule(seconds=st.floats(0, 100))
    def clock_jumps_back(self, seconds):
        self.now -= seconds

    @rule(
        values=st.lists(st.floats(width=32) | st.floats(-2, 3), min_size=2, max_size=2),
        chunk=st.none() | st.lists(st.floats(-2, 3), min_size=2, max_size=2),
    )
    def act(self, values, chunk):
        before = self.safety.state
        rows = None if chunk is None else np.array([chunk])
        decision = self.safety.act(np.array(values), self.now, rows)
        assert not (before is SafetyState.FAULT and self.safety.state is SafetyState.RUNNING)
        self.publish(decision, moves=self.safety.state is SafetyState.RUNNING)

    @rule()
    def hold(self):
        self.publish(self.safety.hold("stale", "old", self.now), moves=False)

    @rule()
    def watch(self):
        self.publish(self.safety.watch(self.now), moves=False)

    @rule()
    def fault(self):
        self.publish(self.safety.fault("policy", "raised", self.now), moves=False)

    @rule(measured=st.lists(st.floats(-1.2, 2.2), min_size=2, max_size=2))
    def enable(self, measured):
        was = self.safety.state
        result = self.safety.enable(np.array(measured), self.now)
        if result.success and was in {SafetyState.DISABLED, SafetyState.FAULT}:
            self.last, self.last_time = np.clip(measured, LOWER, UPPER), self.now

    @precondition(lambda self: self.safety.enabled)
    @rule()
    def disable(self):
        self.safety.disable()

    @invariant()
    def enabled_means_there_is_a_place_to_hold(self):
        if getattr(self, "safety", None) is not None and self.safety.enabled:
            assert self.last is not None


TestRampage = Rampage.TestCase
TestRampage.settings = settings(max_examples=80, stateful_step_count=30)
