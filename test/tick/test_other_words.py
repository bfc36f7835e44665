# SPDX-License-Identifier: Apache-2.0
"""Other words: nothing that was planned under the old ones is executed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pam_ros.policy import PolicyError, load_policy
from pam_ros.tick.loop import TickLoop
from pam_ros.tick.plan import Plan

TOP, STATE = "observation.images.top", "observation.state"


class Beside:
    """A loop that is given this one runs its passes when a test says so."""

    def refill(self):
        raise AssertionError("async execution refills nothing")


@pytest.fixture
def policy(second_policy, tmp_path):
    return load_policy(second_policy(tmp_path / "second", {TOP: (32, 48)}), device="cpu")


def observation(seed):
    rng = np.random.default_rng(seed)
    return {
        TOP: rng.integers(0, 256, (32, 48, 3), np.uint8),
        STATE: rng.normal(size=2).astype(np.float32),
    }


def test_the_queue_is_dropped_and_the_episode_goes_on(policy):
    loop = TickLoop(policy)
    sent = []

    def act(action, _):
        sent.append(action)
        return True

    outcomes = [loop.run(observation(n), act, lambda: math.inf, n + 1) for n in range(2)]
    assert [one.command_source_tick for one in outcomes] == [0, 0]
    loop.instruct("reach it")
    after = loop.run(observation(2), act, lambda: math.inf, 3)
    assert (after.command_source_tick, after.chunk_executed, after.episode) == (2, True, 0)
    policy.reset()
    policy.observe(observation(1))
    np.testing.assert_array_equal(policy.explain(observation(2)).chunk[0], sent[2])


def test_words_that_it_cannot_read_leave_the_plan(policy):
    loop = TickLoop(policy)
    loop.run(observation(0), lambda *_: True, lambda: math.inf, 1)
    with pytest.raises(PolicyError):
        loop.instruct("?x")
    after = loop.run(observation(1), lambda *_: True, lambda: math.inf, 2)
    assert after.command_source_tick == 0


def test_a_chunk_that_is_on_its_way_never_arrives(policy):
    plan = Plan(policy.spec.n_action_steps, 0.1)
    loop = TickLoop(policy, beside=Beside(), plan=plan)
    settled, sent = [], []

    def act(action, _):
        sent.append(action)
        return True

    first = loop.run(observation(0), act, lambda: math.inf, 1)
    assert first.dry and first.late is not None
    loop.instruct("reach it")
    loop.finish(first, settled.append)
    (done,) = settled
    assert done.valid and not done.chunk_executed
    second = loop.run(observation(1), act, lambda: math.inf, 2)
    assert second.dry and not sent
    loop.finish(second, settled.append)
    third = loop.run(observation(2), act, lambda: math.inf, 3)
    assert third.command_source_tick == 1 and len(sent) == 1
    assert [one.chunk_executed for one in settled] == [False, True]
