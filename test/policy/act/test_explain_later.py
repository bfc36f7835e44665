# SPDX-License-Identifier: Apache-2.0
"""A pass that another thread runs later is the one of the moment at which it was asked for."""

from __future__ import annotations

import importlib.util
import sys
import threading

import numpy as np
import pytest

from pam_ros.attention.look import Look
from pam_ros.policy import wrap
from pam_ros.policy.abilities import ExplainingLater
from pam_ros.policy.interface import ObservationError, PolicyError

TOP = "observation.images.top"
CROSS = Look("decoder", 0)
ENCODER = Look("encoder", 0)


@pytest.fixture
def made(reference_policy):
    """A policy with its engine, and observations that differ."""

    def make(engine="eager"):
        reference = reference_policy(cameras={TOP: (64, 96)}, n_encoder_layers=1)
        policy = wrap(reference.policy, reference.preprocessor, reference.postprocessor, engine)
        rng = np.random.default_rng(0)
        return policy, [reference.observation(rng) for _ in range(4)]

    return make


def same(found, expected, atol=1e-6):
    for name in ("action", "chunk", "tokens"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), atol=atol)
    assert found.weights.keys() == expected.weights.keys()
    for key, weights in found.weights.items():
        np.testing.assert_allclose(weights, expected.weights[key], atol=atol)
    for name in ("chunk_executed", "action_source_step", "step", "chunk_mode"):
        assert getattr(found, name) == getattr(expected, name)


def test_it_gives_what_explain_would_have_given_and_counts_the_step_at_once(made):
    policy, (first, second, third, _) = made()
    assert isinstance(policy, ExplainingLater)
    policy.show(CROSS)
    policy.step(first)
    policy.pop_action()
    expected = policy.explain(second)
    policy.reset()
    policy.step(first)
    queued = policy.queued
    policy.pop_action()
    assert policy.queued == queued - 1
    late = policy.explain_later(second)
    # Whatever happens until it runs:
    policy.pop_action()
    policy.explain(third)
    policy.show(ENCODER)
    policy.take_tokens("encoder_input")
    policy.edit_tokens(lambda tokens: tokens * 0)
    policy.reset()
    same(late(), expected)
    policy.edit_tokens(None)
    policy.take_tokens("encoder")
    policy.show(CROSS)
    assert policy.explain(first).step == 0  # what ran late has not counted


def test_an_edit_of_that_moment_holds_for_it(made):
    policy, (first, *_) = made()
    policy.edit_tokens(lambda tokens: tokens * 0.5)
    expected = policy.explain(first)
    policy.reset()
    late = policy.explain_later(first)
    policy.edit_tokens(None)
    same(late(), expected)
    with pytest.raises(AssertionError):
        same(policy.explain(first), expected)


def test_what_does_not_fit_is_refused_when_it_runs(made):
    policy, (first, *_) = made()
    late = policy.explain_later({**first, TOP: first[TOP][:10]})
    with pytest.raises(ObservationError):
        late()
    assert policy.explain(first).step == 1
    policy.edit_tokens(lambda tokens: tokens * np.nan)
    late = policy.explain_later(first)
    with pytest.raises(PolicyError, match="not finite"):
        late()


@pytest.mark.parametrize("engine", ["eager", "openvino"])
def test_passes_of_two_threads_do_not_meet(made, engine):
    if engine == "openvino" and importlib.util.find_spec("openvino") is None:
        pytest.skip("needs openvino")
    policy, observations = made(engine)
    policy.show(CROSS)
    expected = [policy.explain(observation) for observation in observations]
    policy.reset()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    failures, over = [], threading.Event()

    def other() -> None:
        try:
            for k in range(60):
                late = policy.explain_later(observations[k % 4])
                found = late()
                np.testing.assert_allclose(found.chunk, expected[k % 4].chunk, atol=1e-5)
                key = next(iter(found.weights))
                np.testing.assert_allclose(
                    found.weights[key], expected[k % 4].weights[key], atol=1e-5
                )
        except Exception as error:  # noqa: BLE001
            failures.append(error)
        finally:
            over.set()

    thread = threading.Thread(target=other)
    thread.start()
    try:
        k = 0
        while not over.is_set():
            k += 1
            prepared = policy.prepare([observations[k % 4]])
            found = policy.forward(prepared, looks=[CROSS]).chunks[0]
            np.testing.assert_allclose(found, expected[k % 4].chunk, atol=1e-5)
    finally:
        sys.setswitchinterval(interval)
        thread.join()
    assert not failures


def test_nothing_but_another_pass_waits_for_a_pass(made):
    policy, (first, second, *_) = made()
    policy.step(first)
    inside, go = threading.Event(), threading.Event()
    engine = policy._engine

    def slow(*arguments, **options):
        inside.set()
        assert go.wait(60)
        return engine(*arguments, **options)

    policy._engine = slow
    thread = threading.Thread(target=policy.explain_later(second))
    thread.start()
    assert inside.wait(60)
    assert policy.pop_action() is not None
    policy.skip()
    policy.show(CROSS)
    policy.take_tokens("encoder_input")
    policy.explain_later(first)
    policy.reset()
    assert policy.pop_action() is None
    go.set()
    thread.join(60)
    assert not thread.is_alive()
