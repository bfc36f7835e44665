# SPDX-License-Identifier: Apache-2.0
"""Packets of H.264: every picture, or counted. Against FFmpeg's own reader and what was sent."""

from __future__ import annotations

import contextlib
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from video_packets import KIND, SECOND, encode, ffmpeg_message, foxglove_message, picture, reference

from pam_ros.robot import MessageError, image_to_rgb
from pam_ros.robot.contract import FOXGLOVE_VIDEO
from pam_ros.robot.h264 import FrameNumbers
from pam_ros.robot.video import Packet, VideoDecoder, decoded_image, read_packet

STREAMS = {
    "plain": encode(45),
    "zerolatency": encode(45, tune="zerolatency"),
    "b-frames": encode(45, b_frames=3),
    "b-pyramid": encode(45, b_frames=3, **{"x264-params": "b-pyramid=normal"}),
    "several slices": encode(45, **{"x264-params": "slices=4"}),
    "high 4:4:4 off, baseline": encode(45, profile="baseline"),
    "one key frame": encode(45, every=250),
}


def feed(decoder, packets, at=None):
    """Numbers and pictures that come of packets, None for those that will not come."""
    found = []
    for data, number in packets:
        stamp = 5 * SECOND + number * SECOND // 30 if at is None else at(number)
        message = ffmpeg_message(data, number, stamp)
        found += decoder.take(read_packet(KIND, message), number)
    return found + decoder.end()


@pytest.mark.parametrize("name", STREAMS)
def test_every_picture_comes_once_in_order_and_as_ffmpeg_reads_it(name):
    decoder = VideoDecoder()
    found = feed(decoder, STREAMS[name])
    assert [number for number, _ in found] == list(range(45))
    assert not decoder.counts
    for (number, rgb), expected in zip(found, reference(STREAMS[name]), strict=True):
        assert np.abs(rgb.astype(int) - expected).max() <= 2
        # As it was sent, but for the edges of colours, which blocks of four share.
        error = np.abs(rgb.astype(int) - picture(number))
        assert np.median(error) <= 3
        assert error[:16].max() <= 12


@pytest.mark.parametrize(("name", "late"), [("plain", 0), ("zerolatency", 0), ("b-frames", 2)])
def test_a_picture_waits_for_no_more_packets_than_its_stream_reorders(name, late):
    decoder = VideoDecoder()
    shown = []
    for place, (data, number) in enumerate(STREAMS[name]):
        packet = read_packet(KIND, ffmpeg_message(data, number, SECOND + number))
        shown += [(place, seen) for seen, _ in decoder.take(packet, number)]
    assert all(place - seen <= late for place, seen in shown)


@pytest.mark.parametrize("name", ["plain", "b-frames", "one key frame"])
def test_what_comes_before_a_key_frame_is_counted(name):
    decoder = VideoDecoder()
    found = feed(decoder, STREAMS[name][3:])
    pictures = [number for number, rgb in found if rgb is not None]
    lost = [number for number, rgb in found if rgb is None]
    assert sorted(pictures + lost) == sorted(number for _, number in STREAMS[name][3:])
    assert pictures == ([] if name == "one key frame" else list(range(10, 45)))
    assert decoder.counts["before_key_frame"] == len(lost)


@settings(deadline=None, max_examples=40)
@given(
    name=st.sampled_from(["plain", "b-frames", "b-pyramid", "several slices"]),
    begin=st.integers(1, 30),
    length=st.integers(1, 12),
)
def test_after_missing_packets_no_mixture_is_shown(name, begin, length):
    whole = dict(feed(VideoDecoder(), STREAMS[name]))
    packets = STREAMS[name][:begin] + STREAMS[name][begin + length :]
    decoder = VideoDecoder()
    found = feed(decoder, packets)
    assert sorted(number for number, _ in found) == sorted(number for _, number in packets)
    shown = {number: rgb for number, rgb in found if rgb is not None}
    for number, rgb in shown.items():
        np.testing.assert_array_equal(rgb, whole[number])
    assert sum(decoder.counts.values()) == len(packets) - len(shown)
    # It goes on with the next key frame.
    assert {40, 41, 42, 43, 44} <= set(shown)


def test_a_packet_that_is_damaged_costs_what_depends_on_it():
    packets = list(STREAMS["plain"])
    data, number = packets[13]
    packets[13] = (data[:12] + bytes(len(data) - 12), number)
    decoder = VideoDecoder()
    found = dict(feed(decoder, packets))
    whole = dict(feed(VideoDecoder(), STREAMS["plain"]))
    for number in (*range(13), *range(20, 45)):
        np.testing.assert_array_equal(found[number], whole[number])
    for data in (b"", b"text", b"\0\0\1\x67", b"\0\0\1\x65\x88"):
        decoder = VideoDecoder()
        assert decoder.take(read_packet(KIND, ffmpeg_message(data, 0, SECOND)), 0) in (
            [(0, None)],
            [],
        )


@pytest.mark.parametrize("by", ["stamp", "number"])
def test_a_seek_begins_anew(by):
    def at(number):
        return 50 * SECOND + number * SECOND // 30

    decoder = VideoDecoder()
    packets = STREAMS["plain"]
    found = []
    # The recording once, then again from the middle of a group of pictures.
    for data, number in [*packets, *packets[5:]]:
        stamp = at(number) if by == "stamp" else SECOND
        found += decoder.take(read_packet(KIND, ffmpeg_message(data, number, stamp)), number)
    shown = [number for number, rgb in found if rgb is not None]
    assert shown == [*range(45), *range(10, 45)]
    assert decoder.counts == {"before_key_frame": 5}


def test_without_numbers_a_long_silence_may_have_cost_a_key_frame():
    packets = STREAMS["plain"]
    decoder = VideoDecoder()
    found = []
    # What is left looks like one stream to the last bit: each group begins with the same numbers.
    for data, number in packets[:4] + packets[14:]:
        message = foxglove_message(data, 7 * SECOND + number * SECOND // 30)
        found += decoder.take(read_packet(FOXGLOVE_VIDEO, message), number)
    assert [n for n, rgb in found if rgb is not None] == [*range(4), *range(20, 45)]
    assert decoder.counts == {"after_gap": 6}


@pytest.mark.parametrize("numbers", [lambda number: 33_333 * number, lambda _: 0])
def test_numbers_that_count_no_pictures_are_not_heeded(numbers):
    decoder = VideoDecoder()
    found = []
    for data, number in STREAMS["plain"]:
        message = ffmpeg_message(data, numbers(number), SECOND + number * SECOND // 30)
        found += decoder.take(read_packet(KIND, message), number)
    shown = [number for number, rgb in found if rgb is not None]
    assert set(range(10, 45)) <= set(shown)
    assert sorted(number for number, _ in found) == list(range(45))


def test_a_publisher_that_begins_anew_is_followed():
    decoder = VideoDecoder()
    found = feed(decoder, encode(20)) + feed(decoder, encode(12, profile="baseline"))
    assert [number for number, _ in found] == [*range(20), *range(12)]
    assert not decoder.counts


def test_foxgloves_messages_are_the_same_pictures():
    decoder = VideoDecoder()
    found = []
    for data, number in STREAMS["plain"]:
        message = foxglove_message(data, 7 * SECOND + number)
        packet = read_packet(FOXGLOVE_VIDEO, message)
        assert packet.stamp_ns == 7 * SECOND + number
        found += decoder.take(packet, number)
    whole = feed(VideoDecoder(), STREAMS["plain"])
    for (_, one), (_, other) in zip(found, whole, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("codec", ["h264", "libx264", "h264_nvenc", "h264;yuv420p;bgr8;bgr8"])
def test_the_encoders_that_make_h264_are_known(codec):
    data, number = STREAMS["plain"][0]
    packet = read_packet(KIND, ffmpeg_message(data, number, SECOND, codec))
    assert len(VideoDecoder().take(packet, 0)) == 1


@pytest.mark.parametrize("codec", ["hevc", "hevc_nvenc", "h265", "av1", ""])
def test_another_codec_is_one_sentence(codec):
    packet = read_packet(KIND, ffmpeg_message(b"", 0, SECOND, codec))
    with pytest.raises(MessageError, match=f"video is '{codec}'; H.264 is read: let the publisher"):
        VideoDecoder().take(packet, 0)


def test_a_decoded_picture_is_read_as_any_image():
    rgb = picture(3)
    np.testing.assert_array_equal(image_to_rgb(decoded_image(None, rgb)), rgb)


@given(data=st.binary(max_size=200), place=st.integers(0, 60))
@settings(deadline=None, max_examples=150)
def test_no_bytes_break_the_decoder(data, place):
    key = STREAMS["plain"][0][0]
    decoder = VideoDecoder()
    for number, one in enumerate((key, key[:place] + data, b"\0\0\1" + data, key)):
        found = decoder.take(read_packet(KIND, ffmpeg_message(one, number, SECOND)), number)
        assert all(rgb is None or rgb.ndim == 3 for _, rgb in found)
    numbers = FrameNumbers()
    for one in (data, b"\0\0\1" + data, key[:place]):
        with contextlib.suppress(ValueError):
            numbers.read(one)


@pytest.mark.parametrize("matrix", ["ITU601", "ITU709"])
@pytest.mark.parametrize("span", ["MPEG", "JPEG"])
def test_colours_are_decoded_by_the_matrix_and_the_range_that_the_stream_names(matrix, span):
    av = pytest.importorskip("av")
    luma_of = {"ITU601": (0.299, 0.587, 0.114), "ITU709": (0.2126, 0.7152, 0.0722)}[matrix]
    colour = np.array([200, 30, 40])
    luma = float(colour @ luma_of)
    blue, red = ((colour[c] - luma) / (2 * (1 - luma_of[c])) for c in (2, 0))
    low, high, half = (16, 219 / 255, 224 / 255) if span == "MPEG" else (0, 1.0, 1.0)
    planes = [
        np.full((32, 32), low + high * luma),
        np.full((16, 16), 128 + half * blue),
        np.full((16, 16), 128 + half * red),
    ]
    flat = np.concatenate([np.rint(plane).astype(np.uint8).reshape(-1, 32) for plane in planes])
    context = av.CodecContext.create("libx264", "w")
    context.width = context.height = 32
    context.pix_fmt, context.time_base = "yuv420p", Fraction(1, 30)
    context.colorspace = {"ITU601": 6, "ITU709": 1}[matrix]
    context.color_range = {"MPEG": 1, "JPEG": 2}[span]
    context.options = {"crf": "1", "tune": "zerolatency"}
    frame = av.VideoFrame.from_ndarray(flat, format="yuv420p")
    data = b"".join(bytes(packet) for packet in (*context.encode(frame), *context.encode(None)))
    decoder = VideoDecoder()
    done = [*decoder.take(Packet("h264", data, 0, 0), 0), *decoder.end()]
    ((_, rgb),) = done
    assert np.abs(rgb[8:24, 8:24].astype(int) - colour).max() <= 4
