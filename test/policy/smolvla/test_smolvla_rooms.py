# SPDX-License-Identifier: Apache-2.0
"""Rooms that know nothing of SmolVLA take it: ticks, ablation, faithfulness, sparse features."""

import numpy as np
import pytest
import torch

from pam_ros.ablation.passes import Passes, Question
from pam_ros.attention.selection import make_selection, methods_of, stack_of
from pam_ros.faithfulness.methods import maps_of, parse
from pam_ros.faithfulness.subject import NOISE_SHARED, Subject
from pam_ros.observations.recorded_tick import RecordedLook
from pam_ros.policy import load_policy
from pam_ros.policy.timing import typical_forward_seconds
from pam_ros.replay.recorded import selection_of
from pam_ros.sae.store.tokens import (
    KIND_CAMERA,
    KIND_LANGUAGE,
    KIND_PADDING,
    parse_sampler,
    token_table,
)

TASK = "reach the red cube"


@pytest.fixture
def policy(saved_smolvla):
    policy = load_policy(saved_smolvla, device="cpu")
    policy.instruct(TASK)
    return policy


@pytest.fixture
def observations(reference):
    theirs = reference()
    return [theirs.observation(np.random.default_rng(k)) for k in range(5)]


def test_a_replay_shows_what_the_recorded_labels_say(policy, observations):
    for method in methods_of(policy.spec):
        stack = stack_of(method, policy.spec)
        for layer in range(stack.layers):
            steps = ("last",) if method == "encoder_attention" else ("0", "2", "mean")
            for step in steps:
                chosen = make_selection(method, layer, "1", "2:4", policy.spec, step)
                chosen.apply_to(policy)
                maps = chosen.maps(policy.explain(observations[0]), policy.spec)
                shown = (maps.method, maps.layer, maps.head, maps.query)
                recorded = selection_of(RecordedLook(*shown, step), policy)
                recorded.apply_to(policy)
                again = recorded.maps(policy.explain(observations[0]), policy.spec)
                assert (again.layer, again.head, again.query) == shown[1:]
                assert again.denoising_step == maps.denoising_step
                assert recorded.look.steps(stack, 3) == chosen.look.steps(stack, 3)


def test_it_is_timed_and_begins_anew(policy):
    assert typical_forward_seconds(policy, passes=1) > 0
    assert (policy.queued, policy.instruction) == (0, TASK)


def test_ablation_asks_it_for_other_words_and_for_none(policy, observations):
    passes = Passes(policy)
    assert passes.noise_is_common
    assert passes.can_instruct
    assert passes.why_no_words("") == ""
    one = observations[0]
    questions = [Question((one,), words, one) for words in (TASK, "put the block in the bowl", "")]
    found = passes.chunks([*questions, passes.other_noise((one,), observations[1])])
    differences = np.abs(found - found[0]).max(axis=(1, 2))
    assert differences[0] == 0
    assert (differences[1:] > 1e-4).all()
    assert policy.instruction == TASK


def test_faithfulness_measures_its_views_with_common_noise(policy, observations):
    names = "cross_attention:1,joint_attention:0,rollout,token_contribution"
    methods = parse(names, policy.spec)
    subject = Subject(policy, methods)
    assert subject.noise == NOISE_SHARED
    assert subject.chunks(observations).shape == (5, 12, 3)
    maps = maps_of(policy, observations[0], methods)
    assert [len(found.cameras) for found in maps.values()] == [2] * 4
    values = subject.values(observations[0])
    assert all(np.isfinite(found).all() and found.sum() > 0 for found in values.values())


def test_its_methods_are_those_of_its_stacks(policy):
    assert methods_of(policy.spec) == (
        "cross_attention", "encoder_attention", "rollout", "joint_attention",
    )  # fmt: skip
    shown = make_selection("rollout", -1, "mean", "mean", policy.spec)
    assert (shown.look.stack, shown.look.through) == ("expert", "prefix")


def test_sparse_features_take_its_tokens(policy, observations):
    table = token_table(policy.spec.layout)
    assert (table.kind == KIND_CAMERA).sum() == 2 * 12
    assert (table.kind == KIND_LANGUAGE).sum() == len(
        policy.spec.layout.of_kind("language")[0].labels
    )
    assert (table.kind == KIND_PADDING).sum() >= 2 * 4
    tokens = policy.explain(observations[0]).tokens
    rows, kept = parse_sampler("uniform(8, seed=0)").sample(tokens, table)
    assert (kept.kind == KIND_CAMERA).sum() == 8
    assert np.abs(rows[kept.kind == KIND_CAMERA]).min(axis=1).max() > 0
    # A feature of a cell that is taken away reaches the actions.
    prepared = policy.prepare(observations[:1])

    def without(tokens: torch.Tensor) -> torch.Tensor:
        edited = tokens.clone()
        edited[:, torch.from_numpy(table.kind == KIND_CAMERA)] = 0
        return edited

    plain = policy.forward(prepared).normalised
    assert np.abs(policy.forward(prepared, edit=without).normalised - plain).max() > 1e-5
