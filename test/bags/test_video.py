# SPDX-License-Identifier: Apache-2.0
"""Videos, decoded again: colours, places and times; and what happens to what is missing."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from synthetic_bags import SECOND, START_NS, Shot, image_cdr, plain, string_cdr, write_shots

from pam_ros.bags import BagError, BagReader, BagWriter, write_video
from pam_ros.bags import video as video_module

av = pytest.importorskip("av")

RED, BLUE, GREEN, GREY = (210, 30, 40), (30, 40, 210), (30, 190, 40), (120, 120, 120)
TOP, WRIST = "/top/image_raw", "/wrist/image_raw"
TOP_SEEN, WRIST_SEEN = "/node/attention/top/image", "/node/attention/wrist/image"
STRIP = 22


def decode(path):
    """Frames as (seconds, YUV planes), and the stream."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = [(float(frame.time), frame) for frame in container.decode(stream)]
        return frames, stream.codec_context.name


def rgb_at(frame, x: int, y: int) -> np.ndarray:
    """The colour of a pixel by ITU-R BT.709's limited-range matrix, from the decoded planes."""
    luma, blue, red = (
        np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size) for plane in frame.planes
    )
    y_ = (float(luma[y, x]) - 16) / 219
    cb = (float(blue[y // 2, x // 2]) - 128) / 224
    cr = (float(red[y // 2, x // 2]) - 128) / 224
    r, b = y_ + 1.5748 * cr, y_ + 1.8556 * cb
    g = (y_ - 0.2126 * r - 0.0722 * b) / 0.7152
    return np.array([r, g, b]) * 255


def assert_color(frame, x, y, color):
    assert np.abs(rgb_at(frame, x, y) - color).max() < 9, (rgb_at(frame, x, y), color)


def two_cameras(path) -> None:
    """Ten ticks of 0.1 s; images in both byte orders of colour."""
    shots = []
    for k in range(10):
        t = k / 10
        shots += [
            Shot(TOP, t, t + 0.01, RED),
            Shot(WRIST, t, t + 0.01, GREEN, "bgr8"),
            Shot(TOP_SEEN, t, t + 0.15, BLUE, "bgr8"),
            Shot(WRIST_SEEN, t, t + 0.15, GREY),
        ]
    write_shots(path, shots)


@pytest.mark.parametrize("encoder", ["libx264", "libopenh264"])
def test_colours_and_places_survive(tmp_path, encoder):
    if encoder not in av.codecs_available:
        pytest.skip(f"this PyAV has no {encoder}")
    two_cameras(tmp_path / "bag")
    video = write_video(tmp_path / "bag", tmp_path / "v.mp4", encoder=encoder)
    assert (video.width, video.height, video.encoder) == (128, 2 * (48 + STRIP), encoder)
    assert video.cameras == ("top", "wrist")
    frames, codec = decode(tmp_path / "v.mp4")
    assert "h264" in codec
    _, frame = frames[5]
    assert frame.format.name == "yuv420p"
    assert (frame.colorspace, frame.color_range) == (1, 1)  # BT.709, limited
    assert_color(frame, 32, STRIP + 24, RED)
    assert_color(frame, 96, STRIP + 24, BLUE)
    assert_color(frame, 32, 48 + 2 * STRIP + 24, GREEN)
    assert_color(frame, 96, 48 + 2 * STRIP + 24, GREY)


def test_frames_lie_where_the_header_stamps_say(tmp_path):
    # A tick every 0.1 s, then a gap of 1.3 s, and everything recorded late and unevenly.
    stamps = [0.0, 0.1, 0.2, 1.5, 1.6]
    shots = [Shot(TOP_SEEN, t, t + 0.2 + 0.05 * (k % 2), RED) for k, t in enumerate(stamps)]
    write_shots(tmp_path / "bag", shots)
    video = write_video(tmp_path / "bag", tmp_path / "v.mp4")
    frames, _ = decode(tmp_path / "v.mp4")
    assert [time for time, _ in frames] == pytest.approx(stamps, abs=0.001)
    assert video.frames == 5
    assert video.duration_s == pytest.approx(1.6)


def test_every_camera_shows_its_last_known_picture(tmp_path):
    shots = [Shot(TOP_SEEN, k / 10, k / 10, RED) for k in range(10)]
    shots += [Shot(WRIST_SEEN, 0.0, 0.0, GREEN), Shot(WRIST_SEEN, 0.5, 0.5, BLUE)]
    write_shots(tmp_path / "bag", shots)
    write_video(tmp_path / "bag", tmp_path / "v.mp4")
    frames, _ = decode(tmp_path / "v.mp4")
    wrist = (96, 48 + 2 * STRIP + 24)
    assert len(frames) == 10
    for time, frame in frames:
        assert_color(frame, *wrist, GREEN if time < 0.49 else BLUE)


def test_it_begins_with_the_first_overlay_and_dims_an_old_one(tmp_path):
    """The camera at 10 Hz from 0 s on, overlays at 0.3 s and 0.8 s alone."""
    shots = [Shot(TOP, k / 10, k / 10 + 0.01, RED) for k in range(10)]
    shots += [Shot(TOP_SEEN, t, t + 0.05, (200, 200, 40)) for t in (0.3, 0.8)]
    write_shots(tmp_path / "bag", shots)
    write_video(tmp_path / "bag", tmp_path / "v.mp4")
    frames, _ = decode(tmp_path / "v.mp4")
    assert [time for time, _ in frames] == pytest.approx([k / 10 for k in range(7)], abs=0.001)
    for time, frame in frames:
        bright = min(abs(time - t) for t in (0.0, 0.5)) < 0.01
        luma = rgb_at(frame, 96, STRIP + 24)[0]
        assert (luma > 180) == bright, (time, luma)
        assert_color(frame, 32, STRIP + 24, RED)


def test_the_overlay_appears_with_the_image_that_it_explains(tmp_path):
    # Both turn from red to blue at 0.5 s; the overlay is recorded 0.3 s later.
    shots = []
    for k in range(10):
        color = RED if k < 5 else BLUE
        shots += [Shot(TOP, k / 10, k / 10, color), Shot(TOP_SEEN, k / 10, k / 10 + 0.3, color)]
    write_shots(tmp_path / "bag", shots)
    write_video(tmp_path / "bag", tmp_path / "v.mp4")
    for time, frame in decode(tmp_path / "v.mp4")[0]:
        color = RED if time < 0.49 else BLUE
        assert_color(frame, 32, STRIP + 24, color)
        assert_color(frame, 96, STRIP + 24, color)


def test_a_faster_camera_is_merged_into_the_highest_frame_rate(tmp_path):
    shots = [Shot(TOP_SEEN, k / 200, k / 200, RED) for k in range(200)]
    write_shots(tmp_path / "bag", shots)
    write_video(tmp_path / "bag", tmp_path / "v.mp4", max_fps=20)
    times = [time for time, _ in decode(tmp_path / "v.mp4")[0]]
    assert np.diff(times)[:-1].min() >= 0.049
    assert 19 <= len(times) <= 22
    assert times[-1] == pytest.approx(0.995, abs=0.001)


def test_a_camera_without_own_images_leaves_its_place_empty(tmp_path):
    write_shots(tmp_path / "bag", [Shot(TOP_SEEN, k / 10, k / 10, RED) for k in range(3)])
    video = write_video(tmp_path / "bag", tmp_path / "v.mp4")
    assert video.width == 128
    _, frame = decode(tmp_path / "v.mp4")[0][1]
    assert_color(frame, 32, STRIP + 24, (24, 24, 24))
    assert_color(frame, 96, STRIP + 24, RED)


def test_odd_sizes_and_a_wanted_height_give_even_ones(tmp_path):
    with BagWriter(tmp_path / "bag") as writer:
        writer.add_topic(TOP_SEEN, "sensor_msgs/msg/Image")
        writer.write(TOP_SEEN, image_cdr(START_NS, plain(RED, 47, 63)), START_NS)
    video = write_video(tmp_path / "bag", tmp_path / "v.mp4")
    assert (video.width % 2, video.height % 2) == (0, 0)
    assert len(decode(tmp_path / "v.mp4")[0]) == 1
    tall = write_video(tmp_path / "bag", tmp_path / "tall.mp4", panel_height=94)
    assert (tall.width, tall.height) == (2 * 126, 94 + STRIP)


def test_an_unreadable_picture_is_left_out_and_logged(tmp_path, caplog):
    with BagWriter(tmp_path / "bag") as writer:
        writer.add_topic(TOP_SEEN, "sensor_msgs/msg/Image")
        for k in range(4):
            stamp = START_NS + k * SECOND // 10
            data = image_cdr(stamp, plain(RED)) if k != 2 else string_cdr("x" * 40)
            writer.write(TOP_SEEN, data, stamp)
    video = write_video(tmp_path / "bag", tmp_path / "v.mp4")
    assert video.frames == 3
    assert "1 pictures" in caplog.text


def test_the_file_plays_from_its_beginning(tmp_path):
    two_cameras(tmp_path / "bag")
    write_video(tmp_path / "bag", tmp_path / "v.mp4")
    data = (tmp_path / "v.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_mistakes_are_one_sentence(tmp_path, monkeypatch):
    two_cameras(tmp_path / "bag")
    with pytest.raises(BagError, match="cannot be written"):
        write_video(tmp_path / "bag", tmp_path / "nowhere" / "v.mp4")
    with pytest.raises(BagError, match=r"no H\.264 encoder \(libnothing\)"):
        write_video(tmp_path / "bag", tmp_path / "v.mp4", encoder="libnothing")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(BagError, match="videos need PyAV"):
        write_video(tmp_path / "bag", tmp_path / "v.mp4")


def test_bags_are_read_and_written_without_pyav(tmp_path):
    code = "import sys; sys.modules['av'] = None; import pam_ros.bags"
    subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        cwd=video_module.__file__[: -len("pam_ros/bags/video.py")],
    )
    two_cameras(tmp_path / "bag")
    with BagReader(tmp_path / "bag") as reader:
        assert sum(topic.count for topic in reader.topics.values()) == 40
