# SPDX-License-Identifier: Apache-2.0
"""Cameras stored as JPEG or H.264 are read under the names of their raw pictures."""

import time

import numpy as np
import pytest
from synthetic_bags import START_NS, image_cdr

from pam_ros.bags import BagReader, BagWriter, qos
from pam_ros.bags.frame_stream import KEYFRAME_EVERY, FrameEncoder
from pam_ros.nodes.recorders.camera_store import CameraStore, Storing, psnr
from pam_ros.robot.images import image_to_rgb
from pam_ros.robot.video import Packet, VideoDecoder

RAW = "/top/image_raw"
STEP = 33_000_000
KINDS = pytest.mark.parametrize(
    ("storing", "stored", "least_db"),
    [
        (Storing("jpeg", jpeg_quality=95), f"{RAW}/compressed", 27),
        (Storing("h264", h264_crf=18), f"{RAW}/ffmpeg", 25),
    ],
)


def picture(index, height=50, width=71):
    """A scene that moves: smooth colours, a bar, and a little noise; odd sizes on purpose.

    Small and colourful, with edges at odd columns, it loses more than a camera's pictures do:
    colours are kept at half size.
    """
    rows, cols = np.mgrid[:height, :width]
    rgb = np.stack([3 * rows, 2 * cols, 90 + rows + cols], axis=2).astype(np.float32)
    rgb[:, (2 * index) % width : (2 * index) % width + 6] = (220, 40, 60)
    rgb += np.random.default_rng(index).normal(0, 1.5, rgb.shape)
    return np.clip(rgb, 0, 255).astype(np.uint8)


def store(bag, storing, pictures, storage="mcap"):
    """A bag of these pictures as the recorder stores them; what it said, and what it says of it."""
    said = []
    with BagWriter(bag, storage) as writer:
        camera = CameraStore(
            writer, RAW, qos(reliability="best_effort"), storing, None, said.append
        )
        for index, data in enumerate(pictures):
            while camera._thread.waiting() > 20:
                time.sleep(0.001)
            camera.put(data, START_NS + index * STEP + 5)
        camera.close()
    assert not camera.not_recorded
    return said, camera.described()


def cdr(index, **size):
    return image_cdr(START_NS + index * STEP, picture(index, **size))


@KINDS
@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_pictures_come_back_with_their_stamps_and_a_stated_loss(
    tmp_path, storing, stored, least_db, storage
):
    said, described = store(tmp_path / "bag", storing, map(cdr, range(45)), storage)
    assert not said
    with BagReader(tmp_path / "bag") as reader:
        assert set(reader.topics) == {stored}
        assert set(reader.readable) == {stored, RAW}
        assert reader.readable[RAW].type == "sensor_msgs/msg/Image"
        assert reader.readable[RAW].count == 45
        found = list(reader.messages([RAW]))
        assert [m.topic for m in found] == [RAW] * 45
        losses = []
        for index, message in enumerate(found):
            assert message.stamp_ns == START_NS + index * STEP + 5
            decoded = reader.decode(message)
            stamp = decoded.header.stamp
            assert stamp.sec * 10**9 + stamp.nanosec == START_NS + index * STEP
            assert decoded.header.frame_id == "camera"
            losses.append(psnr(picture(index), image_to_rgb(decoded)))
    assert min(losses) > least_db
    # What the recorder measured is what comes back, of the pictures that it looked at.
    assert described["pictures"] == 45
    assert described["stored_as"] == stored
    assert min(losses) - 0.1 <= described["psnr_db_lowest"] <= max(losses) + 0.1
    raw_size = 45 * len(cdr(0))
    assert sum(f.stat().st_size for f in (tmp_path / "bag").iterdir()) < raw_size / 2


@KINDS
def test_a_part_of_a_recording_begins_at_its_first_picture(tmp_path, storing, stored, least_db):
    store(tmp_path / "bag", storing, map(cdr, range(45)))
    begin = START_NS + 40 * STEP
    with BagReader(tmp_path / "bag") as reader:
        found = list(reader.messages([RAW], start_ns=begin, stop_ns=begin + 3 * STEP))
        assert [m.stamp_ns for m in found] == [begin + i * STEP + 5 for i in range(3)]
        for index, message in enumerate(found, 40):
            assert psnr(picture(index), image_to_rgb(reader.decode(message))) > least_db


@KINDS
def test_both_names_can_be_read_together_and_all_means_what_lies_there(
    tmp_path, storing, stored, least_db
):
    store(tmp_path / "bag", storing, map(cdr, range(4)))
    with BagReader(tmp_path / "bag") as reader:
        assert [m.topic for m in reader.messages()] == [stored] * 4
        both = [m.topic for m in reader.messages([RAW, stored])]
    assert sorted(both) == sorted([RAW] * 4 + [stored] * 4)


@KINDS
def test_a_picture_that_is_damaged_costs_no_more_than_those_that_build_on_it(
    tmp_path, storing, stored, least_db
):
    store(tmp_path / "whole", storing, map(cdr, range(2 * KEYFRAME_EVERY + 5)))
    with BagReader(tmp_path / "whole") as reader, BagWriter(tmp_path / "bag") as writer:
        topic = reader.topics[stored]
        writer.add_topic(stored, topic.type, topic.qos[0], topic.definition)
        for index, message in enumerate(reader.messages()):
            data = message.data if index != 7 else message.data[:60]
            writer.write(stored, data, message.stamp_ns)
    with BagReader(tmp_path / "bag") as reader:
        found = {
            (m.stamp_ns - START_NS) // STEP: image_to_rgb(reader.decode(m))
            for m in reader.messages([RAW])
        }
    assert 7 not in found
    fine = [i for i, rgb in found.items() if psnr(picture(i), rgb) > least_db]
    assert set(fine) >= {*range(7), *range(KEYFRAME_EVERY, 2 * KEYFRAME_EVERY + 5)}


def test_depth_is_kept_as_it_is_and_said_once(tmp_path):
    from synthetic_bags import TYPES, header

    depth = np.arange(48 * 64, dtype=np.uint16)
    message = TYPES.types["sensor_msgs/msg/Image"](
        header=header(START_NS),
        height=48,
        width=64,
        encoding="16UC1",
        is_bigendian=0,
        step=128,
        data=depth.view(np.uint8),
    )
    data = bytes(TYPES.serialize_cdr(message, "sensor_msgs/msg/Image"))
    said, described = store(tmp_path / "bag", Storing("h264"), [data] * 3)
    assert len(said) == 1
    assert "are stored as they are" in said[0]
    assert described["kept_raw"] == 3
    with BagReader(tmp_path / "bag") as reader:
        assert [bytes(m.data) for m in reader.messages([RAW])] == [data] * 3


def test_colours_and_sizes_survive_a_change_of_size(tmp_path):
    sizes = [{"height": 48, "width": 64}] * 3 + [{"height": 33, "width": 40}] * 3
    pictures = [cdr(i, **size) for i, size in enumerate(sizes)]
    store(tmp_path / "bag", Storing("h264"), pictures)
    with BagReader(tmp_path / "bag") as reader:
        for index, message in enumerate(reader.messages([RAW])):
            rgb = image_to_rgb(reader.decode(message))
            assert psnr(picture(index, **sizes[index]), rgb) > 29


def decoded(packets):
    decoder = VideoDecoder()
    for index, data in enumerate(packets):
        yield from (rgb for _, rgb in decoder.take(Packet("h264", data, index, index), index))
    yield from (rgb for _, rgb in decoder.end())


def test_a_stream_is_what_any_decoder_of_h264_reads():
    """Against FFmpeg's own reading of the raw stream, which knows nothing of our packets."""
    av = pytest.importorskip("av")
    from io import BytesIO

    encoder = FrameEncoder((48, 64), 18)
    packets = [encoder.encode(picture(i, 48, 64)) for i in range(KEYFRAME_EVERY + 2)]
    assert [key for _, key in packets].count(True) == 2
    ours = list(decoded(data for data, _ in packets))
    with av.open(BytesIO(b"".join(data for data, _ in packets)), format="h264") as stream:
        theirs = [
            frame.reformat(
                format="rgb24", src_colorspace="ITU709", dst_colorspace="ITU601"
            ).to_ndarray()
            for frame in stream.decode(video=0)
        ]
    assert len(ours) == len(theirs) == KEYFRAME_EVERY + 2
    assert all(np.array_equal(one, other) for one, other in zip(ours, theirs, strict=True))


def test_colours_are_those_of_bt709_by_its_formula():
    """One plain colour each: against the matrix of ITU-R BT.709, not against our own decoding."""
    for colour in ((200, 30, 40), (20, 160, 60), (30, 40, 210), (128, 128, 128)):
        encoder = FrameEncoder((32, 32), 4)
        data, _ = encoder.encode(np.full((32, 32, 3), colour, np.uint8))
        red, green, blue = (value / 255 for value in colour)
        luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
        expected = (
            16 + 219 * luma,
            128 + 224 * (blue - luma) / 1.8556,
            128 + 224 * (red - luma) / 1.5748,
        )
        context = encoder._av.CodecContext.create("h264", "r")
        (frame,) = context.decode(encoder._av.Packet(data)) or context.decode(None)
        for plane, value in zip(frame.planes, expected, strict=True):
            assert abs(np.frombuffer(plane, np.uint8)[0] - value) < 2
        (rgb,) = decoded([data])
        assert np.abs(rgb.astype(int) - colour).max() <= 4
