# SPDX-License-Identifier: Apache-2.0
"""The tick loop with policies that are written out here."""

import math

import numpy as np
import pytest

from pam_ros.policy.interface import PolicyError, PolicyOutput, QueuedAction
from pam_ros.tick.loop import TickLoop


class ScriptedPolicy:
    """Queue mode with chunks of three: action k of the chunk of step s is 10 s + k."""

    def __init__(self, chunk: int = 3, forward_seconds: float = 0.01) -> None:
        self.calls: list[str] = []
        self.forward_seconds = forward_seconds
        self.failure: Exception | None = None
        self.bad = False
        self._chunk = chunk
        self.reset()

    def reset(self) -> None:
        self.calls.append("reset")
        self._queue: list[tuple[float, int]] = []
        self._step = 0
        self._popped: tuple[float, int] | None = None

    def _output(self, action: float, source: int, executed: bool) -> PolicyOutput:
        if self.failure is not None:
            raise self.failure
        values = 10.0 * self._step + np.arange(self._chunk, dtype=np.float32)[:, None]
        if self.bad:
            values = values * np.nan
        self._step += 1
        return PolicyOutput(
            action=np.array([action], np.float32),
            chunk=values,
            tokens=None,
            chunk_mode="queue",
            chunk_executed=executed,
            action_source_step=source,
            step=self._step - 1,
            forward_seconds=self.forward_seconds,
        )

    def step(self, observation):
        self.calls.append("step")
        source = self._step
        output = self._output(10.0 * source, source, executed=True)
        self._queue = [(float(value), source) for value in output.chunk[1:, 0]]
        return output

    def pop_action(self):
        self._popped = None
        if not self._queue:
            return None
        self.calls.append("pop")
        action, source = self._popped = self._queue.pop(0)
        return QueuedAction(np.array([action], np.float32), source)

    def explain(self, observation):
        self.calls.append("explain")
        popped = self._popped or (10.0 * self._step, self._step)
        return self._output(*popped, executed=False)

    def skip(self) -> None:
        self.calls.append("skip")
        self._step += 1


def run(loop, policy, ticks, seconds_left=lambda: math.inf, send=True, commanding=True):
    sent = []

    def act(action, chunk):
        policy.calls.append("act")
        sent.append(float(action[0]))
        return send

    outcomes = [loop.run({}, act, seconds_left, commanding=commanding) for _ in range(ticks)]
    return sent, outcomes


def test_a_queued_action_goes_out_before_the_forward_pass():
    policy = ScriptedPolicy()
    run(TickLoop(policy), policy, 2)
    assert policy.calls == ["reset", "step", "act", "pop", "act", "explain"]


def test_the_queue_lasts_a_chunk_and_each_tick_names_the_tick_that_made_its_command():
    policy = ScriptedPolicy()
    sent, outcomes = run(TickLoop(policy), policy, 7)
    assert sent == [0, 1, 2, 30, 31, 32, 60]
    assert [o.command_source_tick for o in outcomes] == [0, 0, 0, 3, 3, 3, 6]
    assert [o.chunk_executed for o in outcomes] == [True, False, False, True, False, False, True]
    assert [o.tick for o in outcomes] == list(range(7))


def test_a_forward_pass_that_would_delay_the_next_command_is_skipped_and_said():
    policy = ScriptedPolicy(forward_seconds=0.2)
    sent, outcomes = run(TickLoop(policy), policy, 4, seconds_left=lambda: 0.1)
    assert sent == [0, 1, 2, 30]
    assert [o.inference_skipped for o in outcomes] == [False, True, True, False]
    assert "skip" in policy.calls and "explain" not in policy.calls
    assert not outcomes[1].valid
    assert "200 ms" in outcomes[1].invalid_reason
    assert outcomes[1].commanded


def test_while_nothing_is_commanded_every_tick_has_its_pass_however_long_it_takes():
    policy = ScriptedPolicy(forward_seconds=5.0)
    judged, outcomes = run(TickLoop(policy), policy, 7, lambda: -1.0, send=False, commanding=False)
    assert all(outcome.valid and not outcome.inference_skipped for outcome in outcomes)
    assert policy.calls == ["reset", *["explain", "act"] * 7]
    # What the policy would do now, for whoever judges it; never an action planned before.
    assert judged == [0, 10, 20, 30, 40, 50, 60]
    assert [o.command_source_tick for o in outcomes] == list(range(7))
    assert not any(o.commanded or o.chunk_executed for o in outcomes)


def test_the_first_command_is_of_a_chunk_that_was_predicted_for_it():
    policy = ScriptedPolicy()
    loop = TickLoop(policy)
    run(loop, policy, 2)  # commands, with one action left in the queue
    run(loop, policy, 3, send=False, commanding=False)
    policy.calls.clear()
    _, outcomes = run(loop, policy, 2)
    assert policy.calls == ["step", "act", "pop", "act", "explain"]
    assert [(o.tick, o.command_source_tick) for o in outcomes] == [(5, 5), (6, 5)]
    assert [o.chunk_executed for o in outcomes] == [True, False]


def test_a_plan_from_before_commands_ended_is_not_executed_even_if_no_tick_fell_in_between():
    policy = ScriptedPolicy()
    loop = TickLoop(policy)
    sent = []

    def act(action, _):
        sent.append(float(action[0]))
        return True

    for permit in (1, 1, 3, 3):
        loop.run({}, act, lambda: math.inf, permit=permit)
    # Steps count from the reset, and so do the actions that the script gives.
    assert sent == [0, 1, 0, 1]
    assert policy.calls.count("reset") == 2


def test_a_pass_that_fails_while_nothing_is_commanded_is_told_and_the_next_one_runs():
    policy = ScriptedPolicy()
    loop = TickLoop(policy)
    policy.bad = True
    _, (outcome,) = run(loop, policy, 1, commanding=False)
    assert "not finite" in outcome.invalid_reason
    policy.bad = False
    _, (outcome,) = run(loop, policy, 1, commanding=False)
    assert outcome.valid


def test_source_ticks_go_on_counting_over_a_reset():
    policy = ScriptedPolicy()
    loop = TickLoop(policy)
    run(loop, policy, 2)
    loop.reset()
    _, outcomes = run(loop, policy, 2)
    assert [(o.episode, o.tick, o.command_source_tick) for o in outcomes] == [(1, 2, 2), (1, 3, 2)]


@pytest.mark.parametrize("failure", [RuntimeError("out of memory"), PolicyError("bad input")])
def test_a_policy_that_raises_is_an_invalid_tick_and_sends_nothing(failure):
    policy = ScriptedPolicy()
    policy.failure = failure
    sent, (outcome,) = run(TickLoop(policy), policy, 1)
    assert sent == []
    assert not outcome.valid
    assert not outcome.commanded
    assert str(failure) in outcome.invalid_reason


def test_a_chunk_that_is_not_finite_sends_nothing():
    policy = ScriptedPolicy()
    policy.bad = True
    sent, (outcome,) = run(TickLoop(policy), policy, 1)
    assert sent == []
    assert "not finite" in outcome.invalid_reason


@pytest.mark.parametrize("failure", [RuntimeError("out of memory"), PolicyError("bad input"), None])
def test_a_pass_that_fails_beside_a_queued_action_drops_the_rest_of_the_queue(failure):
    policy = ScriptedPolicy()
    loop = TickLoop(policy)
    sent, _ = run(loop, policy, 1)
    assert sent == [0]
    policy.failure, policy.bad = failure, failure is None
    # Its queued action goes out before the first bad pass ends; none after it, the 2 neither.
    sent, bad = run(loop, policy, 3)
    assert sent == [1]
    assert [outcome.commanded for outcome in bad] == [True, False, False]
    assert not any(outcome.valid or outcome.chunk_executed for outcome in bad)
    policy.failure, policy.bad = None, False
    sent, good = run(loop, policy, 3)
    assert len(sent) == 3
    assert [(o.tick, o.command_source_tick) for o in good] == [(4, 4), (5, 4), (6, 4)]
    assert all(outcome.valid and outcome.commanded for outcome in good)


def test_the_queue_of_a_chunk_that_was_refused_is_not_executed():
    policy = ScriptedPolicy()
    loop = TickLoop(policy)
    policy.bad = True
    assert run(loop, policy, 3)[0] == []
    policy.bad = False
    sent, (outcome,) = run(loop, policy, 1)
    assert len(sent) == 1
    assert (outcome.tick, outcome.command_source_tick, outcome.chunk_executed) == (3, 3, True)


def test_a_chunk_is_not_executed_where_no_command_went_out():
    policy = ScriptedPolicy()
    _, (outcome,) = run(TickLoop(policy), policy, 1, send=False)
    assert outcome.valid
    assert not outcome.chunk_executed


def test_one_slow_forward_pass_is_forgotten_after_some_skipped_ticks():
    policy = ScriptedPolicy(forward_seconds=0.01)
    loop = TickLoop(policy)
    run(loop, policy, 2)
    loop.note_forward(5.0)
    _, outcomes = run(loop, policy, 16, seconds_left=lambda: 0.1)
    assert outcomes[0].inference_skipped
    assert not outcomes[-1].inference_skipped


def test_a_plan_from_before_a_gap_is_dropped():
    policy = ScriptedPolicy()
    loop = TickLoop(policy, longest_gap_s=0.5)
    sent: list[float] = []

    def act(action, chunk):
        sent.append(float(action[0]))
        return True

    stamps = [0.0, 0.1, 0.6, 2.0, 2.1]  # 0.5 s is no gap yet
    outcomes = [loop.run({}, act, lambda: math.inf, round(seconds * 1e9)) for seconds in stamps]
    assert sent == [0, 1, 2, 0, 1]  # the policy counts anew from the fourth
    assert [o.command_source_tick for o in outcomes] == [0, 0, 0, 3, 3]
    assert [o.episode for o in outcomes] == [0] * 5
    assert [o.tick for o in outcomes] == list(range(5))


def test_a_gap_needs_stamps_and_ticks_that_follow_each_other():
    policy = ScriptedPolicy(chunk=5)
    loop = TickLoop(policy, longest_gap_s=0.5)
    loop.run({}, lambda *_: True, lambda: math.inf, 0)
    loop.pass_over(1)  # that one ran elsewhere, in time
    loop.run({}, lambda *_: True, lambda: math.inf, 10**9)
    loop.run({}, lambda *_: True, lambda: math.inf)
    loop.run({}, lambda *_: True, lambda: math.inf, 9 * 10**9)
    assert policy.calls.count("step") == 1
