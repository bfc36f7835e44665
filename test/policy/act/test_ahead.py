# SPDX-License-Identifier: Apache-2.0
"""Observations that are known in advance: one batch, and the outputs of single steps."""

from __future__ import annotations

import numpy as np
import pytest

from pam_ros.policy import ObservationError, wrap

TOP = "observation.images.top"


@pytest.fixture(params=[None, 0.01], ids=["queue", "ensemble"])
def policies(request, reference_policy):
    """The same policy twice, and observations."""
    steps = {} if request.param is None else {"n_action_steps": 1}
    reference = reference_policy(
        cameras={TOP: (48, 64)}, temporal_ensemble_coeff=request.param, **steps
    )
    wrapped = [
        wrap(reference.policy, reference.preprocessor, reference.postprocessor) for _ in range(2)
    ]
    rng = np.random.default_rng(0)
    return *wrapped, [reference.observation(rng) for _ in range(5)]


def counted(policy, monkeypatch) -> list[int]:
    """Batch sizes of the passes that run from here on."""
    sizes: list[int] = []
    for owner, name in ((policy, "_engine"), (policy._ahead, "_forward")):
        run = getattr(owner, name)

        def counting(prepared, *rest, _run=run, **options):
            sizes.append(prepared.batch_size)
            return _run(prepared, *rest, **options)

        monkeypatch.setattr(owner, name, counting)
    return sizes


def same(one, other) -> None:
    np.testing.assert_allclose(one.action, other.action, atol=1e-5)
    np.testing.assert_allclose(one.attention, other.attention, atol=1e-6)
    assert one.action_source_step == other.action_source_step
    assert one.chunk_executed == other.chunk_executed


def test_expected_observations_share_a_batch_and_give_what_single_steps_give(policies, monkeypatch):
    ahead, single, observations = policies
    sizes = counted(ahead, monkeypatch)
    ahead.expect(observations[:4])
    for observation in observations:
        same(ahead.step(observation), single.step(observation))
    assert sizes == [4, 1]


def test_other_encoder_layers_run_the_batch_again(policies, monkeypatch):
    ahead, single, observations = policies
    sizes = counted(ahead, monkeypatch)
    ahead.expect(observations)
    ahead.step(observations[0])
    for policy in (ahead, single):
        policy.show_encoder_layers([1])
    weights = [p.explain(observations[1]).encoder_attention[1] for p in (ahead, single)]
    np.testing.assert_allclose(*weights, atol=1e-5)
    assert sizes == [5, 5]


def test_an_equal_observation_that_was_not_expected_runs_by_itself(policies, monkeypatch):
    ahead, _, observations = policies
    sizes = counted(ahead, monkeypatch)
    ahead.expect(observations)
    ahead.step(dict(observations[0]))
    assert sizes == [1]


def test_an_edit_of_the_tokens_is_not_left_out(policies):
    ahead, _, observations = policies
    ahead.expect(observations)
    plain = ahead.explain(observations[0])
    ahead.edit_tokens(lambda tokens: tokens * 0)
    assert np.abs(ahead.explain(observations[0]).chunk - plain.chunk).max() > 1e-3


def test_an_observation_that_does_not_fit_fails_alone(policies):
    ahead, single, observations = policies
    wrong = {**observations[1], TOP: observations[1][TOP][:-1]}
    ahead.expect([observations[0], wrong, observations[2]])
    same(ahead.step(observations[0]), single.step(observations[0]))
    with pytest.raises(ObservationError):
        ahead.step(wrong)
    same(ahead.step(observations[2]), single.step(observations[2]))


def test_the_time_of_the_batch_is_shared(policies):
    ahead, _, observations = policies
    ahead.expect(observations)
    outputs = [ahead.step(observation) for observation in observations]
    assert len({output.forward_seconds for output in outputs}) == 1
    assert 0 < outputs[0].forward_seconds < 1
