# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

import numpy as np
import pytest
from planted_episodes import TABLE, TICKS, episode, episodes_store, planted_sae

from pam_ros.sae.disk import load_sae
from pam_ros.sae.encoder import TickEncoder
from pam_ros.sae.errors import SaeError
from pam_ros.sae.ood import OodDetector, conformal_threshold
from pam_ros.sae.ood_eval import DETECTOR, auroc, results, score_store, windowed_means
from pam_ros.sae.ood_fit import fit, stored_ticks
from pam_ros.sae.tokens import AllTokens, parse_sampler

RATE, WINDOW = 0.05, 4
TRAINING, CALIBRATION, HELD_OUT = range(60), range(1000, 1030), range(2000, 2040)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ood")
    sae = planted_sae(folder / "sae")
    training = episodes_store(folder / "training", TRAINING)
    calibration = episodes_store(folder / "calibration", CALIBRATION)
    detector = fit(sae, training, calibration, window=WINDOW, rate=RATE)
    detector.save(folder / "sae")
    return folder, sae, detector


@pytest.fixture(scope="module")
def normal(fitted):
    folder, sae, detector = fitted
    return score_store(detector.model, sae, episodes_store(folder / "normal", HELD_OUT))


def states(detector, sae, tokens):
    encoder = TickEncoder(sae, full_code=True)
    detector.reset()
    found = []
    for tick in tokens:
        rows, table = AllTokens().sample(tick, TABLE)
        halves = rows.astype(np.float16)
        found.append(detector.update(halves, table, encoder.encode(halves, table)))
    return found


def test_false_alarms_on_held_out_episodes_stay_within_twice_the_stated_rate(fitted, normal):
    _, _, detector = fitted
    scores = normal.by_method[DETECTOR]
    assert len(scores) == len(HELD_OUT) * TICKS
    assert (scores > detector.threshold).mean() <= 2 * RATE


@pytest.mark.parametrize("kind", ["noise", "black", "half", "frozen", "swapped"])
def test_a_broken_camera_is_flagged_in_nearly_every_tick_after_the_window(fitted, normal, kind):
    folder, sae, detector = fitted
    store = episodes_store(folder / kind, HELD_OUT[:20], kind)
    scores = score_store(detector.model, sae, store)
    result = results(scores, normal, {DETECTOR: detector.threshold}, WINDOW)[DETECTOR]
    assert result.ticks == 20 * (TICKS - WINDOW)
    assert result.flagged >= 0.95
    assert result.auroc > 0.95


def test_a_scene_that_rests_is_not_flagged_and_a_frozen_camera_is_once_the_arm_moves(fitted):
    _, sae, detector = fitted
    resting = [
        state
        for seed in range(3000, 3020)
        for state in states(detector, sae, episode(seed, moves=False)[0])
    ]
    assert np.mean([state.flagged for state in resting]) <= 2 * RATE
    assert not any(state.flagged and state.reason.endswith("still") for state in resting)
    tokens = episode(3000)[0]
    frozen = tokens.copy()
    frozen[:, 2:14] = tokens[:1, 2:14]
    after = states(detector, sae, frozen)[WINDOW:]
    assert all(state.flagged for state in after)
    assert {state.reason for state in after} <= {"top still", "top pose"}


def test_the_reason_names_the_camera_and_what_is_wrong_with_it(fitted):
    _, sae, detector = fitted
    tokens = episode(3001)[0]
    tokens[:, 14:26] = np.random.default_rng(0).normal(scale=2, size=tokens[:, 14:26].shape)
    state = states(detector, sae, tokens)[-1]
    assert state.flagged
    assert state.score > state.threshold == detector.threshold
    assert state.reason.startswith("wrist ")


def test_live_ticks_score_as_stored_ones(fitted, normal):
    _, sae, detector = fitted
    live = [state.score for state in states(detector, sae, episode(HELD_OUT[0])[0])]
    np.testing.assert_allclose(live, normal.by_method[DETECTOR][:TICKS], rtol=1e-9)


def test_a_saved_detector_scores_as_before(fitted):
    folder, sae, detector = fitted
    again = OodDetector.load(
        folder / "sae",
        load_sae(folder / "sae"),
        policy_sha256="a" * 64,
        layer="encoder",
        sampler="all",
    )
    tokens = episode(3002)[0]
    assert states(again, sae, tokens) == states(detector, sae, tokens)
    assert json.loads((folder / "sae" / "ood.json").read_text())["false_alarm_rate"] == RATE


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"policy_sha256": "b" * 64}, "b" * 64),
        ({"layer": "encoder_input"}, "encoder_input"),
        ({"sampler": "stride(2)"}, "not stride"),
    ],
)
def test_tokens_of_another_kind_are_refused(fitted, changed, named):
    folder, sae, _ = fitted
    with pytest.raises(SaeError, match=named):
        OodDetector.load(folder / "sae", sae, **changed)


def test_another_sae_is_refused_with_both_hashes(fitted, tmp_path):
    folder, sae, _ = fitted
    other = planted_sae(tmp_path / "other")
    other.sha256 = "c" * 64
    with pytest.raises(SaeError, match=f"{sae.sha256}, not {'c' * 64}"):
        OodDetector.load(folder / "sae", other)


def test_damaged_and_missing_files_are_one_sentence(fitted, tmp_path):
    _, sae, detector = fitted
    with pytest.raises(SaeError, match="ood fit"):
        OodDetector.load(tmp_path, sae)
    detector.save(tmp_path)
    path = tmp_path / "ood.safetensors"
    path.write_bytes(path.read_bytes()[:-3] + b"abc")
    with pytest.raises(SaeError, match="is not the file"):
        OodDetector.load(tmp_path, sae)
    (tmp_path / "ood.json").write_text("[1, 2")
    with pytest.raises(SaeError, match="damaged"):
        OodDetector.load(tmp_path, sae)


def test_a_store_of_another_sampler_or_the_training_store_itself_is_no_calibration(
    fitted, tmp_path
):
    _, sae, _ = fitted
    training = episodes_store(tmp_path / "training", range(10))
    with pytest.raises(SaeError, match="other episodes"):
        fit(sae, training, training)
    strided = episodes_store(tmp_path / "strided", range(10), sampler="stride(2)")
    with pytest.raises(SaeError, match="stride"):
        fit(sae, training, strided)


def test_a_sampler_that_draws_anew_is_scored_too(tmp_path):
    sampler = "uniform(16, seed=0)"
    sae = planted_sae(tmp_path / "sae", sampler)
    detector = fit(
        sae,
        episodes_store(tmp_path / "training", TRAINING, sampler=sampler),
        episodes_store(tmp_path / "calibration", CALIBRATION, sampler=sampler),
        rate=RATE,
    )
    assert detector.model.pose is None
    noise = episodes_store(tmp_path / "noise", range(10), "noise", sampler=sampler)
    scores = score_store(detector.model, sae, noise).by_method[DETECTOR]
    assert (scores > detector.threshold).mean() > 0.95
    assert str(parse_sampler(sampler)) == sampler


def test_stored_ticks_are_the_frames_in_their_order(fitted, tmp_path):
    store = episodes_store(tmp_path / "store", range(5, 9))
    ticks = list(stored_ticks(store))
    assert [(t.episode, t.frame) for t in ticks] == [
        (e, f) for e in range(5, 9) for f in range(TICKS)
    ]
    np.testing.assert_array_equal(ticks[20].rows, episode(6)[0][6].astype(np.float16))
    assert 10 <= len(list(stored_ticks(store, 20))) <= 24


def test_the_conformal_threshold_keeps_its_promise_on_exchangeable_scores():
    rng = np.random.default_rng(0)
    alarms = [
        (rng.normal(size=500) > conformal_threshold(rng.normal(size=199), 0.1)).mean()
        for _ in range(400)
    ]
    assert np.mean(alarms) == pytest.approx(0.1, abs=0.005)
    assert conformal_threshold(np.arange(1.0, 20.0), 0.1) == 18.0
    with pytest.raises(SaeError, match="at least 99"):
        conformal_threshold(np.arange(98.0), 0.01)


def test_auroc_counts_pairs():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 9, 50).astype(float), rng.integers(3, 12, 40).astype(float)
    pairs = (b[:, None] > a).mean() + (b[:, None] == a).mean() / 2
    assert auroc(a, b) == pytest.approx(pairs)


def test_windowed_means_begin_anew_with_an_episode():
    found = windowed_means([1.0, 2, 3, 10, 20], np.array([0, 0, 0, 1, 1]), 2)
    np.testing.assert_allclose(found, [1, 1.5, 2.5, 10, 15])
