# SPDX-License-Identifier: Apache-2.0
"""Contributions: parts of the chunk's change, through lerobot's own pass."""

from threading import Thread

import numpy as np
import pytest
import torch

from pam_ros.attention.attribution import CONTRIBUTIONS, Target
from pam_ros.attention.contribution import Before, ContributionRequest
from pam_ros.policy import PolicyError, load_policy
from pam_ros.policy.abilities import Contributing

FRONT, WRIST = "observation.images.front", "observation.images.wrist"
TASK = "reach the red cube"


@pytest.fixture
def policy(saved_smolvla):
    policy = load_policy(saved_smolvla, device="cpu")
    policy.instruct(TASK)
    return policy


@pytest.fixture
def observation(reference):
    return reference().observation(np.random.default_rng(0))


def test_it_is_contributing(policy):
    assert isinstance(policy, Contributing)


@pytest.mark.parametrize("method", CONTRIBUTIONS)
@pytest.mark.parametrize("target", [Target(), Target(1), Target(step=0, stop=3)])
def test_with_many_points_the_parts_sum_to_the_change(policy, observation, method, target):
    request = ContributionRequest(method, target, "black", points=24)
    found = policy.contribute(observation, request)
    assert abs(found.change) > 1e-4
    assert found.completeness_error < 0.02 * abs(found.change) + 1e-5


def test_the_change_is_that_of_lerobot_s_chunk(reference, policy, observation):
    """From black pictures to these, along their difference, with the same noise."""
    theirs = reference()
    prepared = policy.prepare([observation])
    black = {k: np.zeros_like(v) if "image" in k else v for k, v in observation.items()}
    with torch.inference_mode():
        ended, begun = (
            theirs.policy.predict_action_chunk(theirs.batch(each, TASK), noise=prepared.noise)
            for each in (observation, black)
        )
    found = policy.contribute(observation, ContributionRequest(baseline="black"))
    assert found.change == pytest.approx(float((ended - begun).norm()), rel=1e-4)


@pytest.mark.parametrize("method", CONTRIBUTIONS)
def test_gradients_are_differences_of_the_pass(policy, observation, method):
    """At one point, against a finite difference along the way of one camera."""
    request = ContributionRequest(method, Target(0), "black")
    found = policy.contribute(observation, request)
    contributor = policy._contributor
    inputs = policy.prepare([observation])
    way = contributor._way(inputs, request)
    step = 1e-2

    def value(part):
        """Of the front camera that much further, the other one half of the way."""
        at = [torch.lerp(start, end, 0.5) for start, end in zip(way.starts, way.ends, strict=True)]
        at[0] = torch.lerp(way.starts[0], way.ends[0], 0.5 + part)
        with torch.no_grad():
            return float(contributor._chunk(inputs, method, at)[:, 0].mean())

    unit = policy.spec.statistics["action"].std[0]
    expected = unit * (value(step) - value(-step)) / (2 * step)
    if method == "contribution":
        ours = found.images[FRONT].sum()
        assert ours == pytest.approx(expected, rel=0.05, abs=1e-4)
    else:
        # The map leaves out the cells of padding, which have a part of the total.
        assert found.total == pytest.approx(
            expected + unit * _other_camera(contributor, inputs, way, step), rel=0.05, abs=1e-4
        )


def _other_camera(contributor, inputs, way, step):
    def value(part):
        at = [torch.lerp(start, end, 0.5) for start, end in zip(way.starts, way.ends, strict=True)]
        at[1] = torch.lerp(way.starts[1], way.ends[1], 0.5 + part)
        with torch.no_grad():
            return float(contributor._chunk(inputs, "token_contribution", at)[:, 0].mean())

    return (value(step) - value(-step)) / (2 * step)


def test_maps_have_the_pictures_cells_and_sum_to_one(policy, observation):
    for method, cell in (("contribution", 16), ("token_contribution", None)):
        request = ContributionRequest(method, baseline="blur", complete=True)
        maps = policy.contribute(observation, request).maps(policy.spec.layout, cell)
        assert sum(camera.share for camera in maps.cameras) == pytest.approx(1, abs=1e-5)
        assert {camera.feature for camera in maps.cameras} == {FRONT, WRIST}
        rows = 6 if cell else 3
        assert maps.cameras[0].cells.shape == (rows, 4 * rows // 3)


def test_a_pass_s_own_noise_and_words_are_explained(policy, observation):
    policy.keep_inputs(keep=True)
    output = policy.step(observation)
    request = ContributionRequest(complete=True)
    found = policy.contribute(observation, request, output)
    assert found.chunk_difference < 1e-5
    policy.instruct("put the block in the bowl")
    again = policy.contribute(observation, request, output)
    assert np.array_equal(again.images[FRONT], found.images[FRONT])
    other = policy.contribute(observation, request)
    assert not np.allclose(other.images[FRONT], found.images[FRONT])
    policy.keep_inputs(keep=False)
    assert policy.explain(observation).inputs is None


def test_further_targets_are_explained_on_the_same_way(policy, observation):
    request = ContributionRequest(also=(Target(2), Target(change=True)))
    found = policy.contribute(observation, request)
    alone = policy.contribute(observation, ContributionRequest(target=Target(2)))
    assert np.allclose(found.also[0].images[WRIST], alone.images[WRIST], atol=1e-6)
    assert "needs an earlier tick" in found.also[1].reason
    before = Before(policy.explain(observation).chunk, 1)
    changed = policy.contribute(
        observation, ContributionRequest(target=Target(change=True), before=before)
    )
    assert (changed.target, changed.reason) == ("change", "")
    stands_in = policy.contribute(observation, ContributionRequest(target=Target(change=True)))
    assert stands_in.target == "chunk"
    assert stands_in.reason.endswith("chunk stands in")


def test_tokens_are_compared_with_their_means(policy, observation, reference):
    others = [reference().observation(np.random.default_rng(k)) for k in range(3)]
    means = policy.mean_tokens(others)
    assert means.shape == (32, 64)
    assert policy.tokens_compared_with == "running"
    request = ContributionRequest("token_contribution")
    first = policy.contribute(observation, request)
    assert first.baseline == "black"
    policy.compare_with(means)
    assert policy.tokens_compared_with == "fitted"
    second = policy.contribute(observation, request)
    assert second.baseline == "fitted"
    assert not np.allclose(first.cells[FRONT], second.cells[FRONT])
    # Of the mean itself nothing is left to explain.
    policy.compare_with(policy.mean_tokens([observation]))
    assert abs(policy.contribute(observation, request).total) < 1e-6
    with pytest.raises(PolicyError, match="must have \\(32, 64\\)"):
        policy.compare_with(means[1:])


def test_the_mean_of_an_episode_s_pictures_is_a_baseline(policy, reference):
    found = [
        policy.contribute(
            reference().observation(np.random.default_rng(k)),
            ContributionRequest(baseline="running", episode=0),
        )
        for k in range(10)
    ]
    assert found[0].baseline == "blur"
    assert "this is number 1: blur stands in" in found[0].reason
    assert (found[-1].baseline, found[-1].reason) == ("running", "")


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (ContributionRequest("rollout"), "method 'rollout' is unknown"),
        (ContributionRequest(baseline="mean"), "needs pictures of a training mean"),
        (ContributionRequest(target=Target(3)), "joint 3"),
        (ContributionRequest(cell=500), "cell 500 is larger than the picture"),
        (ContributionRequest(joints=("a",)), "joints has 1 names: it must have 3"),
    ],
)
def test_what_cannot_be_asked_is_said_without_a_pass(policy, observation, request_, words):
    assert words in policy.why_no_contribution(request_)
    with pytest.raises(PolicyError, match=words.split("'")[0]):
        policy.contribute(observation, request_)
    assert policy.why_no_contribution(ContributionRequest()) == ""


def test_contributions_beside_steps_change_no_action(policy, observation, reference):
    observations = [reference().observation(np.random.default_rng(k)) for k in range(4)]
    expected = [policy.step(each).chunk for each in observations]
    policy.reset()
    # The same noise as before: an episode of its own has other.
    policy.draw_as(0, 0)
    alone = policy.contribute(observation, ContributionRequest(points=2))
    beside = []
    thread = Thread(
        target=lambda: beside.extend(
            policy.contribute(observation, ContributionRequest(points=2)) for _ in range(2)
        )
    )
    thread.start()
    found = [policy.step(each).chunk for each in observations]
    thread.join()
    assert np.array_equal(found, expected)
    assert all(np.array_equal(each.images[FRONT], alone.images[FRONT]) for each in beside)
    weights = policy._passes.policy.parameters()
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in weights)
