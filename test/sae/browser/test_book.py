# SPDX-License-Identifier: Apache-2.0
"""A book holds what the plain code of all tokens says, and the pictures that go with it."""

import json
import shutil

import cv2
import numpy as np
import pytest
from planted_book import (
    CAMERAS,
    EPISODES,
    HEIGHT,
    PIXELS,
    SILENT,
    dense_code,
    make_planted,
    make_store,
    picture,
)
from planted_episodes import CAMERAS as CELLS
from planted_episodes import COLS, ROWS, TICKS, planted_sae

from pam_ros.cli import main
from pam_ros.sae.browser.book import ABOUT, ARRAYS, PICTURES, FeatureBook
from pam_ros.sae.browser.build import CLIP, CLIPS, build
from pam_ros.sae.browser.errors import FeaturesError
from pam_ros.sae.disk import load_sae


def test_activity_is_the_largest_activation_of_each_tick(planted):
    book, code = planted.book, dense_code(planted.sae)
    for feature in range(book.about.features):
        expected = code[..., feature].max(axis=2).reshape(-1)
        np.testing.assert_allclose(book.activity(feature), expected, rtol=1e-5, atol=1e-7)
    assert book.episodes == list(EPISODES)


def test_statistics_are_those_of_the_code(planted):
    book, code = planted.book, dense_code(planted.sae)
    for feature in range(book.about.features):
        values = code[..., feature]
        found = book.statistics(feature)
        assert found.density == pytest.approx((values > 0).mean(), abs=1e-6)
        assert found.tick_density == pytest.approx((values > 0).any(axis=2).mean(), abs=1e-6)
        assert found.maximum == pytest.approx(values.max(), rel=1e-5)
        assert found.histogram.sum() == (values > 0).sum()


def test_peaks_are_the_strongest_ticks_and_one_per_episode(planted):
    book, code = planted.book, dense_code(planted.sae)
    values = code[..., 2].max(axis=2)
    strongest = book.peaks(2, per_episode=False)
    np.testing.assert_allclose([p.value for p in strongest], np.sort(values.ravel())[::-1][:5])
    spread = book.peaks(2, per_episode=True)
    np.testing.assert_allclose([p.value for p in spread], np.sort(values.max(axis=1))[::-1][:5])
    for peak in (*strongest, *spread):
        assert values.ravel()[peak.tick] == pytest.approx(peak.value)
        assert (peak.episode, peak.frame) == (
            EPISODES[peak.tick // TICKS],
            peak.tick % TICKS,
        )


def test_heat_is_the_code_of_the_cells_in_every_tick_of_every_clip_and_frame(planted):
    book, code = planted.book, dense_code(planted.sae)
    ticks = code.reshape(-1, *code.shape[2:])
    for feature in (1, 2, 3):
        heat = book.heat(feature)
        spread = book.peaks(feature, per_episode=True)
        shown = {peak.tick for peak in (*spread, *book.peaks(feature, per_episode=False))}
        for peak in spread[:CLIPS]:
            clip = book.clip(peak)
            first = peak.tick - peak.frame
            near = range(max(peak.frame - CLIP, 0), min(peak.frame + CLIP + 1, TICKS))
            assert clip == [first + frame for frame in near]
            shown.update(clip)
        for tick in shown:
            cells = heat.get(tick) or book.no_heat()
            for camera, where in enumerate(CELLS):
                expected = ticks[tick, where, feature].reshape(ROWS, COLS)
                np.testing.assert_allclose(cells[camera], expected, rtol=1e-5, atol=1e-7)


def test_each_shown_tick_has_its_own_picture_of_each_camera(planted):
    book = planted.book
    peak = book.peaks(2, per_episode=True)[0]
    for tick in book.clip(peak):
        for camera, name in enumerate(CAMERAS):
            decoded = cv2.imdecode(np.frombuffer(book.picture(tick, camera), np.uint8), 1)
            expected = picture(peak.episode, book.frame_of(tick), name)
            assert np.abs(decoded.astype(int) - expected).max() <= 3


def test_cells_lie_where_the_policy_looks(planted):
    for camera, name in zip(planted.book.about.cameras, CAMERAS, strict=True):
        assert (camera.name, camera.rows, camera.cols) == (name, ROWS, COLS)
        assert (camera.x0, camera.y0, camera.dx, camera.dy) == (0, 0, 32, 32)


@pytest.mark.parametrize(
    ("sampler", "grid", "placed"),
    [
        ("stride(2)", (2, 2), (0, 0, 64, 64)),
        ("block(3x2)", (1, 2), (16, 32, 64, 96)),
    ],
)
def test_sampled_cells_are_placed_in_their_coarser_grid(tmp_path, sampler, grid, placed):
    planted = make_planted(tmp_path, sampler)
    for camera in planted.book.about.cameras:
        assert (camera.rows, camera.cols) == grid
        assert (camera.x0, camera.y0, camera.dx, camera.dy) == placed
    heat = planted.book.heat(0)
    assert all(cells[0].shape == grid for cells in heat.values())
    assert max(cells[0].max() for cells in heat.values()) == pytest.approx(
        float(planted.book.maximum[0])
    )


def test_tokens_that_are_no_cells_are_called_by_their_kind(planted):
    assert planted.book.about.tokens == {"0": "latent", "1": "joint state"}
    # Feature 7 marks the latent token.
    assert {peak.token for peak in planted.book.peaks(7, per_episode=True)} == {0}


def test_a_silent_feature_has_no_peaks_and_no_heat(planted):
    book = planted.book
    assert book.maximum[SILENT] == 0
    assert book.peaks(SILENT, per_episode=True) == []
    assert book.heat(SILENT) == {}
    assert not book.activity(SILENT).any()


def test_pictures_have_the_size_of_the_observations(planted):
    data = planted.book.picture(planted.book.peaks(2, per_episode=True)[0].tick, 1)
    assert cv2.imdecode(np.frombuffer(data, np.uint8), 1).shape == (HEIGHT, PIXELS, 3)


def test_what_does_not_belong_together_is_refused(planted, tmp_path):
    described = planted.folder / "described"
    with pytest.raises(FeaturesError, match="exists"):
        build(planted.sae, planted.store, described, planted.folder / "book", print)
    blind = make_store(tmp_path / "blind", observations=False)
    with pytest.raises(FeaturesError, match="keeps no observations"):
        build(planted.sae, blind, described, tmp_path / "out", print)
    with pytest.raises(FeaturesError, match="sae describe"):
        build(planted.sae, planted.store, tmp_path, tmp_path / "out", print)
    planted_sae(tmp_path / "other")
    other = load_sae(tmp_path / "other")
    other.sha256 = "f" * 64
    with pytest.raises(FeaturesError, match="sae_sha256"):
        build(other, planted.store, described, tmp_path / "out", print)
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "out.part").exists()


def test_damaged_books_are_refused_in_one_sentence(planted, tmp_path):
    with pytest.raises(FeaturesError, match="no feature book"):
        FeatureBook(tmp_path)
    folder = tmp_path / "book"
    shutil.copytree(planted.folder / "book", folder)
    data = (folder / ARRAYS).read_bytes()
    (folder / ARRAYS).write_bytes(data[: len(data) // 2])
    with pytest.raises(FeaturesError, match="damaged"):
        FeatureBook(folder)
    (folder / ARRAYS).write_bytes(data)
    content = json.loads((folder / ABOUT).read_text())
    (folder / ABOUT).write_text(json.dumps({**content, "features": 5}))
    with pytest.raises(FeaturesError, match="damaged"):
        FeatureBook(folder)


def test_the_command_builds_the_same_book(planted, tmp_path, capsys):
    given = {"--sae": "sae", "--data": "store", "--descriptions": "described"}
    arguments = [part for k, v in given.items() for part in (k, str(planted.folder / v))]
    out = tmp_path / "book"
    command = ["features", "build", *arguments, "--out", str(out)]
    assert main(command) == 0
    assert capsys.readouterr().out == f"{out}: 16 features, {len(EPISODES) * TICKS} frames\n"
    for name in (ABOUT, ARRAYS, PICTURES):
        assert (out / name).read_bytes() == (planted.folder / "book" / name).read_bytes()
    assert main(command) == 1
    assert "exists: name a new folder" in capsys.readouterr().err
