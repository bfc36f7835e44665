# SPDX-License-Identifier: Apache-2.0
"""Ticks without a map: the last one dimmed, figures only of real ones, a beginning with a map."""

from __future__ import annotations

import av
import numpy as np
import pytest
from synthetic_recording import GRIDS, JOINT_SHARE, SIZES, TICKS, cells, color, write_recording

from pam_ros import cli
from pam_ros.attention.overlay import Overlay
from pam_ros.bags.canvas import age_text
from pam_ros.show.report.features import most_active
from pam_ros.show.report.heat import full_scales
from pam_ros.show.report.held import HELD_S, first_map, shown_maps
from pam_ros.show.report.packed import read_data
from pam_ros.show.report.page import write_report
from pam_ros.show.report.recording import read_recording

STRIP = 22
# Maps are rare, as with queued actions: at 3, 4 and 13 alone, and from 25 on at every tick.
MAPS = {3, 4, 13, *range(25, TICKS)}


@pytest.fixture(scope="module")
def bag(tmp_path_factory):
    path = tmp_path_factory.mktemp("held") / "run"
    write_recording(path, invalid=frozenset(range(TICKS)) - MAPS)
    return path


def page_of(bag, folder):
    write_report(bag, folder / "report.html")
    (data,) = read_data(folder / "report.html")
    return data


def test_each_tick_shows_its_own_map_or_the_last_one_of_its_episode(bag, tmp_path):
    recording = read_recording(bag)
    maps = shown_maps(recording.ticks)
    assert maps[:3] == [None] * 3
    assert maps[3:6] == [3, 4, 4]
    assert maps[12:15] == [4, 13, 13]
    # The second episode begins at tick 20: nothing of the first one is shown in it.
    assert maps[19:26] == [13, None, None, None, None, None, 25]
    assert first_map(recording.ticks) == 3
    data = page_of(bag, tmp_path)
    assert data["maps"] == maps
    assert data["first"] == 3
    assert 0 < data["dimmed"] < 1
    assert (age_text(0.25), age_text(3.21)) == ("map 0.25 s old", "map 3.2 s old")
    assert HELD_S >= 100 / 30  # a default ACT's chunk at 30 Hz


def test_what_an_invalid_message_says_of_its_map_is_not_ranked(bag, tmp_path):
    recording = read_recording(bag)
    for index, tick in enumerate(recording.ticks):
        if index not in MAPS:
            # As a writer that leaves fields at zero, or at what they were, would have it.
            tick.message.entropy = tick.message.joint_state_share = 99.0
            tick.message.cameras[0].share = 99.0
    from pam_ros.show.report.frames import lay_out
    from pam_ros.show.report.heading import heading
    from pam_ros.show.report.heat import pack
    from pam_ros.show.report.payload import payload

    head = heading(recording)
    data = payload(recording, lay_out(recording, 96), pack(recording.ticks), [], [], head)
    real = {index for index, value in enumerate(data["curves"]["entropy"]) if value is not None}
    assert real == MAPS
    ranked = [m["tick"] for m in data["moments"] if m["kind"] in {"shares", "entropy"}]
    assert ranked
    assert set(ranked) <= MAPS


def test_a_feature_is_unknown_where_its_tick_has_none(bag):
    recording = read_recording(bag)
    stamps = sorted(recording.features)
    for stamp in stamps[10:20]:
        del recording.features[stamp]
    curve = most_active(recording, ["top", "side"]).curves[0]
    assert np.isnan(curve.values[10:20]).all()
    assert np.isfinite(curve.values[[*range(10), *range(20, TICKS)]]).all()
    assert curve.active == pytest.approx(np.nanmean(curve.values > 0) * TICKS / (TICKS - 10))


def test_a_video_begins_with_the_first_map_and_dims_it_until_the_next(bag, tmp_path, capsys):
    output = tmp_path / "x.mp4"
    assert cli.main(["video", str(bag), "-o", str(output)]) == 0
    assert "the first 0.3 s have no map and are left out" in capsys.readouterr().err
    with av.open(str(output)) as container:
        frames = list(container.decode(video=0))
    assert len(frames) == TICKS - 3
    assert float(frames[0].time) == 0
    scales = full_scales(read_recording(bag).ticks)
    height, width = SIZES["top"]
    for tick, shown, part in ((4, 4, 1.0), (10, 4, 0.5), (22, None, 0.0)):
        rgb = (
            frames[tick - 3]
            .reformat(format="rgb24", src_colorspace="ITU709", dst_colorspace="ITU601")
            .to_ndarray()
            .astype(int)
        )
        plain = np.full((height, width, 3), color("top", tick), np.uint8)
        drawn = plain.astype(float)
        if shown is not None:
            heat = Overlay("turbo", 0.6, 6).draw(
                plain, cells("top", shown), *GRIDS["top"], scales[shown], JOINT_SHARE
            )
            drawn = part * heat + (1 - part) * plain
        right = rgb[STRIP : STRIP + height, width : 2 * width]
        assert np.abs(right - drawn).mean() < 6, tick
