# SPDX-License-Identifier: Apache-2.0
"""What is read of a bag, whatever became of the bag."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_bags import START_NS
from synthetic_recording import (
    ATTENTION,
    CHUNK,
    COMMANDS,
    FEATURE_PEAK,
    GAP_PEAK,
    NOTE,
    NOTE_TEXT,
    SIDE,
    TICKS,
    TOP,
    Timing,
    cells,
    write_recording,
)

from pam_ros import cli
from pam_ros.show.report.clock import Clock
from pam_ros.show.report.errors import ReportError
from pam_ros.show.report.features import most_active
from pam_ros.show.report.heat import pack
from pam_ros.show.report.packed import read_data
from pam_ros.show.report.page import write_report
from pam_ros.show.report.peaks import peaks
from pam_ros.show.report.recording import read_recording


def data_of(page) -> dict:
    (data,) = read_data(page)
    return data


def test_every_tick_has_its_own_pictures_and_the_stamps_times(recording):
    found = read_recording(recording)
    assert found.camera_topics == {"top": TOP, "side": SIDE}
    np.testing.assert_allclose(found.times, np.arange(TICKS) / 10, atol=1e-6)
    assert all(at.exact for pictures in found.pictures for at in pictures.values())
    assert [len(pictures) for pictures in found.pictures] == [2] * TICKS
    assert found.notes == []


def test_a_note_stands_where_it_was_said(recording):
    (note,) = [m for m in read_recording(recording).marks if m.kind == "annotation"]
    assert note.text == NOTE_TEXT
    assert note.time_s == pytest.approx(NOTE / 10 + 0.02, abs=1e-6)


def test_the_command_that_answers_an_observation_gives_its_latency(recording):
    latencies = [tick.command_latency_s for tick in read_recording(recording).ticks]
    np.testing.assert_allclose(latencies, 0.05, atol=1e-6)


def test_the_gap_between_prediction_and_command_is_the_widest_joints(page):
    gap = data_of(page)["curves"]["gap"]
    assert int(np.argmax(gap)) == GAP_PEAK
    assert gap[GAP_PEAK] == pytest.approx(0.4, abs=1e-3)
    assert gap[GAP_PEAK + 1] == pytest.approx(0.01, abs=1e-3)


def test_a_plan_is_kept_with_the_tick_that_made_it(page):
    chunks = data_of(page)["chunks"]
    assert chunks["after"][0] == 0 and chunks["after"][-1] == pytest.approx(1.9)
    for tick in (0, 17, 39):
        pan, lift = chunks["plans"][tick]
        expected = np.sin((tick + 10 * np.array(chunks["after"])) / 6)
        np.testing.assert_allclose(pan, expected, atol=1e-3)
        np.testing.assert_allclose(lift, -expected, atol=1e-3)


def test_a_feature_that_never_rests_comes_after_one_that_does(recording):
    features = most_active(read_recording(recording), ["top", "side"])
    assert features is not None
    assert [curve.feature for curve in features.curves] == [7, 5]
    seven, five = features.curves
    assert int(seven.values.argmax()) == FEATURE_PEAK
    assert (seven.camera[::2] == 0).all() and (seven.camera[1::2] == -1).all()
    assert (seven.active, five.active, five.elsewhere) == (0.5, 1.0, "joint state")


def test_packed_maps_are_the_maps_to_a_255th_of_the_ticks_largest_cell(recording):
    heat = pack(read_recording(recording).ticks)
    packed = np.frombuffer(heat.cells, np.uint8)
    for camera, (grid,) in heat.grids.items():
        size = grid.rows * grid.cols
        for tick in range(TICKS):
            part = packed[grid.offset + tick * size :][:size].reshape(grid.rows, grid.cols)
            error = np.abs(part / 255 * heat.units[tick] - cells(camera, tick))
            assert error.max() <= heat.units[tick] / 255 / 2 + 1e-6


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_truncated_bag_is_shown_up_to_the_damage_and_the_page_says_so(tmp_path, storage):
    bag = tmp_path / "run"
    write_recording(bag, storage=storage)
    (file,) = [*bag.glob("*.mcap"), *bag.glob("*.db3")]
    file.write_bytes(file.read_bytes()[: int(0.6 * file.stat().st_size)])
    before = file.read_bytes()
    report = write_report(bag, tmp_path / "report.html")
    assert 3 < report.ticks < TICKS
    assert any("damaged bag" in note and "could be read" in note for note in report.notes)
    assert data_of(tmp_path / "report.html")["notes"] == list(report.notes)
    assert file.read_bytes() == before


def test_without_maps_one_sentence_names_the_topics_there_are(tmp_path, complaint):
    write_recording(tmp_path / "run", without=frozenset({ATTENTION}))
    assert cli.main(["report", str(tmp_path / "run"), "-o", str(tmp_path / "report.html")]) == 1
    said = complaint()
    assert said.count("\n") == 1
    assert "has no attention maps" in said
    assert TOP in said and COMMANDS in said
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["nowhere"], "does not exist"),
        (["BAG", "--camera", "top"], "NAME=TOPIC"),
        (["BAG", "--camera", "top=/none"], "no images on /none"),
        (["BAG", "--quality", "90"], "from 0 to 51"),
        (["BAG", "-o", "/nowhere/at/all.html"], "cannot be written"),
    ],
)
def test_mistakes_are_one_sentence(recording, capsys, arguments, word):
    assert cli.main(["report", *(str(recording) if a == "BAG" else a for a in arguments)]) == 1
    assert word in capsys.readouterr().err


def test_of_a_folder_that_is_no_bag_nothing_is_copied_and_its_own_name_is_said(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("shutil.copyfile", lambda *_: pytest.fail("copied"))
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("private")
    for name in ("home", "home/letter.txt"):
        assert cli.main(["report", str(tmp_path / name)]) == 1
        said = capsys.readouterr().err
        assert f"{tmp_path / name} is " in said
        assert "damaged" not in said


def test_a_bag_with_nothing_to_read_in_it_is_said_by_its_own_name(tmp_path, capsys):
    (tmp_path / "run.mcap").write_bytes(b"\x89MCAP0\r\n")
    assert cli.main(["report", str(tmp_path / "run.mcap")]) == 1
    said = capsys.readouterr().err
    assert str(tmp_path / "run.mcap") in said
    assert "pam_ros-damaged" not in said


def test_a_camera_without_pictures_and_ticks_without_a_map_are_stated(tmp_path):
    write_recording(tmp_path / "run", without=frozenset({SIDE, CHUNK}), invalid=frozenset({4, 5}))
    write_report(tmp_path / "run", tmp_path / "report.html")
    data = data_of(tmp_path / "report.html")
    assert any("no pictures of camera 'side'" in note for note in data["notes"])
    assert data["reasons"] == {"4": "a weight is not finite", "5": "a weight is not finite"}
    assert data["curves"]["entropy"][4] is None
    assert data["chunks"] is None


def test_a_clock_that_begins_anew_goes_on_and_is_counted(tmp_path):
    stamps = [100 + k / 10 for k in range(20)] + [3 + k / 10 for k in range(20)]
    received = [k / 10 for k in range(40)]
    write_recording(tmp_path / "run", Timing(tuple(stamps), tuple(received)))
    found = read_recording(tmp_path / "run")
    assert (np.diff(found.times) > 0.09).all() and found.times[-1] < 4.1
    assert any("jumped 1 times" in note for note in found.notes)
    assert all(at.exact for pictures in found.pictures for at in pictures.values())


def test_maps_out_of_order_are_sorted_by_their_stamps(tmp_path):
    stamps = [k / 10 for k in range(40)]
    stamps[10], stamps[11] = stamps[11], stamps[10]
    received = [k / 10 for k in range(40)]
    write_recording(tmp_path / "run", Timing(tuple(stamps), tuple(received)))
    found = read_recording(tmp_path / "run")
    assert (np.diff(found.times) > 0).all()
    assert [tick.message.tick for tick in found.ticks][9:13] == [9, 11, 10, 12]
    assert any("1 maps came out of order" in note for note in found.notes)


def test_a_bag_without_attention_maps_but_given_cameras_still_says_what_is_missing(tmp_path):
    write_recording(tmp_path / "run", without=frozenset({ATTENTION}))
    with pytest.raises(ReportError, match="has no attention maps"):
        read_recording(tmp_path / "run", {"top": TOP})


@given(st.lists(st.tuples(st.integers(0, 10**11), st.integers(0, 10**11)), min_size=1, max_size=30))
def test_whatever_the_stamps_time_stays_within_what_they_span(pairs):
    received = sorted(START_NS + at for at, _ in pairs)
    clock = Clock(received, [START_NS + stamp for _, stamp in pairs])
    assert np.isfinite(clock.times).all()
    # A clock that began anew goes on from the newest time; it never goes back by a second.
    newest = np.maximum.accumulate(clock.times)
    assert (newest - clock.times <= 1.0 + 1e-6).all()


def test_peaks_are_the_highest_apart_from_each_other():
    times = np.arange(100) / 10
    values = np.sin(times / 3) * 0.01
    values[[20, 21, 70]] = 5.0, 4.0, 3.0
    assert peaks(times, values) == [20, 70]
    assert peaks(times, np.full(100, 2.0)) == []
    assert peaks(times, np.full(100, np.nan)) == []
