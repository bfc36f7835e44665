# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from planted_episodes import (
    CAMERAS,
    TABLE,
    TICKS,
    arm_in_cells,
    episode,
    episodes_store,
    planted_sae,
)

from pam_ros import cli
from pam_ros.sae.describe import descriptions as describe_module
from pam_ros.sae.describe.descriptions import PHASES, Signals, describe, matches
from pam_ros.sae.describe.file import write_descriptions
from pam_ros.sae.describe.top_frames import TopFrames
from pam_ros.sae.errors import SaeError

SEEDS = range(100, 112)


@pytest.fixture
def sae(tmp_path):
    return planted_sae(tmp_path / "sae")


@pytest.fixture
def codes(sae):
    """(ticks, T, F) of the store's ticks, the plain way."""
    tokens = np.concatenate([episode(seed)[0] for seed in SEEDS])
    flat = torch.from_numpy(tokens.astype(np.float16).astype(np.float32)).reshape(-1, 16)
    return sae.encode(flat).numpy().reshape(len(tokens), len(TABLE), -1)


@pytest.mark.parametrize("rows", [50, 4096])
def test_counts_heat_and_phase_are_those_of_all_ticks_at_once(
    sae, codes, tmp_path, monkeypatch, rows
):
    monkeypatch.setattr(describe_module, "_ROWS_AT_ONCE", rows)
    store = episodes_store(tmp_path / "store", SEEDS)
    assert len(store.shards) > 1
    found = describe(sae, store)
    assert (found.rows, found.ticks) == (codes.shape[0] * codes.shape[1], codes.shape[0])
    on = codes > 0
    np.testing.assert_allclose(found.density, on.mean(axis=(0, 1)))
    np.testing.assert_allclose(found.tick_density, on.any(axis=1).mean(axis=0))
    np.testing.assert_allclose(found.maximum, codes.max(axis=(0, 1)))
    np.testing.assert_allclose(found.heat, codes.mean(axis=0).T, rtol=1e-5, atol=1e-9)
    np.testing.assert_array_equal(found.histogram.sum(axis=1), on.sum(axis=(0, 1)))
    frame = np.tile(np.arange(TICKS), len(SEEDS))
    for part in range(PHASES):
        chosen = (PHASES * frame // TICKS) == part
        np.testing.assert_allclose(
            found.phase[:, part], codes.max(axis=1)[chosen].mean(axis=0), rtol=1e-5, atol=1e-9
        )


def test_planted_features_are_found_where_and_when_they_are(sae, tmp_path):
    store = episodes_store(tmp_path / "store", SEEDS)
    found = describe(sae, store)
    top, wrist = CAMERAS
    # Feature 1 marks the second camera, feature 2 the arm, which moves from low to high cells.
    assert found.heat[1, wrist].min() > 1.5
    assert found.heat[1, top].max() < 0.1
    arm = found.heat[2, top]
    late = np.mean([arm_in_cells(episode(seed)[1][-1]) for seed in SEEDS], axis=0)
    assert abs(int(arm.argmax()) - int(late.argmax())) <= 1
    assert arm[:2].max() < arm.max()


def test_top_frames_are_the_strongest_and_one_per_episode(sae, codes, tmp_path):
    store = episodes_store(tmp_path / "store", SEEDS)
    found = describe(sae, store, frames=5)
    peak = codes.max(axis=1)
    seeds = np.repeat(np.array(SEEDS), TICKS)
    for feature in (2, 3, 5):
        order = np.argsort(-peak[:, feature], kind="stable")[:5]
        np.testing.assert_allclose(found.top.value[feature], peak[order, feature])
        np.testing.assert_array_equal(found.top.episode[feature], seeds[order])
        np.testing.assert_array_equal(found.top.frame[feature], order % TICKS)
        np.testing.assert_array_equal(
            found.top.token[feature], codes[order, :, feature].argmax(axis=1)
        )
        best = np.array([peak[seeds == seed, feature].max() for seed in SEEDS])
        np.testing.assert_allclose(found.per_episode.value[feature], np.sort(best)[::-1][:5])
        assert len(set(found.per_episode.episode[feature].tolist())) == 5


def test_correlations_are_pearsons_over_the_known_ticks(sae, codes, tmp_path):
    store = episodes_store(tmp_path / "store", SEEDS)
    joints = np.concatenate([episode(seed)[1] for seed in SEEDS])
    velocity = np.concatenate([np.append(np.nan, np.diff(episode(s)[1])) for s in SEEDS])
    signals = np.column_stack([joints, velocity, np.ones(len(joints))])
    bounds = np.cumsum([0, *(shard.frames for shard in store.shards)])

    def of(index):
        return Signals(
            ("joint", "velocity", "constant"), signals[bounds[index] : bounds[index + 1]]
        )

    found = describe(sae, store, signals=of)
    peak = codes.max(axis=1)
    assert found.signals == ("joint", "velocity", "constant")
    assert found.correlation[4, 0] == pytest.approx(np.corrcoef(peak[:, 4], joints)[0, 1], abs=1e-6)
    assert found.correlation[4, 0] > 0.9
    known = ~np.isnan(velocity)
    assert found.correlation[2, 1] == pytest.approx(
        np.corrcoef(peak[known, 2], velocity[known])[0, 1], abs=1e-6
    )
    assert np.isnan(found.correlation[:, 2]).all()


def test_matches_undo_a_permutation(sae, tmp_path):
    order = np.random.default_rng(0).permutation(16)
    other = planted_sae(tmp_path / "other")
    other.W_dec = sae.W_dec[torch.from_numpy(order)] * 3.0
    index, cosine = matches(sae, other)
    np.testing.assert_array_equal(order[index], np.arange(16))
    np.testing.assert_allclose(cosine, 1, atol=1e-5)


def test_both_files_hold_the_same_rows(sae, tmp_path):
    from pyarrow import parquet

    store = episodes_store(tmp_path / "store", SEEDS)
    found = describe(sae, store, frames=3)
    other = planted_sae(tmp_path / "other")
    paths = write_descriptions(
        tmp_path / "out", found, sae, store.info, {"seed1": matches(sae, other)}
    )
    content = json.loads(paths[1].read_text())
    rows = parquet.read_table(paths[0]).to_pylist()
    assert len(rows) == 16
    assert rows == content["features"]
    assert content["about"]["sae_sha256"] == sae.sha256
    assert rows[2]["matches"] == [{"sae": "seed1", "feature": 2, "cosine": pytest.approx(1.0)}]
    assert rows[15]["top"] == [] or rows[15]["top"][0]["value"] > 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "features.json",
        "features.parquet",
    ]


def test_the_command_writes_them_and_refuses_another_policys_tokens(tmp_path, capsys):
    planted_sae(tmp_path / "sae")
    episodes_store(tmp_path / "store", range(3))
    arguments = ["describe", "--sae", str(tmp_path / "sae"), "--out", str(tmp_path / "out")]
    assert cli.main(["sae", *arguments, "--data", str(tmp_path / "store")]) == 0
    assert (tmp_path / "out" / "features.parquet").is_file()
    episodes_store(tmp_path / "foreign", range(3), policy_sha256="b" * 64)
    assert cli.main(["sae", *arguments, "--data", str(tmp_path / "foreign")]) == 1
    assert "b" * 64 in capsys.readouterr().err


def test_other_seeds_in_folders_of_one_name_stay_apart_and_are_of_the_same_policy(tmp_path, capsys):
    episodes_store(tmp_path / "store", range(3))
    others = [tmp_path / f"seed{seed}" / "sae" for seed in range(2)]
    for folder in (tmp_path / "sae", *others):
        folder.parent.mkdir(exist_ok=True)
        planted_sae(folder)
    arguments = ["describe", "--sae", str(tmp_path / "sae"), "--data", str(tmp_path / "store")]
    arguments += ["--out", str(tmp_path / "out"), "--others", *map(str, others)]
    assert cli.main(["sae", *arguments]) == 0
    first = json.loads((tmp_path / "out" / "features.json").read_text())["features"][0]
    assert [match["sae"] for match in first["matches"]] == [str(folder) for folder in others]
    config = others[1] / "cfg.json"
    config.write_text(config.read_text().replace("a" * 64, "b" * 64))
    assert cli.main(["sae", *arguments]) == 1
    assert f"{others[1]} was trained on another policy" in capsys.readouterr().err


def test_ticks_in_pieces_give_the_same_top_frames():
    rng = np.random.default_rng(0)
    peak = rng.uniform(size=(60, 7)).astype(np.float32)
    episode = np.repeat(np.arange(6), 10)
    frame = np.tile(np.arange(10), 6)
    token = rng.integers(0, 9, (60, 7))
    whole, pieces = (TopFrames(7, 4, one_per_episode=True) for _ in range(2))
    whole.add(peak, episode, frame, token)
    for part in np.array_split(np.arange(60), 13):
        pieces.add(peak[part], episode[part], frame[part], token[part])
    for name in ("value", "episode", "frame", "token"):
        np.testing.assert_array_equal(getattr(whole.finish(), name), getattr(pieces.finish(), name))


def test_an_sae_of_another_width_or_sampler_kind_is_refused(sae, tmp_path):
    store = episodes_store(tmp_path / "blocks", range(2), sampler="block(2x2)")
    with pytest.raises(SaeError, match="block"):
        describe(sae, store)
