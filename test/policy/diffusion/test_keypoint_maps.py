# SPDX-License-Identifier: Apache-2.0
"""The maps are the softmax whose mean places are what lerobot's action part is given."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from tiny_diffusion import STATE, TOP, TWO, WRIST, make_diffusion

from pam_ros.attention.errors import AttentionError
from pam_ros.attention.look import Look
from pam_ros.attention.maps import NO_STEP
from pam_ros.attention.selection import has_attention, make_selection, methods_of
from pam_ros.policy import Policy, PolicyError, load_policy
from pam_ros.policy.abilities import (
    Batching,
    ExplainingLater,
    LookingAhead,
    NoiseHolding,
    Observing,
    TokenEditing,
)

CAMERAS = {TOP: (96, 160), WRIST: (96, 160)}
ROWS, COLS, KEYPOINTS = 3, 5, 6


def load(tmp_path, **options):
    reference = make_diffusion(CAMERAS, **options)
    return reference, load_policy(reference.save(tmp_path / "policy"), device="cpu")


@pytest.fixture
def both(tmp_path):
    return load(tmp_path)


def shown(policy, head="mean"):
    selection = make_selection("spatial_softmax", -1, head, "mean", policy.spec)
    selection.apply_to(policy)
    return selection


def test_what_it_is(both):
    _, policy = both
    spec = policy.spec
    for ability in (Policy, Batching, TokenEditing, Observing, NoiseHolding, ExplainingLater):
        assert isinstance(policy, ability)
    assert not isinstance(policy, LookingAhead)
    assert [group.kind for group in spec.groups] == ["joint_state", "image", "image"]
    assert (spec.history, spec.stochastic, spec.denoising_steps) == (2, True, 3)
    assert (spec.chunk_size, spec.n_action_steps) == (7, 5)
    assert methods_of(spec) == ("spatial_softmax",)
    assert not has_attention(spec)


@pytest.mark.parametrize("separate", [False, True])
def test_the_mean_place_of_each_map_is_the_keypoint_that_lerobot_computes(separate, tmp_path):
    reference, policy = load(tmp_path, use_separate_rgb_encoder_per_camera=separate)
    shown(policy)
    rng = np.random.default_rng(0)
    policy.observe(reference.observation(rng))
    observation = reference.observation(rng)
    maps = policy.explain(observation).weights["spatial_softmax", 0, 0]
    assert maps.shape == (KEYPOINTS, 1, 2 * ROWS * COLS)
    np.testing.assert_allclose(maps.sum(axis=-1), 1, atol=1e-6)
    batch = reference.batch(observation)
    model = reference.policy.diffusion
    for index, camera in enumerate((TOP, WRIST)):
        encoder = model.rgb_encoder[index] if separate else model.rgb_encoder
        with torch.inference_mode():
            places = encoder.pool(encoder.backbone(batch[camera]))[0]  # (K, 2), x and y in -1..1
        cells = 2 * maps[:, 0].reshape(KEYPOINTS, 2, ROWS, COLS)[:, index]
        x = cells.sum(axis=1) @ np.linspace(-1, 1, COLS)
        y = cells.sum(axis=2) @ np.linspace(-1, 1, ROWS)
        np.testing.assert_allclose(np.stack([x, y], axis=1), places, atol=1e-5)
        assert np.abs(cells - 1 / (ROWS * COLS)).max() > 0.02


def test_cameras_have_equal_shares_and_no_group_has_any(both):
    reference, policy = both
    observation = reference.observation(np.random.default_rng(1))
    selection = shown(policy, "4")
    output = policy.explain(observation)
    maps = selection.maps(output, policy.spec)
    mass = output.weights["spatial_softmax", 0, 0]
    assert (maps.method, maps.layer, maps.head, maps.query) == (
        "spatial_softmax", "rgb_encoder.pool", "4", "0",
    )  # fmt: skip
    np.testing.assert_allclose(maps.cameras[1].cells.ravel(), mass[4, 0, ROWS * COLS :], rtol=1e-6)
    assert [camera.share for camera in maps.cameras] == pytest.approx([0.5, 0.5])
    assert (maps.total, maps.denoising_step) == (pytest.approx(1), NO_STEP)
    assert len(maps.head_entropy) == KEYPOINTS
    for share in (maps.joint_state_share, maps.groups[0].share, maps.latent_share):
        assert math.isnan(share)


def test_maps_are_of_the_newest_observation_whatever_noise_is_drawn(both):
    reference, policy = both
    rng = np.random.default_rng(2)
    first, second = reference.observation(rng), reference.observation(rng)
    selection = shown(policy)
    alone = selection.maps(policy.explain(second), policy.spec)
    policy.reset()
    policy.observe(first)
    after = selection.maps(policy.explain(second), policy.spec)
    np.testing.assert_allclose(after.cameras[0].cells, alone.cameras[0].cells, atol=1e-6)
    result = policy.forward(policy.prepare([first, second]), looks=[selection.look])
    batched = {key: weights[1] for key, weights in result.weights.items()}
    found = selection.maps_of(batched, policy.spec)
    np.testing.assert_allclose(found.cameras[1].cells, alone.cameras[1].cells, atol=1e-6)


def test_nothing_is_kept_that_no_look_names(both):
    reference, policy = both
    assert policy.explain(reference.observation(np.random.default_rng(0))).weights == {}


@pytest.mark.parametrize(
    ("look", "said"),
    [
        (Look("decoder", 0), r"no attention stack 'decoder' .* has spatial_softmax \(spatial, 1"),
        (Look("spatial_softmax", 1), "layer 1 of spatial_softmax is out of range"),
        (Look("spatial_softmax", 0, head=6), "head 6 of spatial_softmax is out of range"),
    ],
)
def test_a_look_that_it_does_not_have_is_refused(both, look, said):
    with pytest.raises(PolicyError, match=said):
        both[1].show(look)


@pytest.mark.parametrize("method", ["rollout", "cross_attention", "joint_attention"])
def test_attention_is_refused_with_what_there_is(both, method):
    with pytest.raises(AttentionError, match=r"this policy has no .*; use spatial_softmax"):
        make_selection(method, -1, "mean", "mean", both[1].spec)


def test_tokens_are_the_cells_that_the_softmax_reads_and_the_state(both):
    reference, policy = both
    observation = reference.observation(np.random.default_rng(3))
    tokens = policy.explain(observation).tokens
    batch = reference.batch(observation)
    with torch.inference_mode():
        features = reference.policy.diffusion.rgb_encoder.backbone(batch[WRIST])[0]
    assert tokens.shape == (1 + 2 * ROWS * COLS, 512)
    known = features.flatten(1).T.numpy()
    np.testing.assert_allclose(tokens[1 + ROWS * COLS :], known, rtol=1e-5, atol=3e-5)
    np.testing.assert_array_equal(tokens[0, :4], batch[STATE][0])
    assert not tokens[0, 4:].any()


@pytest.mark.parametrize("separate", [False, True])
def test_an_edit_reaches_the_actions_and_one_that_changes_nothing_does_not(separate, tmp_path):
    options = {"use_separate_rgb_encoder_per_camera": separate, "environment": 3}
    reference, policy = load(tmp_path, **options)
    rng = np.random.default_rng(4)
    prepared = policy.prepare([reference.observation(rng), reference.observation(rng)])
    plain = policy.forward(prepared)
    same = policy.forward(prepared, edit=lambda tokens: tokens.clone())
    np.testing.assert_allclose(same.chunks, plain.chunks, atol=1e-5)
    np.testing.assert_array_equal(same.tokens, plain.tokens)
    for part in (slice(0, 1), slice(1, 2), slice(2, 2 + ROWS * COLS), slice(-1, None)):

        def edit(tokens, part=part):
            tokens = tokens.clone()
            tokens[:, part] = 3 * torch.roll(tokens[:, part], 1, dims=-1)
            return tokens

        edited = policy.forward(prepared, edit=edit)
        assert np.abs(edited.chunks - plain.chunks).max() > 1e-4
        np.testing.assert_allclose(
            edited.tokens, edit(torch.from_numpy(plain.tokens.copy())).numpy()
        )
    with pytest.raises(PolicyError, match="must keep"):
        policy.forward(prepared, edit=lambda tokens: tokens[:, 1:])


def test_an_edit_of_later_steps_is_of_every_observation_of_the_history(both):
    reference, policy = both
    rng = np.random.default_rng(5)
    seen = []
    policy.edit_tokens(lambda tokens: (seen.append(tokens.shape), 0 * tokens)[1])
    policy.observe(reference.observation(rng))
    output = policy.step(reference.observation(rng))
    assert seen == [(2, 1 + 2 * ROWS * COLS, 512)]
    assert output.edited and not output.tokens.any()


def test_a_pass_that_runs_later_is_that_of_its_moment(both):
    reference, policy = both
    rng = np.random.default_rng(6)
    observations = [reference.observation(rng) for _ in range(3)]
    for one in observations[:2]:
        policy.explain(one)
    expected = policy.explain(observations[2])
    policy.reset()
    policy.draw_as(0, 0)
    policy.explain_later(observations[0])
    policy.explain_later(observations[1])  # never run, and seen all the same
    late = policy.explain_later(observations[2])
    policy.explain(observations[0])
    policy.reset()
    found = late()
    np.testing.assert_array_equal(found.chunk, expected.chunk)
    assert (found.step, found.chunk_executed) == (2, False)


def test_held_noise_is_that_of_the_observation_for_all(both):
    reference, policy = both
    rng = np.random.default_rng(7)
    first, second = reference.observation(rng), reference.observation(rng)
    own = policy.forward(policy.prepare([first, second])).chunks
    policy.hold_noise(first)
    held = policy.forward(policy.prepare([first, second])).chunks
    np.testing.assert_array_equal(held[0], own[0])
    assert np.abs(held[1] - own[1]).max() > 1e-3
    np.testing.assert_allclose(policy.explain(second).chunk, held[1], atol=1e-5)
    policy.hold_noise(None)
    np.testing.assert_array_equal(policy.forward(policy.prepare([first, second])).chunks, own)


def test_two_cameras_of_the_default_size_have_one_token_a_cell(tmp_path):
    policy = load_policy(make_diffusion(TWO).save(tmp_path / "policy"), device="cpu")
    assert policy.spec.layout.size == 1 + 2 * 2 * 3
