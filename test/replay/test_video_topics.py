# SPDX-License-Identifier: Apache-2.0
"""Recorded video topics, packet by packet, against a recording of the pictures that they hold."""

import sys
from pathlib import Path

import numpy as np
import pytest
from recorded_robot import (
    ATTENTION,
    CONTRACT,
    MESSAGES,
    MS,
    START_NS,
    TYPES,
    difference,
    image,
    joints,
    read,
    write_bag,
)

sys.path.insert(0, str(Path(__file__).parents[1] / "robot"))
from video_packets import encode, reference

from pam_ros.observations.bag import BagSource
from pam_ros.policy import load_policy
from pam_ros.replay.one_bag import replay_bag
from pam_ros.replay.settings import ReplaySettings
from pam_ros.robot import load_contract
from pam_ros.robot.contract import FFMPEG_PACKET, FOXGLOVE_VIDEO
from pam_ros.robot.stamps import set_stamp
from pam_ros.robot.topics import topics_of
from pam_ros.show.report.frames import tick_pictures
from pam_ros.show.report.recording import read_recording
from pam_ros.show.rerun.scene import Scene

FRAMES = 24
TOP, SIDE = encode(FRAMES, b_frames=2, every=8), encode(FRAMES, every=8, first=20)
RAW = {"/top/image_raw": reference(TOP), "/side/image_raw": reference(SIDE)}
CAMERAS = {"top": "/top/image_raw", "side": "/side/image_raw"}


def stamp_of(frame: int) -> int:
    return START_NS + frame * 100 * MS


def packet(kind: str, frame: int, data: bytes) -> bytes:
    message = MESSAGES.new(kind)
    if kind == FFMPEG_PACKET:
        set_stamp(message.header.stamp, stamp_of(frame))
        message.header.frame_id = "top"
        message.pts, message.encoding = frame, "h264;yuv420p;bgr8;bgr8"
    else:
        set_stamp(message.timestamp, stamp_of(frame))
        message.frame_id, message.format = "side", "h264"
    message.data = np.frombuffer(data, np.uint8)
    return bytes(MESSAGES.encode(message, kind))


def others():
    for frame in range(FRAMES):
        stamp = stamp_of(frame)
        yield "/joint_states", stamp, stamp + 5 * MS, joints(stamp, (0.01 * frame, -0.02 * frame))


def raw_messages():
    for topic, pictures in RAW.items():
        for frame, rgb in enumerate(pictures):
            stamp = stamp_of(frame)
            yield topic, stamp, stamp + 3 * MS, image(stamp, rgb, topic.split("/")[1])
    yield from others()


def video_messages(lost=()):
    """Packets in the order of sending; a B-frame is sent after what it is made from."""
    for topic, kind, packets in (
        ("/top/image_raw", FFMPEG_PACKET, TOP),
        ("/side/image_raw", FOXGLOVE_VIDEO, [(d, n - 20) for d, n in SIDE]),
    ):
        for place, (data, frame) in enumerate(packets):
            if (topic, place) not in lost:
                received = stamp_of(place) + 3 * MS
                yield topic, stamp_of(frame), received, packet(kind, frame, data)
    yield from others()


def by_reception(messages):
    return sorted(messages, key=lambda one: one[2])


VIDEO_TYPES = TYPES | {"/top/image_raw": FFMPEG_PACKET, "/side/image_raw": FOXGLOVE_VIDEO}


@pytest.fixture
def raw_bag(tmp_path):
    return write_bag(tmp_path / "raw", by_reception(raw_messages()))


@pytest.fixture
def video_bag(tmp_path):
    return write_bag(tmp_path / "video", by_reception(video_messages()), VIDEO_TYPES)


@pytest.fixture
def video_contract(tmp_path):
    text = CONTRACT.format(trigger="trigger: top")
    for topic, kind in (("/top/image_raw", FFMPEG_PACKET), ("/side/image_raw", FOXGLOVE_VIDEO)):
        raw = f"topic: {topic}, type: sensor_msgs/msg/Image"
        text = text.replace(raw, f"topic: {topic}, type: {kind}")
    file = tmp_path / "video.yaml"
    file.write_text(text)
    return str(file)


SPARSE = frozenset({"contribution", "part_share"})
"""Computed on every tenth map: with fewer maps, on others."""


def maps_of(bag, out, checkpoint, contract):
    settings = ReplaySettings(policy=str(checkpoint), contract=contract, threads=1, batch=3)
    report = replay_bag(bag, out, settings)
    return report, read(out, ATTENTION)


def test_replay_collection_report_and_view_see_the_pictures(
    checkpoint, contract, video_contract, raw_bag, video_bag, tmp_path, monkeypatch
):
    _, plain = maps_of(raw_bag, tmp_path / "a", checkpoint, contract)
    report, found = maps_of(video_bag, tmp_path / "b", checkpoint, video_contract)
    assert (report.ticks, report.valid, report.notes) == (FRAMES, FRAMES, ())
    # Our decoder and FFmpeg's reader agree to two levels of 255.
    assert difference(plain, found) < 1e-2

    # A contract of raw images reads a video that was recorded in their place.
    _, again = maps_of(video_bag, tmp_path / "c", checkpoint, contract)
    assert difference(again, found) == 0

    policy = load_policy(str(checkpoint), device="cpu")
    source = BagSource(policy, [video_bag], video_contract)
    frames = list(source.frames(None))
    assert len(frames) == FRAMES
    for frame, one in enumerate(frames):
        for topic, feature in (("/top/image_raw", "top"), ("/side/image_raw", "side")):
            seen = one.observation[f"observation.images.{feature}"]
            assert np.abs(seen.astype(int) - RAW[topic][frame]).max() <= 2

    recording = read_recording(tmp_path / "b", CAMERAS)
    shown = list(tick_pictures(tmp_path / "b", recording))
    assert len(shown) == FRAMES
    for frame, pictures in enumerate(shown):
        for camera, topic in CAMERAS.items():
            assert np.abs(pictures[camera].astype(int) - RAW[topic][frame]).max() <= 2
    assert not [note for note in recording.notes if "video" in note or "picture" in note]

    by = load_contract(video_contract)
    logged = []
    monkeypatch.setattr(Scene, "_log_image", lambda _, entity, rgb: logged.append((entity, rgb)))
    pytest.importorskip("rerun")
    from pam_ros.bags import BagReader
    from pam_ros.show.rerun.opening import into_file

    scene = Scene(into_file(tmp_path / "view.rrd", topics_of(by), "test"), by, topics_of(by))
    with BagReader(video_bag) as reader:
        for message in reader.messages(list(CAMERAS.values())):
            scene.take(message.topic, reader.decode(message), message.stamp_ns)
    side = [rgb for entity, rgb in logged if "side" in entity]
    assert len(side) == FRAMES
    assert np.abs(side[7].astype(int) - RAW["/side/image_raw"][7]).max() <= 2


def test_lost_packets_are_stated_and_no_mixture_is_explained(
    checkpoint, video_contract, video_bag, tmp_path
):
    lost = {("/side/image_raw", place) for place in (0, 1, 2, 11)}
    bag = write_bag(tmp_path / "lossy", by_reception(video_messages(lost)), VIDEO_TYPES)
    report, found = maps_of(bag, tmp_path / "out", checkpoint, video_contract)
    # Of side, 3 to 7 lack their key frame, and 12 to 15 the picture 11 that they were made from.
    assert report.ticks == len([8, 9, 10, *range(16, 24)])
    (note,) = report.notes
    assert note == (
        "/side/image_raw: 9 packets of video gave no picture (5 before key frame, 4 after gap)"
    )
    _, whole = maps_of(video_bag, tmp_path / "whole_out", checkpoint, video_contract)
    stamps = {(m.header.stamp.sec, m.header.stamp.nanosec): m for m in whole}
    for one in found:
        other = stamps[one.header.stamp.sec, one.header.stamp.nanosec]
        assert difference([one.cameras[1]], [other.cameras[1]], SPARSE) < 1e-6
    recording = read_recording(tmp_path / "out", CAMERAS)
    list(tick_pictures(tmp_path / "out", recording))
    assert any("9 packets of video gave no picture" in text for text in recording.notes)
