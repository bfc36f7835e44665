# SPDX-License-Identifier: Apache-2.0
"""The page's video and `pam_ros video`, decoded again."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from synthetic_recording import (
    GRIDS,
    JOINT_SHARE,
    SIZES,
    TICKS,
    WORDS,
    Timing,
    cells,
    color,
    write_recording,
)

from pam_ros import cli
from pam_ros.attention.overlay import Overlay
from pam_ros.attention.scale import RunningScale
from pam_ros.attention.word_strip import draw_words
from pam_ros.attention.words import Word
from pam_ros.show.report.heat import full_scales
from pam_ros.show.report.page import KEYFRAME_EVERY, write_report
from pam_ros.show.report.recording import read_recording

av = pytest.importorskip("av")
STRIP = 22


def frames_of(source) -> list:
    with av.open(source) as container:
        return list(container.decode(video=0))


def rgb(frame) -> np.ndarray:
    """By ITU-R BT.709's limited-range matrix, from the decoded planes."""
    luma, blue, red = (
        np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[:, : plane.width]
        for plane in frame.planes
    )
    y = (luma.astype(float) - 16) / 219
    cb, cr = ((each.astype(float) - 128) / 224 for each in (blue, red))
    cb, cr = (each.repeat(2, axis=0).repeat(2, axis=1) for each in (cb, cr))
    r, b = y + 1.5748 * cr, y + 1.8556 * cb
    g = (y - 0.2126 * r - 0.0722 * b) / 0.7152
    return np.clip(np.stack([r, g, b], axis=2) * 255, 0, 255).round().astype(int)


def irregular() -> Timing:
    steps = np.array([0.05, 0.31, 0.1, 0.07, 1.2] * 8)
    return Timing(tuple(np.cumsum(steps).tolist()))


def test_the_pages_video_has_a_frame_per_tick_at_its_stamp_and_keyframes_to_scrub(tmp_path):
    timing = irregular()
    write_recording(tmp_path / "run", timing)
    write_report(tmp_path / "run", tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    found = re.search(r'class="video">(.*?)</script>', text, re.S)
    frames = frames_of(io.BytesIO(base64.b64decode(found.group(1))))
    times = [float(frame.time) for frame in frames]
    np.testing.assert_allclose(times, np.array(timing.stamps) - timing.stamps[0], atol=1e-3)
    keys = [index for index, frame in enumerate(frames) if frame.key_frame]
    assert max(np.diff([*keys, TICKS])) <= KEYFRAME_EVERY


def test_a_video_drawn_from_maps_shows_the_overlay_beside_the_camera(tmp_path, capsys):
    timing = irregular()
    write_recording(tmp_path / "run", timing)
    output = tmp_path / "x.mp4"
    assert cli.main(["video", str(tmp_path / "run"), "-o", str(output)]) == 0
    assert "cameras top, side" in capsys.readouterr().out
    frames = frames_of(str(output))
    np.testing.assert_allclose(
        [float(f.time) for f in frames], np.array(timing.stamps) - timing.stamps[0], atol=1e-3
    )
    scales = full_scales(read_recording(tmp_path / "run").ticks)
    for tick in (0, 7, 27, 39):
        picture = rgb(frames[tick])
        height, width = SIZES["top"]
        plain = np.full((height, width, 3), color("top", tick), np.uint8)
        left = picture[STRIP : STRIP + height, :width]
        assert np.abs(left[8:-8, 8:-8] - plain[8:-8, 8:-8]).max() <= 12
        drawn = Overlay("turbo", 0.6, 6).draw(
            plain, cells("top", tick), *GRIDS["top"], scales[tick], JOINT_SHARE
        )
        right = picture[STRIP : STRIP + height, width : 2 * width]
        assert np.abs(right - drawn.astype(int)).mean() < 6
        strong = np.unravel_index(
            np.abs(drawn.astype(int) - plain).sum(axis=2).argmax(), (height, width)
        )
        assert np.abs(right[strong] - drawn[strong].astype(int)).max() < 40
        # Below the pictures, its words on the same scale.
        words = [Word(*word) for word in zip(WORDS, (0.0, 0.02, 0.01), strict=True)]
        strip = draw_words(words, scales[tick], picture.shape[1])
        top = sum(STRIP + high for high, _ in SIZES.values())
        assert np.abs(picture[top : top + len(strip)] - strip.astype(int)).mean() < 8


def test_full_heat_is_what_the_live_node_takes_for_it(recording):
    from types import SimpleNamespace

    scale = RunningScale(99.0, 100)
    expected = []
    for tick in range(TICKS):
        cameras = [SimpleNamespace(cells=cells(name, tick)) for name in SIZES]
        tokens = sum(camera.cells.size for camera in cameras) + 2 + len(WORDS)
        maps = SimpleNamespace(cameras=cameras, tokens=tokens, method="rollout", layer="")
        expected.append(scale.scale(maps))
    np.testing.assert_allclose(full_scales(read_recording(recording).ticks), expected, rtol=1e-6)


def test_mistakes_are_one_sentence(tmp_path, recording, capsys):
    assert cli.main(["video", str(tmp_path / "none")]) == 1
    assert "does not exist" in capsys.readouterr().err
    assert cli.main(["video", str(recording), "--max-fps", "0"]) == 1
    assert "--max-fps 0.0 must be from 0.1 to 500" in capsys.readouterr().err
    assert cli.main(["video", str(recording), "-o", str(tmp_path / "video.txt")]) == 1
    assert "its name must end in .mp4" in capsys.readouterr().err
