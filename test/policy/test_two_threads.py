# SPDX-License-Identifier: Apache-2.0
"""The policy is stepped in one thread while another one prepares other observations."""

from __future__ import annotations

import sys
import threading
import time

import numpy as np
import pytest
import torch

from pam_ros.policy import wrap
from pam_ros.policy.act.gradients import input_gradients

TOP, WRIST = "observation.images.top", "observation.images.wrist"
STATE = "observation.state"


@pytest.fixture
def busy_threads():
    """Threads take turns as often as Python lets them."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def prepare(policy, observation):
    policy.prepare([observation, observation])


def explain(policy, observation):
    input_gradients(policy, observation, baseline="black")


@pytest.mark.parametrize("pipeline", ["read off", "lerobot's steps"])
@pytest.mark.parametrize("other", [prepare, explain])
@pytest.mark.usefixtures("busy_threads")
def test_each_tick_sees_its_own_observation(reference_policy, other, pipeline):
    reference = reference_policy(cameras={TOP: (120, 160), WRIST: (120, 160)})
    policy = wrap(reference.policy, reference.preprocessor, reference.postprocessor, "eager")
    if pipeline != "read off":
        policy._preparation._normalisers = [None, None]
    rng = np.random.default_rng(0)
    observations = [reference.observation(rng) for _ in range(3)]
    expected = [policy.explain(observation).chunk for observation in observations]
    black = {name: np.zeros_like(array) for name, array in observations[0].items()}
    over = threading.Event()
    failures = []

    def others():
        try:
            while not over.is_set():
                other(policy, black)
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    thread = threading.Thread(target=others)
    thread.start()
    try:
        end = time.monotonic() + 2.5
        ticks = 0
        while ticks < 10 or time.monotonic() < end:
            found = policy.explain(observations[ticks % 3]).chunk
            np.testing.assert_allclose(found, expected[ticks % 3], rtol=0, atol=1e-5)
            ticks += 1
    finally:
        over.set()
        thread.join()
    assert not failures


def test_what_was_prepared_stays_whatever_is_prepared_next(reference_policy):
    """No memory is shared: neither with a tick's images nor with those of another call."""
    reference = reference_policy(cameras={TOP: (32, 40)})
    policy = wrap(reference.policy, reference.preprocessor, reference.postprocessor, "eager")
    rng = np.random.default_rng(0)
    first = policy.prepare([reference.observation(rng)])
    kept = [tensor.clone() for tensor in (*first.images, first.state)]
    tick = policy._preparation.one(reference.observation(rng), reuse=True)
    image = tick.images[0].clone()
    policy.prepare([reference.observation(rng)])
    policy.prepare([reference.observation(rng)] * 2)
    assert torch.equal(tick.images[0], image)
    for tensor, before in zip((*first.images, first.state), kept, strict=True):
        assert torch.equal(tensor, before)
    again = policy._preparation.one(reference.observation(rng), reuse=True)
    assert again.images[0].data_ptr() == tick.images[0].data_ptr()


def test_no_step_of_lerobots_is_entered_twice_at_once(reference_policy):
    """Its steps keep the transition that they are at work on in themselves."""
    reference = reference_policy(cameras={}, environment_dim=3)
    policy = wrap(reference.policy, reference.preprocessor, reference.postprocessor, "eager")
    preparation = policy._preparation
    most = {"before": 0, "after": 0}

    def watched(pipeline, name):
        inside = []

        def run(given):
            inside.append(1)
            most[name] = max(most[name], len(inside))
            time.sleep(0.02)
            inside.pop()
            return pipeline(given)

        return run

    preparation._preprocessor = watched(preparation._preprocessor, "before")
    preparation._postprocessor = watched(preparation._postprocessor, "after")
    observation = reference.observation(np.random.default_rng(0))
    actions = torch.zeros(1, policy.spec.action_dim)

    def work():
        for _ in range(3):
            policy.prepare([observation])
            preparation.unnormalised(actions)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == {"before": 1, "after": 1}
