# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch
from planted_tokens import make_store

from pam_ros.sae.arch.model import SaeConfig
from pam_ros.sae.arch.relu import ReluSAE
from pam_ros.sae.arch.topk import TopKSAE
from pam_ros.sae.errors import SaeError
from pam_ros.sae.evaluate.measures import measure, principal
from pam_ros.sae.provenance import Provenance
from pam_ros.sae.store.stats import Moments, store_stats, stores_stats

WIDTH, POSITIONS = 6, 10


def ticks(frames: int, seed: int) -> np.ndarray:
    """Tokens that differ by position, and within it in few directions."""
    rng = np.random.default_rng(seed)
    position = 3 * np.random.default_rng(0).normal(size=(POSITIONS, WIDTH))
    basis = np.random.default_rng(1).normal(size=(2, WIDTH))
    return position + rng.normal(size=(frames, POSITIONS, 2)) @ basis + 5.0


def random_sae(features: int = 20, **changes) -> TopKSAE:
    torch.manual_seed(0)
    weights = {
        "W_enc": torch.randn(WIDTH, features),
        "b_enc": torch.zeros(features),
        "W_dec": torch.nn.functional.normalize(torch.randn(features, WIDTH), dim=1),
        "b_dec": torch.full((WIDTH,), 5.0),
    }
    return TopKSAE(SaeConfig("topk", WIDTH, features, 3, **changes), weights)


def flat(store) -> np.ndarray:
    return np.concatenate([store.read(i).tokens for i in range(len(store.shards))]).astype(float)


def test_measures_follow_their_formula(tmp_path):
    training = make_store(tmp_path / "training", ticks(200, 2))
    held_out = make_store(tmp_path / "held_out", ticks(90, 3), shard_rows=130)
    sae = random_sae()
    sae.stats = store_stats(training)
    found = measure(sae, [held_out])
    x = flat(held_out)
    code = sae.encode(torch.from_numpy(x).float())
    error = np.square(x - sae.decode(code).numpy().astype(float)).sum()
    position = x.reshape(90, POSITIONS, WIDTH).mean(axis=0)
    per_position = np.square(x.reshape(90, POSITIONS, WIDTH) - position).sum()
    assert found.tokens == 900
    assert found.frames == 90
    assert found.sae.l0 == pytest.approx(float((code > 0).sum()) / 900)
    assert found.sae.mean_squared_error == pytest.approx(error / x.size, rel=1e-4)
    total = np.square(x - x.mean(axis=0)).sum()
    assert found.sae.explained_variance == pytest.approx(1 - error / total, abs=1e-4)
    about_position = 1 - error / per_position
    assert found.sae.explained_variance_about_position == pytest.approx(about_position, rel=1e-3)
    assert found.dead_share == pytest.approx(1 - float((code > 0).any(dim=0).float().mean()))


def test_pca_is_that_of_the_training_tokens(tmp_path):
    training = make_store(tmp_path / "training", ticks(200, 2))
    held_out = make_store(tmp_path / "held_out", ticks(90, 3))
    sae = random_sae()
    sae.stats = store_stats(training)
    found = measure(sae, [held_out]).pca
    assert found.l0 == 3
    old, new = flat(training), flat(held_out)
    _, _, components = np.linalg.svd(old - old.mean(axis=0), full_matrices=False)
    centred = new - old.mean(axis=0)
    error = np.square(centred - centred @ components[:3].T @ components[:3]).sum()
    total = np.square(new - new.mean(axis=0)).sum()
    assert found.explained_variance == pytest.approx(1 - error / total, abs=1e-5)
    assert found.mean_squared_error == pytest.approx(error / new.size, rel=1e-3)
    ours = np.abs(principal(sae.stats, 3).components @ components[:3].T)
    assert np.allclose(ours, np.eye(3), atol=1e-3)


def test_a_constant_answer_explains_nothing_about_its_own_mean(tmp_path):
    """The reference's R2 gave such a predictor 0.99."""
    held_out = make_store(tmp_path / "held_out", ticks(90, 3) + np.arange(WIDTH) * 20)
    mean = torch.from_numpy(flat(held_out).mean(axis=0)).float()
    weights = {
        "W_enc": torch.zeros(WIDTH, 4),
        "b_enc": torch.full((4,), -1.0),
        "W_dec": torch.eye(4, WIDTH),
        "b_dec": mean,
    }
    found = measure(ReluSAE(SaeConfig("standard", WIDTH, 4), weights), [held_out])
    assert found.sae.explained_variance == pytest.approx(0, abs=1e-4)
    assert found.sae.explained_variance_about_position < -1
    assert (found.sae.l0, found.dead_share) == (0, 1)


def test_a_perfect_answer_explains_all(tmp_path):
    held_out = make_store(tmp_path / "held_out", np.abs(ticks(20, 3)))
    weights = {
        "W_enc": torch.eye(WIDTH),
        "b_enc": torch.zeros(WIDTH),
        "W_dec": torch.eye(WIDTH),
        "b_dec": torch.zeros(WIDTH),
    }
    found = measure(ReluSAE(SaeConfig("standard", WIDTH, WIDTH), weights), [held_out])
    assert found.sae.explained_variance == pytest.approx(1)
    assert found.sae.explained_variance_about_position == pytest.approx(1)


def test_training_tokens_are_no_held_out_tokens(tmp_path):
    store = make_store(tmp_path / "s", ticks(5, 0), dataset="seeds 1 to 5")
    where = Provenance("demo", "a" * 64, "encoder", "all", "seeds 0 to 0; seeds 1 to 5", "0")
    with pytest.raises(SaeError, match=r"holds what the SAE was trained on \(seeds 1 to 5\)"):
        measure(random_sae(provenance=where), [store])
    blocks = Provenance("demo", "a" * 64, "encoder", "block(2x2)", "x", "0")
    with pytest.raises(SaeError, match=r"sampled by all, but the SAE was trained on block\(2x2\)"):
        measure(random_sae(provenance=blocks), [store])
    other = Provenance("demo", "b" * 64, "encoder", "all", "x", "0")
    with pytest.raises(SaeError, match=f"of policy {'a' * 64}, the SAE of .* {'b' * 64}"):
        measure(random_sae(provenance=other), [store])
    narrow = make_store(tmp_path / "n", np.zeros((5, POSITIONS, 4)))
    with pytest.raises(SaeError, match="has tokens of 4 values, not 6"):
        measure(random_sae(), [narrow])


def test_statistics_of_two_stores_are_those_of_all_their_tokens(tmp_path):
    one = make_store(tmp_path / "one", ticks(30, 1))
    two = make_store(tmp_path / "two", ticks(7, 2) + 2, dataset="more")
    found = stores_stats([one, two])
    x = np.concatenate([flat(one), flat(two)])
    assert found.rows == 370
    assert np.allclose(found.mean, x.mean(axis=0), atol=1e-6)
    assert np.allclose(found.covariance, np.cov(x.T, bias=True), atol=1e-4)
    position = x.reshape(37, POSITIONS, WIDTH).mean(axis=0)
    assert np.allclose(found.position_mean, position, atol=1e-5)
    assert (tmp_path / "one" / "token_stats.safetensors").exists()
    again = stores_stats([one])
    assert np.allclose(again.mean, flat(one).mean(axis=0), atol=1e-6)


def test_moments_keep_their_digits_far_from_zero():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4000, 3)) * 0.01 + 300.0
    moments = Moments(3, 1)
    for part in np.split(x, 8):
        moments.add(part.astype(np.float32), np.zeros(len(part), int))
    wanted = np.cov(x.astype(np.float32).astype(float).T, bias=True)
    assert np.allclose(moments.finish().covariance, wanted, rtol=1e-2, atol=1e-8)
