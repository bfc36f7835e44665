# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from planted_episodes import AXES, WIDTH, planted_sae

from pam_ros.sae.edit import ablate, edit_effect, make_edit, remove_direction, scale, steer
from pam_ros.sae.errors import SaeError


@pytest.fixture
def sae(tmp_path):
    return planted_sae(tmp_path / "sae")


@pytest.fixture
def tokens():
    """(2, 5, WIDTH): three features and a part that the SAE, with k of 4, does not model."""
    rng = np.random.default_rng(0)
    codes = np.zeros((2, 5, WIDTH), np.float32)
    codes[..., 2], codes[..., 3] = 3.0, rng.uniform(1, 2, (2, 5))
    codes[..., 8:] = rng.normal(scale=0.05, size=(2, 5, WIDTH - 8))
    return torch.from_numpy(codes @ AXES)


def parts(tokens):
    return tokens.numpy() @ AXES.T


def test_ablation_takes_out_one_feature_and_nothing_else(sae, tokens):
    before, after = parts(tokens), parts(ablate(sae, 2)(tokens))
    np.testing.assert_allclose(after[..., 2], 0, atol=0.01)
    others = np.arange(WIDTH) != 2
    np.testing.assert_allclose(after[..., others], before[..., others], atol=1e-5)


def test_what_the_sae_does_not_model_stays(sae, tokens):
    x = tokens.reshape(-1, WIDTH)
    code = sae.encode(x.half().float())
    changed = code.clone()
    changed[:, [2, 3]] = 0
    expected = x + sae.decode(changed) - sae.decode(code)
    assert float((x - sae.decode(code)).norm()) > 0.1
    np.testing.assert_allclose(ablate(sae, [2, 3])(tokens).reshape(-1, WIDTH), expected, atol=1e-5)


def test_an_edit_that_changes_no_activation_changes_nothing(sae, tokens):
    assert torch.equal(scale(sae, 3, 1.0)(tokens), tokens)
    assert torch.equal(ablate(sae, 0)(tokens), tokens)
    assert torch.equal(steer(sae, 3, 0.0)(tokens), tokens)


def test_scaling_multiplies_the_activation(sae, tokens):
    before, after = parts(tokens), parts(scale(sae, 3, 2.5)(tokens))
    np.testing.assert_allclose(after[..., 3], 2.5 * before[..., 3], rtol=2e-3)


def test_steering_adds_along_the_decoder_even_where_the_feature_is_silent(sae, tokens):
    moved = steer(sae, 11, 4.0)(tokens) - tokens
    np.testing.assert_allclose(moved, np.broadcast_to(4 * AXES[11], moved.shape), atol=1e-5)
    some = steer(sae, 11, 4.0, tokens=[1, 3])(tokens) - tokens
    assert torch.equal(some[:, [0, 2, 4]], torch.zeros(2, 3, WIDTH))
    np.testing.assert_allclose(some[:, [1, 3]], moved[:, [1, 3]])


def test_a_removed_direction_keeps_its_mean(tokens):
    direction = np.random.default_rng(1).normal(size=WIDTH)
    centre = np.random.default_rng(2).normal(size=WIDTH)
    unit = direction / np.linalg.norm(direction)
    after = remove_direction(direction, centre)(tokens).numpy()
    np.testing.assert_allclose(after @ unit, centre @ unit, atol=1e-4)
    gap = after - tokens.numpy()
    np.testing.assert_allclose(gap - (gap @ unit)[..., None] * unit, 0, atol=1e-5)


def test_edits_that_make_no_sense_are_refused(sae):
    with pytest.raises(SaeError, match="no feature 16"):
        ablate(sae, 16)
    with pytest.raises(SaeError, match="finite"):
        steer(sae, 1, float("nan"))
    with pytest.raises(SaeError, match="at least one"):
        ablate(sae, [])
    with pytest.raises(SaeError, match="ablate, scale, steer"):
        make_edit(sae, "remove", 1, 0.0)
    with pytest.raises(SaeError, match="not 0"):
        remove_direction(np.zeros(4), np.zeros(4))
    provenance = replace(sae.cfg.provenance, sampler="block(2x2)")
    sae.cfg = replace(sae.cfg, provenance=provenance)
    with pytest.raises(SaeError, match="means of tokens"):
        ablate(sae, 1)


@pytest.mark.parametrize("mode", ["ablate", "scale", "steer"])
def test_a_mode_by_name_is_the_edit_of_that_name(sae, tokens, mode):
    by_name = make_edit(sae, mode, 3, 1.5)(tokens)
    direct = {"ablate": ablate(sae, 3), "scale": scale(sae, 3, 1.5), "steer": steer(sae, 3, 1.5)}
    assert torch.equal(by_name, direct[mode](tokens))


def test_the_effect_on_the_chunk_is_that_of_two_passes_and_leaves_the_policy_alone(tmp_path):
    from pam_ros.policy import load_policy
    from pam_ros.sae.arch.model import SaeConfig
    from pam_ros.sae.arch.topk import TopKSAE
    from pam_ros.share.folders import share_directory

    policy = load_policy(str(share_directory() / "models" / "demo_act"), "cpu", engine="eager")
    torch.manual_seed(0)
    weights = {
        "W_enc": torch.randn(128, 64),
        "b_enc": torch.zeros(64),
        "W_dec": torch.nn.functional.normalize(torch.randn(64, 128), dim=1),
        "b_dec": torch.zeros(128),
    }
    wide = TopKSAE(SaeConfig("topk", 128, 64, 4), weights)
    rng = np.random.default_rng(0)
    observation = {
        camera.feature: rng.integers(0, 255, (camera.height, camera.width, 3), np.uint8)
        for camera in policy.spec.cameras
    } | {"observation.state": np.zeros(6, np.float32)}
    prepared = policy.prepare([observation])
    edit = steer(wide, 5, 3.0)
    effect = edit_effect(policy, prepared, edit, "encoder")
    policy.edit_tokens(edit)
    edited = policy.explain(observation).chunk
    policy.edit_tokens(None)
    plain = policy.explain(observation).chunk
    np.testing.assert_allclose(effect.change[0], edited - plain, atol=1e-5)
    assert effect.rms > 1e-4
    nothing = edit_effect(policy, prepared, scale(wide, 5, 1.0), "encoder")
    assert nothing.rms == pytest.approx(0.0, abs=1e-6)
