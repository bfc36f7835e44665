# SPDX-License-Identifier: Apache-2.0
"""The target `change` and the baseline `running`: what is new in the plan, and in the pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pam_ros.attention.attribution import Target
from pam_ros.attention.contribution import Before, ContributionRequest
from pam_ros.attention.maps import Missing
from pam_ros.policy import PolicyError, wrap
from pam_ros.policy.act.contribution_change import change_of
from pam_ros.policy.act.contribution_parts import Asked
from pam_ros.policy.act.gradients import integrated_gradients

TOP, WRIST = "observation.images.top", "observation.images.wrist"
CHANGE = Target(change=True)


@pytest.fixture
def act(reference_policy):
    reference = reference_policy(cameras={TOP: (64, 96), WRIST: (33, 48)})
    policy = wrap(reference.policy, reference.preprocessor, reference.postprocessor)
    return policy, [reference.observation(np.random.default_rng(seed)) for seed in range(14)]


def request(**fields):
    return ContributionRequest("contribution", **fields)


def test_the_change_is_between_predictions_of_the_same_moments():
    now = np.arange(10, dtype=np.float32).reshape(5, 2)
    earlier = np.float32(1) + np.concatenate([np.full((2, 2), 99, np.float32), now[:3]])
    change, why_not = change_of(now, Before(earlier, 2), slice(0, 5))
    assert why_not == ""
    np.testing.assert_array_equal(change, [[-1, -1], [-1, -1], [-1, -1], [0, 0], [0, 0]])
    change, _ = change_of(now, Before(earlier, 2), slice(1, 2))
    np.testing.assert_array_equal(np.nonzero(change.any(axis=1))[0], [1])
    for before, rows, words in (
        (None, slice(0, 5), "needs an earlier tick of the episode"),
        (Before(earlier, 5), slice(0, 5), "the chunk of 5 ticks ago had predicted"),
        (Before(earlier, 2), slice(3, 5), "the chunk of 2 ticks ago had predicted"),
        (Before(earlier[:4], 1), slice(0, 5), "had predicted"),
    ):
        change, why_not = change_of(now, before, rows)
        assert words in why_not
        assert not change.any()


@pytest.mark.parametrize("method", ["contribution", "token_contribution"])
def test_the_chunk_is_explained_along_its_change(act, method):
    policy, (first, second, *_) = act
    before, now = policy.explain(first), policy.explain(second)
    change = np.zeros_like(now.normalised)
    change[:-3] = now.normalised[:-3] - before.normalised[3:]
    asked = policy._contributor._asked(
        *policy._contributor._graphs.get(),
        second,
        ContributionRequest(method, CHANGE, before=Before(before.chunk, 3)),
        None,
    )
    (one,) = asked
    assert isinstance(one, Asked)
    np.testing.assert_allclose(
        one.direction, change / np.linalg.norm(change), atol=1e-4 * np.abs(change).max() + 1e-5
    )
    found = policy.contribute(
        second, ContributionRequest(method, CHANGE, points=60, before=Before(before.chunk, 3),
                                    complete=True)
    )  # fmt: skip
    assert (found.target, found.unit, found.reason) == ("change", "normalised action", "")
    assert found.completeness_error < 0.02


def test_without_a_tick_before_the_chunk_stands_in_and_says_so(act):
    policy, (observation, *_) = act
    chunk = policy.contribute(observation, request(target=Target(step=0, stop=4)))
    found = policy.contribute(
        observation, request(target=Target(None, 0, 4, change=True), also=(CHANGE, Target(1)))
    )
    assert found.target == "chunk[0:4]"
    assert found.reason == (
        "target 'change' needs an earlier tick of the episode that had a pass: chunk[0:4] stands in"
    )
    np.testing.assert_allclose(found.images[TOP], chunk.images[TOP], atol=1e-6)
    missing, joint = found.also
    assert isinstance(missing, Missing)
    assert (missing.target, missing.reason[:24]) == ("change", "target 'change' needs an")
    assert joint.target == "1"
    assert joint.reason == ""
    assert found.maps(policy.spec.layout, 16).reason == found.reason


def test_a_plan_that_has_not_changed_has_a_map_of_zeros(act):
    policy, (observation, *_) = act
    output = policy.explain(observation)
    same = np.concatenate([output.chunk[:1], output.chunk[:-1]])
    found = policy.contribute(observation, request(target=CHANGE, before=Before(same, 1)), output)
    assert found.target == "change"
    assert max(float(np.abs(image).max()) for image in found.images.values()) < 1e-3
    assert found.total == pytest.approx(0.0, abs=1e-2)


def test_gradient_methods_have_no_tick_before(act):
    policy, (observation, *_) = act
    with pytest.raises(PolicyError, match="target 'change' is one of contributions alone"):
        integrated_gradients(policy, observation, CHANGE, steps=2)


def test_running_is_the_mean_of_the_episodes_pictures(act):
    policy, observations = act
    contributor = policy._contributor
    asked = request(baseline="running", episode=2)
    found = [policy.contribute(observation, asked) for observation in observations[:11]]
    assert [one.baseline for one in found] == ["blur"] * 9 + ["running"] * 2
    assert found[8].reason == (
        "baseline 'running' needs 10 pictures of the episode, this is number 9: blur stands in"
    )
    assert found[9].reason == ""
    images = [contributor._preparation.one(one).images for one in observations[:11]]
    starts, name, _ = contributor._baselines.of("running", images[10], 2)  # once more: number 12
    assert name == "running"
    for camera, start in enumerate(starts):
        mean = torch.stack([one[camera] for one in [*images, images[10]]]).mean(0)
        np.testing.assert_allclose(start, mean, atol=1e-5)
    # Another episode begins anew.
    again = policy.contribute(observations[0], request(baseline="running", episode=3))
    assert (again.baseline, "this is number 1:" in again.reason) == ("blur", True)


def test_the_running_mean_is_there_for_who_asks_for_it_later(act):
    policy, observations = act
    # As a replay does, whose recording says "blur" of the first ten.
    for observation in observations[:9]:
        policy.contribute(observation, request(baseline="blur", episode=7))
    found = policy.contribute(observations[9], request(baseline="running", episode=7))
    assert (found.baseline, found.reason) == ("running", "")


def test_the_parts_from_the_running_mean_sum_to_the_change(act):
    policy, observations = act
    for observation in observations[:12]:
        policy.contribute(observation, request(baseline="running", episode=0))
    found = policy.contribute(
        observations[12], request(baseline="running", episode=0, points=60, complete=True)
    )
    assert found.baseline == "running"
    assert found.completeness_error < 0.02
