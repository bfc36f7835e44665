# SPDX-License-Identifier: Apache-2.0
"""SmolVLA's activations: lerobot's pass to the bit, in every denoising step."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hook_checks import (
    check_activations_are_ones_own,
    check_contributions_have_no_hooks,
    check_every_point_matters,
    check_points,
    check_sentences,
    check_two_hooks_on_one_point,
)

from pam_ros.attention.look import Look
from pam_ros.policy import load_policy

TASK = "reach the red cube"


@pytest.fixture(scope="module")
def policy(saved_smolvla):
    policy = load_policy(saved_smolvla, device="cpu", seed=5)
    policy.instruct(TASK)
    return policy


@pytest.fixture(scope="module")
def observations(reference):
    theirs = reference()
    return [theirs.observation(np.random.default_rng(seed)) for seed in (0, 1)]


def test_every_point_is_read_patched_and_matters(policy, observations):
    check_points(policy, *observations)
    check_sentences(policy, observations[0])
    # The last prefix layer's output goes nowhere: its keys alone are read.
    last = max(int(name.split(".")[1]) for name in policy.hook_points if "prefix" in name)
    names = [name for name in policy.hook_points if not name.startswith(f"prefix.{last}.")]
    check_every_point_matters(policy, observations[0], names)


def test_hooks_that_read_give_lerobots_chunk_to_the_bit(policy, reference, observations):
    theirs = reference()
    prepared = policy.prepare([observations[0]])
    with torch.inference_mode():
        batch = theirs.batch(observations[0], TASK)
        expected = theirs.policy.predict_action_chunk(batch, noise=prepared.noise)
    for names in ([], list(policy.hook_points)):
        with policy.hooks([(name, lambda a, here: None) for name in names]):
            found = policy.forward(prepared).normalised
        assert torch.equal(torch.tensor(found), expected)


def test_patterns_are_the_weights_of_the_taps(policy, observations):
    looks = [Look(stack.name, 0, denoising_step=None) for stack in policy.spec.stacks]
    passed = policy.forward(policy.prepare([observations[0]]), looks=looks)
    _, cache = policy.run_with_cache(observations[0], "expert.*.pattern")
    for stack in policy.spec.stacks:
        if stack.kind == "self":
            continue
        name = f"expert.{stack.label(0).split('layers.')[1].split('.')[0]}.attn.pattern"
        for step in range(policy.spec.denoising_steps):
            mass = torch.tensor(passed.weights[stack.name, 0, step]).sum(-1)
            kept = cache.at(name, step)
            assert kept.shape[1:3] == mass.shape[1:]
            torch.testing.assert_close(kept.sum(-1), torch.ones_like(mass))
            # The taps' keys are in the spec's order: what each row reads most of is the same.
            most = torch.tensor(passed.weights[stack.name, 0, step]).amax(-1)
            torch.testing.assert_close(kept.amax(-1), most, atol=1e-6, rtol=1e-5)


def test_another_instruction_can_be_patched_away(policy, observations):
    """Two instructions of as many words: at the last prefix layer's input all of them is gone."""
    words = ("reach the red cube", "reach the blue cube")
    found = policy.activation_patching(
        observations[0], observations[0], ["prefix.0.*", "expert.*.attn"], instructions=words
    )
    assert policy.instruction == TASK
    assert any(abs(value) > 1e-3 for value in found.recovered.values())


def test_a_head_is_ablated_in_every_step(policy, observations):
    steps = []
    hook = (
        "expert.0.attn.heads",
        lambda a, here: steps.append((here.step, float(a[:, 1].abs().max()))),
    )
    with policy.heads_ablated({"expert.0.attn": [1]}), policy.hooks([hook]):
        policy.step(observations[0])
    assert steps == [(step, 0.0) for step in range(policy.spec.denoising_steps)]


def test_words_for_one_look_do_not_stay(policy, observations):
    found = policy.look(observations[0], "cross_attention", instruction="reach the blue cube")
    assert found.instruction == "reach the blue cube"
    assert "blue" in found.words
    assert policy.instruction == TASK
    item = {**observations[0], "task": "reach the green cylinder"}
    assert policy.look(item, "cross_attention").instruction == "reach the green cylinder"
    assert policy.look(observations[0], "cross_attention").instruction == TASK


def test_hooks_on_one_point_do_not_replace_each_other(policy, observations):
    check_two_hooks_on_one_point(policy, observations[0])


def test_activations_are_ones_own(policy, observations):
    check_activations_are_ones_own(policy, observations[0], "expert.0.attn")


def test_contributions_are_made_of_the_policy_without_hooks(saved_smolvla, observations):
    fresh = load_policy(saved_smolvla, device="cpu", seed=5)
    fresh.instruct(TASK)
    check_contributions_have_no_hooks(fresh, observations[0])


def test_a_look_shows_the_weights_that_were_used(policy, observations):
    """In a stack of cross-attention, a pattern that reads the first key alone."""
    stack = policy.spec.stack("expert")
    look = Look(stack.name, 0, denoising_step=None)
    name = f"expert.{stack.depths[0]}.attn.pattern"

    def first_alone(pattern, here):
        new = torch.zeros_like(pattern)
        new[..., 0] = 1
        return new

    with policy.hooks([(name, first_alone)]):
        found = policy.forward(policy.prepare([observations[0]]), looks=[look]).weights
    for step in range(policy.spec.denoising_steps):
        weights = found[stack.name, 0, step]
        np.testing.assert_array_equal(np.sort(weights, axis=-1)[..., -1], 1)
        assert len(np.unique(weights.argmax(-1))) == 1
