# SPDX-License-Identifier: Apache-2.0
"""Every encoding against others' conversions: OpenCV's by cv_bridge's own table, and FFmpeg's."""

from __future__ import annotations

from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest
from robot_pictures import wide

from pam_ros.robot import MessageError, image_to_rgb
from pam_ros.robot.images import ENCODINGS

HEIGHT, WIDTH = 24, 32
RNG = np.random.default_rng(12)
NOISE = RNG.integers(0, 256, (HEIGHT, WIDTH, 4), dtype=np.uint8)
# Colours that change little from pixel to pixel, so that it hardly matters how they are shared.
SMOOTH = cv2.resize(RNG.integers(30, 226, (3, 4, 3), dtype=np.uint8), (WIDTH, HEIGHT))

# cv_bridge's getConversionCode to RGB; mosaics by OpenCV's older names, as it has them.
CV_BRIDGE = {
    "rgb8": None, "bgr8": cv2.COLOR_BGR2RGB, "rgba8": cv2.COLOR_RGBA2RGB,
    "bgra8": cv2.COLOR_BGRA2RGB, "mono8": cv2.COLOR_GRAY2RGB,
    "rgb16": None, "bgr16": cv2.COLOR_BGR2RGB, "rgba16": cv2.COLOR_RGBA2RGB,
    "bgra16": cv2.COLOR_BGRA2RGB, "mono16": cv2.COLOR_GRAY2RGB,
    "bayer_rggb8": cv2.COLOR_BayerBG2RGB, "bayer_bggr8": cv2.COLOR_BayerRG2RGB,
    "bayer_gbrg8": cv2.COLOR_BayerGR2RGB, "bayer_grbg8": cv2.COLOR_BayerGB2RGB,
    "bayer_rggb16": cv2.COLOR_BayerBG2RGB, "bayer_bggr16": cv2.COLOR_BayerRG2RGB,
    "bayer_gbrg16": cv2.COLOR_BayerGR2RGB, "bayer_grbg16": cv2.COLOR_BayerGB2RGB,
    "yuv422": cv2.COLOR_YUV2RGB_UYVY, "uyvy": cv2.COLOR_YUV2RGB_UYVY,
    "yuv422_yuy2": cv2.COLOR_YUV2RGB_YUY2, "yuyv": cv2.COLOR_YUV2RGB_YUY2,
}  # fmt: skip
# What FFmpeg calls them. It has V before U in none of those of three planes.
FFMPEG = {
    "nv12": "nv12", "nv21": "nv21", "i420": "yuv420p", "yuv420": "yuv420p", "yv12": "yuv420p",
    "nv16": "nv16", "nv61": "nv16", "yuv422p": "yuv422p", "nv24": "nv24", "nv42": "nv42",
    "yuv422": "uyvy422", "uyvy": "uyvy422", "yuv422_yuy2": "yuyv422", "yuyv": "yuyv422",
    "yvyu": "yvyu422",
}  # fmt: skip


def message(encoding, data, step, big=0, height=HEIGHT, width=WIDTH):
    return SimpleNamespace(
        height=height, width=width, encoding=encoding, step=step, is_bigendian=big, data=data
    )


def channels_of(encoding: str) -> int:
    if encoding.startswith(("mono", "bayer")):
        return 1
    if encoding.startswith(("yuv", "uyvy", "yuyv")):
        return 2
    return 4 if "a" in encoding else 3


@pytest.mark.parametrize("padding", [0, 8])
@pytest.mark.parametrize("big", [0, 1])
@pytest.mark.parametrize("encoding", CV_BRIDGE)
def test_pixels_are_converted_as_cv_bridge_does(encoding, big, padding):
    channels = channels_of(encoding)
    pixels = NOISE[..., :channels] if channels > 1 else NOISE[..., 0]
    code = CV_BRIDGE[encoding]
    if encoding.endswith("16"):
        pixels = RNG.integers(0, 65536, pixels.shape, dtype=np.uint16)
    expected = pixels if code is None else cv2.cvtColor(np.ascontiguousarray(pixels), code)
    if encoding.endswith("16"):
        # cv::Mat::convertTo(CV_8U, 255 / 65535).
        expected = np.rint(expected.astype(np.float64) * (255 / 65535)).astype(np.uint8)
        pixels = pixels.astype(">u2" if big else "<u2")
    rows = np.ascontiguousarray(pixels).view(np.uint8).reshape(HEIGHT, -1)
    padded = np.hstack([rows, np.full((HEIGHT, padding), 0xEE, np.uint8)])
    for step in {padded.shape[1], 0 if not padding else padded.shape[1]}:
        found = image_to_rgb(message(encoding, padded.tobytes(), step, big))
        np.testing.assert_array_equal(found, expected)


def frame_planes(frame) -> list[np.ndarray]:
    """The rows of a frame's planes, as FFmpeg laid them out."""
    return [
        np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: plane.height]
        for plane in frame.planes
    ]


def as_sent(encoding: str, padding: int) -> tuple[bytes, int, np.ndarray]:
    """FFmpeg's picture of SMOOTH in this encoding: data, step, and its own way back to RGB."""
    frame = av.VideoFrame.from_ndarray(SMOOTH, format="rgb24")
    frame = frame.reformat(format=FFMPEG[encoding], dst_colorspace="ITU601")
    back = frame.to_ndarray(format="rgb24", src_colorspace="ITU601")
    planes = frame_planes(frame)
    packed = len(planes) == 1
    width = 2 * WIDTH if packed else WIDTH
    step = width + padding
    if encoding == "yv12":
        planes = [planes[0], planes[2], planes[1]]
    parts = []
    for place, plane in enumerate(planes):
        # Bytes of a row, and how the padding of a message divides among planes.
        share = 1 if packed or place == 0 else step_share(encoding)
        size = int(width * share)
        row = plane[:, :size]
        if encoding == "nv61" and place == 1:
            row = row.reshape(len(row), -1, 2)[..., ::-1].reshape(len(row), -1)
        gap = np.full((len(row), int(step * share) - size), 0xEE, np.uint8)
        parts.append(np.hstack([row, gap]).tobytes())
    return b"".join(parts), step, back


def step_share(encoding: str) -> float:
    if encoding in {"nv24", "nv42"}:
        return 2
    return 0.5 if encoding in {"i420", "yuv420", "yv12", "yuv422p"} else 1


@pytest.mark.parametrize("padding", [0, 8])
@pytest.mark.parametrize("encoding", FFMPEG)
def test_yuv_is_converted_as_ffmpeg_does(encoding, padding):
    data, step, expected = as_sent(encoding, padding)
    found = image_to_rgb(message(encoding, data, step))
    error = np.abs(found.astype(int) - expected)
    # The two round differently, and FFmpeg interpolates shared colours where OpenCV repeats them.
    assert np.median(error) <= 2
    assert error.max() <= 30
    assert np.abs(found.astype(int) - SMOOTH).mean() <= 4
    if not padding:
        np.testing.assert_array_equal(image_to_rgb(message(encoding, data, 0)), found)
    with pytest.raises(MessageError, match="image data has"):
        image_to_rgb(message(encoding, data[:-1], step))


def test_no_encoding_is_left_out():
    assert set(ENCODINGS) == set(CV_BRIDGE) | set(FFMPEG)


@pytest.mark.parametrize(
    ("given", "meant"),
    [("8UC3", "bgr8"), ("8UC3", "rgb8"), ("8UC4", "bgra8"), ("8UC1", "mono8"), ("8UC2", "yuyv"),
     ("8UC1", "bayer_grbg8"), ("16UC1", "mono16"), ("16UC1", "bayer_rggb16"), ("16UC3", "rgb16"),
     ("8UC1", "nv12")],
)  # fmt: skip
def test_the_contract_says_what_a_message_that_tells_only_its_type_is(given, meant):
    if meant == "nv12":
        data, step, _ = as_sent("nv12", 0)
        pixels = np.frombuffer(data, np.uint8)
    else:
        channels = channels_of(meant)
        pixels = NOISE[..., :channels] if channels > 1 else NOISE[..., 0]
        if meant.endswith("16"):
            pixels = wide(pixels)
        pixels = np.ascontiguousarray(pixels)
        step = pixels.nbytes // HEIGHT
    named = image_to_rgb(message(meant, pixels.tobytes(), step))
    typed = image_to_rgb(message(given, pixels.tobytes(), step), meant)
    np.testing.assert_array_equal(named, typed)


@pytest.mark.parametrize(
    ("encoding", "height", "width", "step", "sentence"),
    [
        ("i420", 5, 6, 6, "image height is 5; i420 needs an even height"),
        ("yv12", 4, 5, 6, "image width is 5; yv12 needs an even width"),
        ("yuv420", 4, 6, 7, "image step is 7 bytes; yuv420 needs an even step"),
        ("yuv422p", 5, 6, 7, "image step is 7 bytes; yuv422p needs an even step"),
        ("nv16", 5, 3, 4, "image width is 3; nv16 needs an even width"),
        ("nv24", 5, 3, 2, "3 pixels of nv24 need at least 3"),
    ],
)
def test_sizes_that_an_encoding_cannot_have_are_one_sentence(
    encoding, height, width, step, sentence
):
    with pytest.raises(MessageError, match=sentence):
        image_to_rgb(message(encoding, bytes(200), step, 0, height, width))
