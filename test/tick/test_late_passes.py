# SPDX-License-Identifier: Apache-2.0
"""The loop where passes that only explain are left to another thread, and where chunks are too."""

from __future__ import annotations

import math
from contextlib import contextmanager

import numpy as np
import pytest

from pam_ros.policy.interface import PolicyError, PolicyOutput, QueuedAction
from pam_ros.tick.loop import TickLoop
from pam_ros.tick.plan import Plan

PERIOD_S = 0.1


class LaterPolicy:
    """Queue mode: action k of the chunk of observation n is 100 n + k. Passes run when asked."""

    def __init__(self, chunk: int = 4) -> None:
        self.calls: list[str] = []
        self.failure: Exception | None = None
        self.bad = False
        self.forward_seconds = 0.05
        self._chunk = chunk
        self.reset()

    def reset(self) -> None:
        self.calls.append("reset")
        self._queue: list[QueuedAction] = []
        self._step = 0
        self._popped: QueuedAction | None = None

    @property
    def queued(self) -> int:
        return len(self._queue)

    def skip(self) -> None:
        self._step += 1
        self._popped = None

    def pop_action(self):
        self._popped = self._queue.pop(0) if self._queue else None
        return self._popped

    def _output(self, number, step, popped, executed) -> PolicyOutput:
        if self.failure is not None:
            raise self.failure
        rows = 100.0 * number + np.arange(self._chunk, dtype=np.float32)[:, None]
        rows = rows * np.float32(np.nan) if self.bad else rows.astype(np.float32)
        queued = popped or QueuedAction(rows[0], step)
        return PolicyOutput(
            action=queued.action,
            chunk=rows,
            tokens=None,
            chunk_mode="queue",
            chunk_executed=executed,
            action_source_step=queued.source_step,
            step=step,
            forward_seconds=self.forward_seconds,
        )

    def step(self, observation):
        self.calls.append("step")
        output = self._output(observation["n"], self._step, None, True)
        self._queue = [QueuedAction(row, self._step) for row in output.chunk[1:]]
        self.skip()
        return output

    def explain(self, observation):
        self.calls.append("explain")
        output = self._output(observation["n"], self._step, self._popped, False)
        self.skip()
        return output

    def explain_later(self, observation):
        number, step, popped = observation["n"], self._step, self._popped
        self.skip()

        def run():
            self.calls.append(f"late {number}")
            return self._output(number, step, popped, False)

        return run

    def show(self, look): ...

    spec = engine = None


class Gateway:
    """Notes when the loop needs the policy for itself."""

    def __init__(self, calls) -> None:
        self._calls = calls

    @contextmanager
    def refill(self):
        self._calls.append("refill")
        yield
        self._calls.append("refilled")


class Runner:
    """A loop, the commands that it sent, and what became of its ticks."""

    def __init__(self, plan: Plan | None = None, gap_s: float = math.inf) -> None:
        self.policy = LaterPolicy()
        self.loop = TickLoop(self.policy, gap_s, Gateway(self.policy.calls), plan)
        self.sent: list[float] = []
        self.chunks: list[bool] = []
        self.settled: dict[int, object] = {}
        self.goes = True

    def tick(self, permit=0, commanding=True):
        number = self.loop.ticks

        def act(action, chunk):
            self.sent.append(float(action[0]))
            self.chunks.append(chunk is not None)
            return self.goes

        return self.loop.run({"n": number}, act, lambda: 0.0, commanding=commanding, permit=permit)

    def finish(self, outcome):
        self.loop.finish(outcome, lambda done: self.settled.update({done.tick: done}))
        return self.settled.get(outcome.tick)


def test_a_queued_action_goes_out_and_its_pass_is_left_to_another_thread():
    r = Runner()
    first = r.tick()
    assert (first.late, first.valid, first.chunk_executed) == (None, True, True)
    assert r.policy.calls == ["reset", "refill", "step", "refilled"]
    outcomes = [r.tick() for _ in range(4)]
    assert r.sent == [0, 1, 2, 3, 400]
    assert not any(call.startswith(("explain", "late")) for call in r.policy.calls)
    late = outcomes[:3]
    # How long the policy is free, from each of these ticks on.
    assert [o.late.free_ticks for o in late] == [3, 2, 1]
    assert not any(o.valid or o.inference_skipped or o.invalid_reason for o in late)
    # What ends later is what was looked at then, with that tick's numbers and command.
    done = r.finish(late[1])
    assert (done.tick, done.command_source_tick, done.commanded) == (2, 0, True)
    assert done.output.chunk[0, 0] == 200
    assert (done.output.step, float(done.output.action[0])) == (2, 2)
    assert (done.valid, done.chunk_executed, done.late) == (True, False, None)
    # A chunk of blocking execution begins at its own tick.
    assert [o.first_executed_tick for o in (*outcomes, done)] == [1, 2, 3, 4, 2]


def test_the_same_actions_as_without_a_thread_whichever_passes_run():
    with_thread, without = Runner(), Runner()
    without.loop = TickLoop(without.policy)
    for k in range(13):
        outcome, plain = with_thread.tick(), without.tick()
        assert outcome.command_source_tick == plain.command_source_tick
        if outcome.late is not None and k % 2:
            with_thread.finish(outcome)
    assert with_thread.sent == without.sent


def test_a_tick_that_only_looks_has_its_pass_at_once():
    r = Runner()
    outcome = r.tick(commanding=False)
    assert (outcome.late, outcome.valid) == (None, True)
    assert r.policy.calls == ["reset", "explain"]


def test_one_that_is_left_out_says_so():
    r = Runner()
    r.tick()
    outcome = r.tick().left_out("something else came first")
    assert outcome.inference_skipped
    assert not outcome.valid
    assert outcome.late is None
    assert outcome.invalid_reason == "inference skipped: something else came first"
    assert outcome.commanded
    assert outcome.first_executed_tick == outcome.tick


@pytest.mark.parametrize("failure", [RuntimeError("out of memory"), PolicyError("bad"), None])
def test_a_late_pass_that_fails_drops_the_rest_of_the_queue(failure):
    r = Runner()
    r.tick()
    late = r.tick()
    r.policy.failure, r.policy.bad = failure, failure is None
    done = r.finish(late)
    assert not done.valid
    assert str(failure or "not finite") in done.invalid_reason
    r.policy.failure, r.policy.bad = None, False
    r.policy.calls.clear()
    outcome = r.tick()
    assert r.policy.calls == ["reset", "refill", "step", "refilled"]
    assert r.sent == [0, 1, 200]
    assert (outcome.command_source_tick, outcome.chunk_executed) == (2, True)


def test_a_pass_from_before_a_reset_ends_under_its_own_numbers_and_changes_nothing():
    r = Runner()
    r.tick()
    late = r.tick()
    r.loop.reset()
    r.tick()
    done = r.finish(late)
    assert (done.episode, done.tick, done.valid) == (0, 1, True)
    outcome = r.tick()
    assert (outcome.episode, outcome.command_source_tick) == (1, 2)
    assert r.sent == [0, 1, 200, 201]


# Chunks that are computed beside the commands.


def ahead(rows=4):
    return Runner(Plan(rows, PERIOD_S))


def test_the_first_chunk_is_waited_for_and_begins_at_the_row_of_the_tick_that_has_it():
    r = ahead()
    first = r.tick()
    assert (first.dry, first.commanded, r.sent) == (True, False, [])
    assert first.late.ticket is not None
    assert r.finish(first) is None  # nobody knows yet whether it moves the robot
    second = r.tick()
    assert (second.dry, second.commanded, second.command_source_tick) == (False, True, 0)
    assert r.sent == [1]  # row 0 was for tick 0
    assert r.chunks == [True]
    assert r.settled[0].chunk_executed
    assert r.settled[0].command_source_tick == 0
    assert r.settled[0].output.chunk[0, 0] == 0
    assert "step" not in r.policy.calls and "refill" not in r.policy.calls


def test_the_next_chunk_is_asked_for_before_the_last_row_and_followed_as_soon_as_it_is_there():
    r = ahead(rows=4)
    r.policy.forward_seconds = 0.05  # half a period: two ticks ahead
    first = r.tick()
    r.finish(first)
    second = r.tick()  # two rows of chunk 0 are left after this one's
    assert second.late.ticket is not None
    third = r.tick()
    assert r.sent == [1, 2]
    r.finish(second)
    fourth = r.tick()
    # Row 2 of the chunk of tick 1, not row 3 of that of tick 0.
    assert r.sent == [1, 2, 102]
    assert fourth.command_source_tick == 1
    assert r.settled[1].chunk_executed
    # What tick 1 itself was commanded is of another chunk than the one it predicted.
    assert r.settled[1].command_source_tick == 0
    assert third.command_source_tick == 0
    # Tick 1's chunk is followed from tick 3 on, that of tick 0 from tick 1 on.
    assert [r.settled[k].first_executed_tick for k in (0, 1)] == [1, 3]
    assert (second.first_executed_tick, fourth.first_executed_tick) == (1, 3)


def test_only_one_chunk_is_under_way_and_other_passes_only_explain():
    r = ahead(rows=4)
    first = r.tick()
    r.loop._plan.begin(first.late.ticket)
    second = r.tick()
    assert second.late.ticket is None
    assert second.late.free_ticks == 0
    r.tick()
    done = r.finish(second)
    assert (done.valid, done.chunk_executed) == (True, False)
    # It was there for tick 3, had it been asked for.
    assert done.first_executed_tick == 3


def test_a_chunk_whose_rows_all_came_too_late_is_dropped_and_the_robot_is_held():
    r = ahead(rows=3)
    first = r.tick()
    for _ in range(2):
        assert r.tick().dry
    r.finish(first)
    outcome = r.tick()  # tick 3: rows 0 to 2 were for ticks 0 to 2
    assert outcome.dry
    assert not r.settled[0].chunk_executed
    assert r.settled[0].valid
    assert r.settled[0].first_executed_tick == 3
    values = r.loop._plan.values()
    assert (values["chunks_too_late"], values["ticks_without_chunk"]) == (1, 4)
    assert r.sent == []


def test_it_runs_dry_after_the_rows_that_a_queue_would_have_executed():
    r = ahead(rows=3)
    r.finish(r.tick())
    assert [r.tick().dry for _ in range(3)] == [False, False, True]
    assert r.sent == [1, 2]


@pytest.mark.parametrize("what", ["reset", "permit", "looking", "stop"])
def test_what_was_under_way_before_moves_nothing_afterwards(what):
    r = ahead()
    under_way = r.tick()
    r.loop._plan.begin(under_way.late.ticket)
    permit = 0
    if what == "reset":
        r.loop.reset()
    elif what == "stop":
        r.loop.forget_plan()
    elif what == "permit":
        permit = 2
    else:
        r.tick(commanding=False)
        r.sent.clear()
    r.tick(permit=permit)
    done = r.finish(under_way)
    assert done is not None  # told at once: it moves nothing
    assert (done.valid, done.chunk_executed) == (True, False)
    assert r.tick(permit=permit).dry
    assert r.sent == []


def test_a_chunk_that_is_there_but_not_followed_yet_is_told_when_the_plan_is_forgotten():
    r = ahead()
    assert r.finish(r.tick()) is None
    r.loop.reset()
    assert r.settled[0].chunk_executed is False
    assert r.settled[0].first_executed_tick == 1
    assert r.tick().dry


def test_a_command_that_does_not_go_out_executes_no_chunk():
    r = ahead()
    r.goes = False
    r.finish(r.tick())
    r.tick()
    assert r.settled[0].chunk_executed is False


@pytest.mark.parametrize("failure", [RuntimeError("out of memory"), None])
def test_a_pass_that_fails_ends_the_plan_too(failure):
    r = ahead()
    r.finish(r.tick())
    second = r.tick()
    r.policy.failure, r.policy.bad = failure, failure is None
    done = r.finish(second)
    assert not done.valid
    assert not done.chunk_executed
    assert done.first_executed_tick == done.tick
    r.policy.failure, r.policy.bad = None, False
    assert r.tick().dry
    assert r.sent == [1]


@pytest.mark.parametrize(
    ("pass_s", "rows", "slow"),
    [(0.05, 4, False), (0.29, 4, False), (0.31, 4, True), (5.0, 4, True), (0.05, 2, False)],
)
def test_passes_that_outlast_a_chunk_cannot_command(pass_s, rows, slow):
    reason = Plan(rows, PERIOD_S).why_too_slow(pass_s)
    assert bool(reason) == slow
    if slow:
        assert f"{pass_s:.2f} s" in reason
        assert "0.40 s (4 actions)" in reason


def test_how_long_the_policy_is_not_needed_is_known_of_every_tick():
    r = Runner()
    assert [(r.tick(), r.loop.free_ticks)[1] for _ in range(5)] == [4, 3, 2, 1, 4]
    assert TickLoop(LaterPolicy()).free_ticks == 1
    planned = Runner(Plan(4, PERIOD_S))
    planned.loop.note_forward(0.05)
    first = planned.tick()
    assert planned.loop.free_ticks == first.late.free_ticks == 0
    planned.finish(first)
    # Of the rows 1 to 3, which are left, the next chunk's pass takes the last two.
    second = planned.tick()
    assert planned.loop.free_ticks == second.late.free_ticks == 0
