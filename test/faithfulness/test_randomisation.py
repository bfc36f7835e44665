# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from safetensors.torch import load_file as load_tensors
from safetensors.torch import save_file as save_tensors

from pam_ros.attention.errors import AttentionError
from pam_ros.faithfulness.randomisation import STAGES, cascade, rank_correlation

NAMES = {
    "model.action_head.weight": (4, 8),
    "model.decoder.layers.0.linear1.weight": (8, 8),
    "model.encoder.layers.0.linear1.weight": (8, 8),
    "model.backbone.conv1.weight": (8, 3, 3, 3),
}


def test_rank_correlation_sees_order_alone():
    a = np.array([1.0, 2.0, 3.0, 4.0])
    assert rank_correlation(a, np.exp(a)) == pytest.approx(1.0)
    assert rank_correlation(a, -(a**3)) == pytest.approx(-1.0)
    # By hand: ranks 2 1 4 3, 1 - 6 * 4 / (4 * 15).
    assert rank_correlation(a, np.array([2.0, 1.0, 4.0, 3.0])) == pytest.approx(0.6)


def test_ties_share_their_mean_rank():
    # Ranks 1.5 1.5 3 against 1 2 3: covariance 1.5, variances 1.5 and 2.
    found = rank_correlation(np.array([5.0, 5.0, 9.0]), np.array([1.0, 2.0, 3.0]))
    assert found == pytest.approx(1.5 / np.sqrt(1.5 * 2.0))
    assert rank_correlation(np.ones(4), np.arange(4.0)) == 0.0


def test_unrelated_maps_correlate_by_chance_alone():
    rng = np.random.default_rng(0)
    values = [rank_correlation(rng.random(160), rng.random(160)) for _ in range(200)]
    assert abs(np.mean(values)) < 0.03
    assert np.std(values) == pytest.approx(1 / np.sqrt(159), rel=0.2)


@pytest.fixture
def checkpoint(tmp_path):
    folder = tmp_path / "act"
    folder.mkdir()
    rng = np.random.default_rng(0)
    weights = {name: rng.normal(size=size).astype(np.float16) for name, size in NAMES.items()}
    save_file(weights, folder / "model.safetensors")
    (folder / "config.json").write_text("{}")
    return folder


def test_each_stage_shuffles_one_more_part_from_the_output_backwards(checkpoint, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    before = load_file(checkpoint / "model.safetensors")
    seen = []
    for stage, folder in cascade(checkpoint, scratch):
        after = load_file(folder / "model.safetensors")
        changed = [name for name in NAMES if not np.array_equal(before[name], after[name])]
        seen.append((stage, changed))
        for name in NAMES:
            assert np.array_equal(np.sort(before[name], axis=None), np.sort(after[name], axis=None))
            assert before[name].dtype == after[name].dtype
        assert (folder / "config.json").read_text() == "{}"
    names = list(NAMES)
    assert seen == [(stage, names[: count + 1]) for count, stage in enumerate(STAGES)]
    assert all(
        np.array_equal(before[n], load_file(checkpoint / "model.safetensors")[n]) for n in NAMES
    )


def test_a_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(AttentionError, match=r"no model\.safetensors"):
        next(cascade(tmp_path, tmp_path))


def test_of_another_network_all_weights_are_shuffled_at_once(checkpoint, tmp_path):
    rng = np.random.default_rng(1)
    before = {
        "backbone.weight": torch.from_numpy(rng.normal(size=(8, 9))).to(torch.bfloat16),
        "steps": torch.arange(9),
        "normalize_inputs.buffer_observation_state.mean": torch.arange(9.0),
    }
    save_tensors(before, checkpoint / "model.safetensors")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    ((stage, folder),) = cascade(checkpoint, scratch)
    assert stage == "all"
    after = load_tensors(folder / "model.safetensors")
    changed = [name for name in before if not torch.equal(before[name], after[name])]
    # A counter is no weight, and the training's statistics are none either.
    assert changed == ["backbone.weight"]
    assert after["backbone.weight"].dtype == torch.bfloat16
    assert torch.equal(*(w["backbone.weight"].flatten().sort().values for w in (before, after)))
