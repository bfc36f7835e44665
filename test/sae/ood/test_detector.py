# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
from planted_episodes import CAMERAS, TABLE, TICKS, WIDTH, episode, episodes_store, planted_sae
from planted_tokens import store_info
from planted_tokens import table as tables

from pam_ros.sae.disk import load_sae
from pam_ros.sae.encoder import TickCode, TickEncoder
from pam_ros.sae.errors import SaeError
from pam_ros.sae.ood.detector import OodDetector, conformal_threshold, part_names, standardised
from pam_ros.sae.ood.evaluation import (
    DETECTOR,
    auroc,
    redrawn_alarms,
    results,
    score_store,
    windowed_means,
)
from pam_ros.sae.ood.fit import fit, part_scales, stored_ticks
from pam_ros.sae.ood.parts import TrainingNorms, camera_features
from pam_ros.sae.ood.still import LEAST_MOTION
from pam_ros.sae.store.token_store import TokenStore
from pam_ros.sae.store.tokens import AllTokens, RowTable, parse_sampler
from pam_ros.sae.store.writer import TokenWriter

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
    assert (scores[~np.isnan(scores)] > detector.threshold).mean() <= 2 * RATE


@pytest.mark.parametrize("kind", ["noise", "black", "half", "frozen", "swapped"])
def test_a_broken_camera_is_flagged_in_nearly_every_tick_after_the_window(fitted, normal, kind):
    folder, sae, detector = fitted
    store = episodes_store(folder / kind, HELD_OUT[:20], kind)
    scores = score_store(detector.model, sae, store)
    result = results(scores, normal, {DETECTOR: detector.threshold})[DETECTOR]
    assert result.ticks == 20 * (TICKS - WINDOW + 1)
    assert result.flagged >= 0.95
    assert result.auroc > 0.95


def test_until_the_window_is_full_there_is_no_score(fitted):
    _, sae, detector = fitted
    tokens = episode(3003)[0]
    tokens[:, 14:26] = np.random.default_rng(0).normal(scale=2, size=tokens[:, 14:26].shape)
    found = states(detector, sae, tokens)
    assert [np.isnan(state.score) for state in found[: WINDOW + 1]] == [True] * 3 + [False] * 2
    assert [state.flagged for state in found[: WINDOW + 1]] == [False] * 3 + [True] * 2
    assert found[0].reason == "the window is not full"


def test_a_scene_that_rests_is_not_flagged(fitted):
    _, sae, detector = fitted
    resting = [
        state
        for seed in range(3000, 3020)
        for state in states(detector, sae, episode(seed, moves=False)[0])
    ]
    assert np.mean([state.flagged for state in resting]) <= 2 * RATE
    assert not any(state.flagged and state.reason.endswith("still") for state in resting)


def test_a_frozen_camera_is_flagged_once_the_arm_moves_and_stays_so_when_it_rests(fitted):
    _, sae, detector = fitted
    for seed in range(3000, 3010):
        tokens = episode(seed)[0]
        for cells in CAMERAS:
            frozen = tokens.copy()
            frozen[:, cells] = tokens[:1, cells]
            # The joint holds still in the last four ticks.
            after = states(detector, sae, frozen)[WINDOW - 1 :]
            assert all(state.flagged for state in after)


def test_a_camera_that_freezes_late_and_comes_back_is_flagged_for_that_time_alone(fitted):
    _, sae, detector = fitted
    tokens = episode(3004, 40)[0]
    frozen = tokens.copy()
    frozen[20:30, CAMERAS[1]] = tokens[20, CAMERAS[1]]
    found = states(detector, sae, frozen)
    still = [state.flagged and state.reason == "wrist still" for state in found]
    assert all(still[26:30])
    assert not any(still[:21])
    assert not any(still[30:])


def test_a_camera_slower_than_the_policy_is_normal_where_it_was_calibrated_so(tmp_path):
    def slow(folder, seeds, *, frozen=False):
        info = store_info(WIDTH, len(TABLE), camera_names=("images.top", "images.wrist"))
        with TokenWriter(folder, info, shard_rows=40 * len(TABLE)) as writer:
            for seed in seeds:
                tokens = episode(seed, 20)[0]
                # Each picture twice; then the same one for good.
                tokens[1::2, 2:] = tokens[::2, 2:]
                if frozen:
                    tokens[6:, CAMERAS[1]] = tokens[6, CAMERAS[1]]
                for frame, tick in enumerate(tokens):
                    writer.add(seed, frame, *AllTokens().sample(tick, TABLE, frame))
            writer.finish()
        return TokenStore(folder)

    sae = planted_sae(tmp_path / "sae")
    detector = fit(
        sae, slow(tmp_path / "a", TRAINING), slow(tmp_path / "b", CALIBRATION), rate=RATE
    )
    parts = dict(zip(detector.model.parts, detector.model.spread, strict=True))
    assert parts["top still"] >= LEAST_MOTION
    normal = score_store(detector.model, sae, slow(tmp_path / "c", HELD_OUT))
    broken = score_store(detector.model, sae, slow(tmp_path / "d", HELD_OUT[:10], frozen=True))
    found = results(normal, normal, {DETECTOR: detector.threshold})[DETECTOR]
    assert found.flagged <= 2 * RATE
    scores = broken.by_method[DETECTOR].reshape(10, 20)
    assert (scores[:, 10:] > detector.threshold).mean() >= 0.95


def test_what_is_gone_from_a_picture_is_missed_and_what_was_rarely_there_is_not():
    table = tables((1, 2), (1, 1))
    rows = RowTable(np.arange(5, dtype=np.uint32), table.kind, table.camera, table.row, table.col)
    ones, rate = np.ones(5, np.float32), np.full((5, 3), 0.5, np.float32)
    present = np.array([[0.9, 0.75, 0.4], [0.6, 1.0, 0.1]], np.float32)
    usual = TrainingNorms(ones, ones, ones, ones, rate, ones, present)
    # Latent and joint state fire 0; the first camera's second cell 0 and 2; the second camera none.
    code = TickCode(
        np.array([0, 1, 2, 2, 4, 4], np.uint32), np.array([0, 0, 0, 2], np.uint32), ones[:4]
    )
    np.testing.assert_allclose(
        usual.missing(rows, code), [np.log(4), -np.log(0.4) - np.log(1e-4)], rtol=1e-4
    )
    found = camera_features(rows, code, 2, 3)
    np.testing.assert_array_equal(found, [[True, False, True], [False, False, False]])


def test_one_part_with_odd_normal_episodes_does_not_make_the_others_less_sensitive():
    rng = np.random.default_rng(0)
    names = ("top error", "wrist error", "top still")
    parts = np.stack([rng.normal(size=4000), rng.normal(size=4000), np.zeros(4000)], axis=1)
    odd = parts.copy()
    odd[rng.random(4000) < 0.02, 1] += 50
    _, usual_spread = part_scales(parts, names, 0.03)
    centre, spread = part_scales(odd, names, 0.03)
    assert spread[0] == usual_spread[0]
    assert spread[1] > 10 * usual_spread[1]
    assert spread[2] == LEAST_MOTION
    # Each part has its third of the alarms.
    scores = standardised(parts, *part_scales(parts, names, 0.03))
    np.testing.assert_allclose((scores[:, :2] > 1).mean(axis=0), 0.01, atol=5e-4)
    # On others, of the same kind, all parts together keep the stated rate.
    more = rng.normal(size=(4000, 3)) * [1, 1, 0]
    more[rng.random(4000) < 0.02, 1] += 50
    largest = standardised(more, centre, spread).max(axis=1)
    assert (largest > 1).mean() <= 0.03


def test_only_a_layer_that_mixes_the_cameras_is_warned_of(fitted, tmp_path, caplog):
    assert not caplog.records
    folder, sae, _ = fitted
    calibration = TokenStore(folder / "calibration")
    fit(sae, TokenStore(folder / "training"), calibration, rate=RATE)
    assert "frozen camera" in caplog.text
    caplog.clear()
    layer = {"layer": "encoder_input"}
    fit(
        planted_sae(tmp_path / "sae", **layer),
        episodes_store(tmp_path / "training", range(20), **layer),
        episodes_store(tmp_path / "calibration", range(30, 50), **layer),
        rate=RATE,
    )
    assert not caplog.records


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
    np.testing.assert_equal(
        [asdict(state) for state in states(again, sae, tokens)],
        [asdict(state) for state in states(detector, sae, tokens)],
    )
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
    endless = json.loads((tmp_path / "ood.json").read_text()) | {"window": float("inf")}
    for text in ("[1, 2", json.dumps(endless)):
        (tmp_path / "ood.json").write_text(text)
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
    for kind in ("noise", "frozen"):
        store = episodes_store(tmp_path / kind, range(10), kind, sampler=sampler)
        scores = score_store(detector.model, sae, store).by_method[DETECTOR]
        assert (scores[~np.isnan(scores)] > detector.threshold).mean() > 0.95
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


def test_false_alarms_over_many_draws_of_the_calibration_are_the_stated_rate(fitted, normal):
    folder, sae, detector = fitted
    calibration = score_store(detector.model, sae, TokenStore(folder / "calibration"))
    alarms = redrawn_alarms(detector.model, calibration, normal, 40)
    assert alarms.shape == (40,)
    assert np.ptp(alarms) > 0
    assert alarms.mean() == pytest.approx(RATE, abs=0.4 * RATE)
    np.testing.assert_array_equal(
        redrawn_alarms(detector.model, calibration, normal, 3), alarms[:3]
    )


def test_auroc_counts_pairs():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 9, 50).astype(float), rng.integers(3, 12, 40).astype(float)
    pairs = (b[:, None] > a).mean() + (b[:, None] == a).mean() / 2
    assert auroc(a, b) == pytest.approx(pairs)


def test_windowed_means_begin_anew_with_an_episode():
    found = windowed_means([1.0, 2, 3, 10, 20], np.array([0, 0, 0, 1, 1]), 2)
    np.testing.assert_allclose(found, [np.nan, 1.5, 2.5, np.nan, 15])


def test_parts_of_cameras_that_share_their_last_word_have_names_of_their_own():
    names = part_names(("observation.images.right", "observation.images.wrist.right"))
    assert len(set(names)) == len(names)
    assert {"right error", "wrist_right error", "wrist_right still"} <= set(names)
