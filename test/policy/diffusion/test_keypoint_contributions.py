# SPDX-License-Identifier: Apache-2.0
"""Contributions and gradients of a Diffusion Policy, against sums that they must have."""

from __future__ import annotations

import math
import threading

import cv2
import numpy as np
import pytest
import torch
from tiny_diffusion import STATE, TOP, WRIST, make_diffusion

from pam_ros.attention.attribution import Target
from pam_ros.attention.contribution import Before, ContributionRequest
from pam_ros.attention.look import Look
from pam_ros.policy import PolicyError, load_policy
from pam_ros.policy.abilities import Contributing, GradientExplaining, LackingMethods

CAMERAS = {TOP: (64, 96), WRIST: (64, 96)}
JOINTS = ("a", "b", "c", "d")


def smooth(reference, seed):
    """Pictures without noise: of random weights the ResNet answers to that wildly."""
    observation = reference.observation(np.random.default_rng(seed))
    for camera in CAMERAS:
        blurred = cv2.GaussianBlur(observation[camera], (0, 0), 12).astype(np.float32)
        low, high = blurred.min(), blurred.max()
        observation[camera] = (255 * (blurred - low) / (high - low)).astype(np.uint8)
    return observation


def load(tmp_path, **options):
    reference = make_diffusion(CAMERAS, **options)
    policy = load_policy(reference.save(tmp_path / "policy"), device="cpu")
    policy.observe(smooth(reference, 0))
    observation = smooth(reference, 1)
    return policy, observation, policy.step(observation)


@pytest.fixture
def stepped(tmp_path):
    return load(tmp_path, environment=3)


def test_it_has_both_abilities(stepped):
    policy, _, _ = stepped
    assert isinstance(policy, Contributing) and isinstance(policy, GradientExplaining)
    assert isinstance(policy, LackingMethods)


@pytest.mark.parametrize("method", ["contribution", "token_contribution"])
@pytest.mark.parametrize("sampler", ["DDIM", "DDPM"])
def test_with_many_points_the_cells_sum_to_what_the_pictures_did(method, sampler, tmp_path):
    policy, observation, output = load(tmp_path, noise_scheduler_type=sampler)
    request = ContributionRequest(method, points=40, also=(Target(1),))
    found = policy.contribute(observation, request, output)
    joint = found.also[0]
    assert abs(found.change) > 1e-2
    assert found.completeness_error < 0.05 * abs(found.change)
    assert joint.completeness_error < 0.1 * max(abs(joint.change), 0.2)
    assert (joint.target, joint.unit) == ("1", "action")
    values = found.images if method == "contribution" else found.cells
    total = sum(one.sum(dtype=np.float64) for one in values.values())
    assert total == pytest.approx(found.total, rel=1e-4)


def test_the_change_is_that_of_passes_at_the_same_noise(stepped):
    policy, observation, output = stepped
    request = ContributionRequest(target=Target(1, 2), baseline="black")
    found = policy.contribute(observation, request, output)
    black = {
        name: np.zeros_like(value) if name in CAMERAS else value
        for name, value in observation.items()
    }
    older = {
        name: np.zeros_like(value) if name in CAMERAS else value
        for name, value in output.history[0].items()
    }
    inputs = policy._preparation.histories([(older, black)], [output.seed])
    without = policy.forward(inputs).chunks[0]
    expected = float(output.chunk[2, 1] - without[2, 1])
    assert found.change == pytest.approx(expected, abs=1e-5)


def test_parts_sum_to_the_change_from_all_inputs_at_their_mean(stepped):
    policy, observation, output = stepped
    request = ContributionRequest(target=Target(0), complete=True, joints=JOINTS)
    found = policy.contribute(observation, request, output)
    assert set(found.parts) == {"joint_state", TOP, WRIST, "environment"}
    mean = {
        TOP: np.full((64, 96, 3), 128, np.uint8),
        WRIST: np.full((64, 96, 3), 128, np.uint8),
        STATE: np.full(4, 0.2, np.float32),
        "observation.environment_state": np.full(3, 0.2, np.float32),
    }
    inputs = policy._preparation.histories([(mean, mean)], [output.seed])
    # The training mean of the pictures is half a grey step off 128.
    inputs = inputs._replace(images=torch.zeros_like(inputs.images))
    start = policy.forward(inputs).chunks[0, :, 0].mean()
    expected = float(output.chunk[:, 0].mean() - start)
    assert sum(found.parts.values()) == pytest.approx(expected, abs=1e-5)
    maps = found.maps(policy.spec.layout, 16)
    assert maps.cameras[0].part_share + maps.cameras[1].part_share < 1
    assert math.isfinite(maps.joint_state_share)


def test_what_moves_nothing_contributes_nothing(tmp_path):
    policy, observation, output = load(tmp_path, crop_shape=(40, 64))
    found = policy.contribute(observation, ContributionRequest(), output)
    values = found.images[TOP]
    assert not values[:12].any() and not values[:, :16].any()
    assert not values[52:].any() and not values[:, 80:].any()
    assert values[12:52, 16:80].any()


def test_it_watches_and_changes_nothing(stepped):
    policy, observation, output = stepped
    before = torch.random.get_rng_state()
    policy.show(Look("spatial_softmax", 0))
    policy.contribute(observation, ContributionRequest(complete=True), output)
    policy.attribute(observation, "input_gradients")
    assert torch.equal(torch.random.get_rng_state(), before)
    after = [policy.pop_action().action for _ in range(policy.queued)]
    np.testing.assert_array_equal(np.stack(after), output.chunk[1:5])
    assert all(parameter.grad is None for parameter in policy.model.parameters())


def test_another_thread_contributes_while_this_one_steps(stepped, tmp_path):
    policy, observation, output = stepped
    expected = policy.contribute(observation, ContributionRequest(), output)
    found = []
    done = threading.Event()

    def explain():
        found.extend(policy.contribute(observation, ContributionRequest(), output) for _ in "abc")
        done.set()

    thread = threading.Thread(target=explain)
    thread.start()
    policy.show(Look("spatial_softmax", 0))
    chunks = []
    while not done.is_set() or not chunks:
        chunks.append(policy.explain(observation))
    thread.join()
    for one in found:
        np.testing.assert_allclose(one.images[TOP], expected.images[TOP], atol=1e-7)
    assert all(one.weights["spatial_softmax", 0, 0].shape == (6, 1, 12) for one in chunks)


def test_what_is_new_in_the_plan_is_a_target(stepped):
    policy, observation, output = stepped
    request = ContributionRequest(target=Target(change=True))
    missing = policy.contribute(observation, request, output)
    assert missing.target == "chunk" and "needs an earlier tick" in missing.reason
    before = Before(output.chunk[::-1].copy(), 2)
    found = policy.contribute(
        observation,
        ContributionRequest(target=Target(change=True), points=40, before=before),
        output,
    )
    assert found.target == "change"
    assert found.completeness_error < 0.05 * max(abs(found.change), 0.2)


def test_the_running_baseline_begins_with_blur(stepped):
    policy, observation, output = stepped
    request = ContributionRequest(baseline="running", episode=3)
    found = policy.contribute(observation, request, output)
    assert found.baseline == "blur" and "needs 10 pictures" in found.reason
    for _ in range(9):
        found = policy.contribute(observation, request, output)
    assert (found.baseline, found.reason) == ("running", "")
    assert found.total == pytest.approx(0, abs=1e-5)  # they were all the same


def test_mean_tokens_are_those_of_the_cells_and_are_compared_with(stepped):
    policy, observation, output = stepped
    means = policy.mean_tokens([observation, observation])
    first = policy.spec.layout.cameras[0].start
    alone = policy.forward(policy.prepare([observation])).tokens[0, first:]
    np.testing.assert_allclose(means, alone, atol=1e-5)
    assert policy.tokens_compared_with == "running"
    policy.compare_with(means)
    found = policy.contribute(observation, ContributionRequest("token_contribution"), output)
    assert (found.baseline, policy.tokens_compared_with) == ("fitted", "fitted")
    with pytest.raises(PolicyError, match="mean tokens of shape"):
        policy.compare_with(means[1:])


def test_integrated_gradients_sum_to_the_change(stepped):
    policy, observation, _ = stepped
    found = policy.attribute(observation, "integrated_gradients", steps=40)
    assert found.completeness_error < 0.05 * abs(found.change)
    assert found.cells[TOP].shape == (2, 3)
    maps = found.maps(policy.spec.layout)
    assert sum(camera.share for camera in maps.cameras) == pytest.approx(1, abs=1e-5)


def test_input_gradients_are_those_of_finite_differences(stepped):
    policy, observation, _ = stepped
    found = policy.attribute(observation, "input_gradients", target=Target(2, 3))
    prepared = policy.prepare([observation])
    step = 1e-2
    for joint in range(4):
        ends = []
        for sign in (1, -1):
            state = prepared.state.clone()
            state[:, :, joint] += sign * step  # of both observations of the history
            ends.append(policy.forward(prepared._replace(state=state)).normalised[0, 3, 2])
        assert found.state[joint] == pytest.approx((ends[0] - ends[1]) / (2 * step), abs=2e-3)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda p, o: p.attribute(o, "grad_cam"), "gives no Grad-CAM, whose weights are 0"),
        (lambda p, o: p.attribute(o, "gradients"), "method 'gradients' is unknown"),
        (lambda p, o: p.attribute(o, "input_gradients", baseline="grey"), "baseline 'grey' is un"),
        (lambda p, o: p.attribute(o, "input_gradients", target=Target(9)), "joint 9 is out of ra"),
        (lambda p, o: p.contribute(o, ContributionRequest(cell=400)), "cell 400 is larger than"),
        (lambda p, o: p.contribute(o, ContributionRequest(baseline="x")), "baseline 'x' is unkn"),
    ],
)
def test_what_it_does_not_have_is_refused(stepped, call, said):
    policy, observation, _ = stepped
    with pytest.raises(PolicyError, match=said):
        call(policy, observation)


def test_a_policy_without_cameras_has_none_and_says_so(tmp_path):
    reference = make_diffusion({}, environment=3)
    policy = load_policy(reference.save(tmp_path / "policy"), device="cpu")
    assert "reads no camera" in policy.why_no_contribution(ContributionRequest())
    with pytest.raises(PolicyError, match="reads no camera"):
        policy.attribute(reference.observation(np.random.default_rng(0)), "input_gradients")
