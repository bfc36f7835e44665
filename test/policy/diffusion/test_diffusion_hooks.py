# SPDX-License-Identifier: Apache-2.0
"""Diffusion Policy's activations, at noise that stays the same; it has no heads."""

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
from tiny_diffusion import TWO, make_diffusion

from pam_ros.policy import PolicyError, load_policy


@pytest.fixture(scope="module", params=[False, True], ids=["shared", "separate"])
def reference(request):
    return make_diffusion(TWO, use_separate_rgb_encoder_per_camera=request.param)


@pytest.fixture(scope="module")
def policy(reference, tmp_path_factory):
    return load_policy(reference.save(tmp_path_factory.mktemp("hooks") / "policy"), device="cpu")


def test_every_point_is_read_patched_and_matters(policy, reference):
    one, other = (reference.observation(np.random.default_rng(seed)) for seed in (0, 1))
    check_points(policy, one, other)
    check_sentences(policy, one)
    check_every_point_matters(policy, one, list(policy.hook_points))


def test_the_conditioning_is_all_of_the_observation(policy, reference):
    one, other = (reference.observation(np.random.default_rng(seed)) for seed in (0, 1))
    found = policy.activation_patching(one, other, ["conditioning", "backbone.top"])
    assert found["conditioning"] == pytest.approx(1, abs=1e-4)
    assert abs(found["backbone.top"]) < 1


def test_a_cameras_feature_map_is_its_own(policy, reference):
    """Black pictures of one camera leave the map of the other as it was."""
    one = reference.observation(np.random.default_rng(0))
    blind = {**one, "observation.images.top": np.zeros_like(one["observation.images.top"])}
    maps = [policy.run_with_cache(each, "backbone.*")[1] for each in (one, blind)]
    assert torch.equal(maps[0]["backbone.wrist"], maps[1]["backbone.wrist"])
    assert not torch.equal(maps[0]["backbone.top"], maps[1]["backbone.top"])


def test_noise_is_of_a_single_observation_whatever_the_index(policy, reference):
    one, other = (reference.observation(np.random.default_rng(seed)) for seed in (0, 1))
    batch = {name: np.stack([other[name], one[name]]) for name in one}
    expected = policy.run_with_hooks(one, noise_of=other)
    found = policy.run_with_hooks(batch, index=1, noise_of=other)
    np.testing.assert_array_equal(found, expected)
    own = policy.run_with_hooks(batch, index=1, noise_of=batch)
    np.testing.assert_array_equal(own, policy.run_with_hooks(one))


def test_there_are_no_heads(policy):
    with (
        pytest.raises(PolicyError, match="has no attention, and so no heads to ablate"),
        policy.heads_ablated({"unet.down.0": [0]}),
    ):
        pass


def test_hooks_on_one_point_do_not_replace_each_other(policy, reference):
    check_two_hooks_on_one_point(policy, reference.observation(np.random.default_rng(0)))


def test_activations_are_ones_own(policy, reference):
    check_activations_are_ones_own(
        policy, reference.observation(np.random.default_rng(0)), "conditioning"
    )


def test_contributions_are_made_of_the_policy_without_hooks(reference, tmp_path):
    fresh = load_policy(reference.save(tmp_path / "policy"), device="cpu")
    check_contributions_have_no_hooks(fresh, reference.observation(np.random.default_rng(0)))
