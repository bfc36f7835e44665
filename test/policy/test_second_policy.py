# SPDX-License-Identifier: Apache-2.0
"""A policy class that pam_ros does not know, through load_policy, the tick loop and the maps."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from pam_ros.attention.errors import AttentionError
from pam_ros.attention.look import Look
from pam_ros.attention.maps import MEAN_OF_STEPS, NO_STEP
from pam_ros.attention.selection import make_selection, methods_of
from pam_ros.faithfulness.methods import maps_of, parse
from pam_ros.faithfulness.subject import Subject
from pam_ros.policy import Policy, PolicyError, load_policy
from pam_ros.policy.abilities import (
    Batching,
    GradientExplaining,
    LookingAhead,
    Observing,
    TokenEditing,
)
from pam_ros.sae.store.tokens import KIND_ACTION, KIND_CAMERA, KIND_LANGUAGE, token_table
from pam_ros.tick.loop import TickLoop

TOP, SIDE, STATE = "observation.images.top", "observation.images.side", "observation.state"
CELLS, WORDS, CHUNK = 4 * 6 + 2 * 3, 5, 6


@pytest.fixture
def policy(second_policy, tmp_path):
    folder = second_policy(tmp_path / "second", {TOP: (64, 96), SIDE: (32, 48)})
    return load_policy(folder, device="cpu")


def observation(seed):
    rng = np.random.default_rng(seed)
    return {
        TOP: rng.integers(0, 256, (64, 96, 3), np.uint8),
        SIDE: rng.integers(0, 256, (32, 48, 3), np.uint8),
        STATE: rng.normal(size=2).astype(np.float32),
    }


def test_it_is_a_policy_that_differs_where_others_will(policy):
    spec = policy.spec
    assert isinstance(policy, Policy)
    assert isinstance(policy, Batching) and isinstance(policy, TokenEditing)
    assert isinstance(policy, Observing)
    assert not isinstance(policy, (LookingAhead, GradientExplaining))
    assert [group.kind for group in spec.groups] == ["image", "image", "language", "action"]
    assert spec.groups[2].labels == ("pick", "up", "the", "red", "cube")
    assert (spec.history, spec.stochastic, spec.denoising_steps) == (2, True, 3)
    assert methods_of(spec) == ("encoder_attention", "rollout", "joint_attention")


def test_what_it_cannot_do_is_refused_at_load(second_policy, tmp_path):
    folder = second_policy(tmp_path / "second", {TOP: (64, 96)})
    with pytest.raises(PolicyError, match="runs eagerly in float32, not openvino"):
        load_policy(folder, device="cpu", engine="openvino")
    with pytest.raises(PolicyError, match="no temporal ensembling"):
        load_policy(folder, device="cpu", temporal_ensemble_coeff=0.01)
    assert load_policy(folder, device="cpu", n_action_steps=2).spec.n_action_steps == 2


def test_a_look_changes_no_action_and_keeps_nothing_else(policy):
    plain = policy.explain(observation(0))
    assert plain.weights == {}
    policy.reset()
    before = torch.random.get_rng_state()
    policy.show(Look("expert", 1, through="prefix"))
    shown = policy.explain(observation(0))
    assert torch.equal(torch.random.get_rng_state(), before)
    np.testing.assert_array_equal(shown.chunk, plain.chunk)
    size = CELLS + WORDS + CHUNK
    assert {key: found.shape for key, found in shown.weights.items()} == {
        ("expert", 1, 2): (2, CHUNK, size),
        ("prefix", 0, 0): (1, CELLS + WORDS, CELLS + WORDS),
        ("prefix", 1, 0): (1, CELLS + WORDS, CELLS + WORDS),
    }
    policy.show(Look("expert", 0, denoising_step=None))
    assert sorted(policy.explain(observation(0)).weights) == [("expert", 0, k) for k in range(3)]


@pytest.mark.parametrize(
    ("look", "said"),
    [
        (
            Look("decoder", 0),
            r"no attention stack 'decoder' .* has expert \(joint, 2 layers\), pre",
        ),
        (Look("expert", 0, through="expert"), r"'expert' for this: it has prefix \(self, 2"),
        (Look("expert", 2), "layer 2 of expert is out of range: it must be from 0 to 1"),
        (Look("expert", 0, head=2), "head 2 of expert is out of range: it must be from 0 to 1"),
        (Look("expert", 0, queries=6), "query 6 of expert is out of range: it must be from 0 to 5"),
        (Look("expert", 0, denoising_step=3), "denoising step 3 of expert is out of range"),
    ],
)
def test_a_look_that_it_does_not_have_is_refused_with_what_there_is(policy, look, said):
    policy.show(Look("expert", 1))
    with pytest.raises(PolicyError, match=said):
        policy.show(look)
    assert list(policy.explain(observation(0)).weights) == [("expert", 1, 2)]


def test_cells_words_and_actions_sum_to_one(policy):
    selection = make_selection("joint_attention", -1, "1", "2:4", policy.spec)
    selection.apply_to(policy)
    output = policy.explain(observation(1))
    maps = selection.maps(output, policy.spec)
    mass = output.weights["expert", 1, 2][1, 2:4].mean(axis=0)
    assert (maps.layer, maps.head, maps.query) == ("expert.layers.1.attn", "1", "mean(2:4)")
    words, actions = maps.groups
    np.testing.assert_allclose(words.mass, mass[CELLS : CELLS + WORDS], rtol=1e-5)
    np.testing.assert_allclose(maps.cameras[0].cells.ravel(), mass[:24], rtol=1e-5)
    everything = sum(camera.share for camera in maps.cameras) + words.share + actions.share
    assert everything == pytest.approx(1, abs=1e-5)
    assert math.isnan(maps.joint_state_share)
    assert maps.denoising_step == 2


def test_the_mean_over_denoising_steps_is_that_of_the_kept_weights(policy):
    from pam_ros.attention.selection import Selection

    selection = Selection("joint_attention", Look("expert", 0, denoising_step=None))
    selection.apply_to(policy)
    output = policy.explain(observation(1))
    found = selection.maps(output, policy.spec)
    kept = [output.weights["expert", 0, step].mean(axis=(0, 1)) for step in range(3)]
    assert np.abs(kept[0] - kept[2]).max() > 1e-4
    assert found.denoising_step == MEAN_OF_STEPS
    np.testing.assert_allclose(found.groups[1].mass, np.mean(kept, axis=0)[-CHUNK:], rtol=1e-4)


@pytest.mark.parametrize("step", ["0", "1", "2", "last", "mean"])
def test_a_step_is_chosen_by_number_or_name(policy, step):
    selection = make_selection("joint_attention", 0, "mean", "mean", policy.spec, step)
    selection.apply_to(policy)
    output = policy.explain(observation(1))
    found = selection.maps(output, policy.spec)
    steps = {"last": [2], "mean": [0, 1, 2]}.get(step) or [int(step)]
    assert sorted(output.weights) == [("expert", 0, number) for number in steps]
    assert found.denoising_step == (MEAN_OF_STEPS if step == "mean" else steps[0])
    kept = [output.weights["expert", 0, number].mean(axis=(0, 1)) for number in steps]
    np.testing.assert_allclose(found.groups[1].mass, np.mean(kept, axis=0)[-CHUNK:], rtol=1e-4)


@pytest.mark.parametrize(
    ("method", "step", "said"),
    [
        (
            "joint_attention",
            "3",
            "'attention_step' has '3': use \"last\", \"mean\", a number from 0",
        ),
        ("joint_attention", "-1", "a number from 0 to 2"),
        ("encoder_attention", "1", "encoder_attention is made once, before the denoising steps"),
        ("encoder_attention", "mean", 'use "last"'),
    ],
)
def test_a_step_that_there_is_not_is_refused(policy, method, step, said):
    with pytest.raises(AttentionError, match=said):
        make_selection(method, 0, "mean", "mean", policy.spec, step)


def test_rollout_carries_the_prefixs_part_back_and_leaves_the_actions(policy):
    selection = make_selection("rollout", -1, "mean", "0", policy.spec)
    selection.apply_to(policy)
    output = policy.explain(observation(2))
    maps = selection.maps(output, policy.spec)
    read = output.weights["expert", 1, 2][:, 0].mean(axis=0).astype(np.float64)
    prefix = read[: CELLS + WORDS]
    for layer in (1, 0):
        prefix = (prefix + prefix @ output.weights["prefix", layer, 0][0]) / 2
    np.testing.assert_allclose(maps.groups[0].mass, prefix[CELLS:], rtol=1e-4)
    np.testing.assert_allclose(maps.groups[1].mass, read[CELLS + WORDS :], rtol=1e-5)
    assert maps.total == pytest.approx(1, abs=1e-5)
    assert maps.layer == "expert.layers.1.attn, prefix.layers.0:2"
    assert maps.denoising_step == 2


def test_what_is_of_no_denoising_step_says_so(policy):
    selection = make_selection("encoder_attention", 0, "mean", "mean", policy.spec)
    selection.apply_to(policy)
    assert selection.maps(policy.explain(observation(2)), policy.spec).denoising_step == NO_STEP


def test_a_method_that_it_lacks_is_refused_with_those_it_has(policy):
    said = "no cross-attention; use encoder_attention, rollout, joint_attention"
    with pytest.raises(AttentionError, match=said):
        make_selection("cross_attention", -1, "mean", "mean", policy.spec)


def test_its_history_includes_ticks_that_run_no_pass(policy):
    loop = TickLoop(policy)
    sent = []

    def tick(seed, seconds_left=0.0):
        act = lambda action, _: bool(sent.append(action) or True)  # noqa: E731
        return loop.run(observation(seed), act, lambda: seconds_left)

    assert tick(0).chunk_executed
    assert [tick(seed).inference_skipped for seed in (1, 2)] == [True, True]
    made = tick(3)  # the queue of three is empty
    assert made.chunk_executed and made.command_source_tick == 3
    policy.reset()
    alone = policy.step(observation(3))
    assert np.abs(alone.chunk - made.output.chunk).max() > 1e-3
    policy.reset()
    policy.observe(observation(2))
    np.testing.assert_array_equal(policy.step(observation(3)).chunk, made.output.chunk)


def test_a_pass_that_runs_later_reads_the_observations_of_its_moment(policy):
    for seed in (0, 1):
        policy.explain(observation(seed))
    expected = policy.explain(observation(2))
    policy.reset()
    policy.explain(observation(0))
    policy.explain_later(observation(1))  # never run, and seen all the same
    late = policy.explain_later(observation(2))
    policy.explain(observation(3))
    policy.reset()
    found = late()
    np.testing.assert_array_equal(found.chunk, expected.chunk)
    assert (found.step, found.chunk_executed) == (2, False)


def test_the_table_of_its_tokens_names_words_and_actions(policy):
    table = token_table(policy.spec.layout)
    kinds = [KIND_CAMERA] * CELLS + [KIND_LANGUAGE] * WORDS + [KIND_ACTION] * CHUNK
    assert table.kind.tolist() == kinds
    assert len(policy.explain(observation(0)).tokens) == len(table)


def test_faithfulness_measures_its_attention_and_says_what_it_lacks(policy):
    methods = parse("attention", policy.spec)
    assert [method.name for method in methods] == [
        "encoder_attention:0", "encoder_attention:1", "joint_attention:0", "joint_attention:1",
        "rollout",
    ]  # fmt: skip
    subject = Subject(policy, methods)
    values = subject.values(observation(0))
    assert {name: row.shape for name, row in values.items()} == {
        method.name: (CELLS,) for method in methods
    }
    assert subject.chunks([observation(0), observation(1)]).shape == (2, CHUNK, 2)
    with pytest.raises(AttentionError, match="gives no gradients"):
        maps_of(policy, observation(0), parse("grad_cam", policy.spec))


def test_an_edit_of_its_tokens_reaches_its_actions(policy):
    prepared = policy.prepare([observation(0), observation(1)])
    plain = policy.forward(prepared)
    edited = policy.forward(prepared, edit=lambda tokens: 1.5 * tokens)
    np.testing.assert_allclose(edited.tokens, 1.5 * plain.tokens, rtol=1e-6)
    assert np.abs(edited.chunks - plain.chunks).max() > 1e-3
    policy.edit_tokens(lambda tokens: 1.5 * tokens)
    np.testing.assert_allclose(policy.step(observation(0)).chunk, edited.chunks[0], atol=1e-6)
