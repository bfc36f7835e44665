# SPDX-License-Identifier: Apache-2.0
"""When the guard process holds the robot in the node's place."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from pam_ros.robot.takeover import (
    Answer,
    Beat,
    Takeover,
    TakeoverError,
    decode_answer,
    decode_beat,
)

PERIOD, DEADLINE = 0.1, 0.175
HERE = (0.1, -0.2)


def test_it_watches_nothing_before_the_first_command():
    takeover = Takeover(PERIOD, DEADLINE)
    assert takeover.look(1e9) is None
    assert takeover.seconds_left(0.0) == math.inf
    assert not takeover.armed


def test_the_last_command_is_repeated_once_a_period_from_the_deadline_on():
    takeover = Takeover(PERIOD, DEADLINE)
    takeover.receive(Beat((9.0, 9.0)), 10.0)
    takeover.receive(Beat(HERE), 10.1)
    sent = [k for k in range(100) if takeover.look(10.1 + k * 0.01) is not None]
    assert sent[0] == 18
    assert [b - a for a, b in itertools.pairwise(sent)] == [10] * (len(sent) - 1)
    assert takeover.look(12.0) == HERE
    assert takeover.holding
    assert takeover.takeovers == 1


def test_commands_in_time_leave_it_silent():
    takeover = Takeover(PERIOD, DEADLINE)
    for tick in range(50):
        takeover.receive(Beat(HERE), tick * PERIOD)
        assert takeover.look(tick * PERIOD + 0.99 * PERIOD) is None


def test_a_robot_that_is_not_enabled_is_left_alone():
    takeover = Takeover(PERIOD, DEADLINE)
    takeover.receive(Beat(HERE), 0.0)
    assert takeover.look(1.0) == HERE
    takeover.receive(Beat(), 1.05)
    assert not takeover.armed
    assert takeover.look(99.0) is None


def test_the_answer_tells_once_what_was_done_in_the_nodes_place():
    takeover = Takeover(PERIOD, DEADLINE)
    takeover.receive(Beat(HERE), 0.0)
    for k in range(4):
        assert takeover.look(0.2 + k * PERIOD) == HERE
    assert takeover.receive(Beat(HERE), 0.7) is None
    answer = takeover.receive(Beat(HERE, 5), 0.7)
    assert (answer.question, answer.holds) == (5, 4)
    assert answer.seconds == pytest.approx(0.5)
    assert takeover.receive(Beat(HERE, 6), 0.75) == Answer(6, 0, 0.0)
    assert takeover.look(0.75 + 0.99 * DEADLINE) is None


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False)), st.integers(0, 10**9))
def test_beats_and_answers_come_back_as_they_were(positions, number):
    beat = Beat(tuple(positions), number)
    assert decode_beat(beat.encode()) == beat
    answer = Answer(number, number, 0.25)
    assert decode_answer(answer.encode()) == answer


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{}", b"\xff", b'{"positions": 3, "question": 0}',
     b'{"positions": [NaN], "question": 0}', b'{"positions": [1e999], "question": 0}'],
)  # fmt: skip
def test_what_is_no_beat_is_refused(data):
    with pytest.raises(TakeoverError):
        decode_beat(data)
    with pytest.raises(TakeoverError):
        decode_answer(data)


class AnyOrder(RuleBasedStateMachine):
    """It never says anything but the node's last command, and nothing while that is in time."""

    def __init__(self):
        super().__init__()
        self.takeover = Takeover(PERIOD, DEADLINE)
        self.now, self.last, self.beat_at, self.looked_at = 0.0, (), 0.0, -math.inf

    @rule(seconds=st.floats(0, 1))
    def wait(self, seconds):
        self.now += seconds

    @rule(positions=st.sampled_from([(), HERE, (1.0, 2.0)]), question=st.integers(0, 3))
    def beat(self, positions, question):
        answer = self.takeover.receive(Beat(positions, question), self.now)
        assert (answer is None) == (question == 0)
        self.last, self.beat_at = positions, self.now

    @rule()
    def look(self):
        positions = self.takeover.look(self.now)
        overdue = self.now - self.beat_at >= DEADLINE
        if positions is not None:
            assert positions == self.last != ()
            assert self.now - self.beat_at >= DEADLINE - 1e-9
            assert self.now - self.looked_at >= PERIOD - 1e-9 or self.looked_at < self.beat_at
            self.looked_at = self.now
        elif self.last and overdue:
            assert self.looked_at >= self.beat_at
            assert self.now - self.looked_at < PERIOD + 1e-9


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=100, stateful_step_count=30)
