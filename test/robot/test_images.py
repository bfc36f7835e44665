# SPDX-License-Identifier: Apache-2.0
"""Images: every encoding against its definition, bad messages, crop and resize, geometry."""

from __future__ import annotations

import array
import struct
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pam_ros.attention.geometry import Placement
from pam_ros.robot import (
    CameraContract,
    MessageError,
    compressed_to_rgb,
    fill_compressed_image,
    fill_image,
    fit,
    image_to_rgb,
    source_region,
)
from pam_ros.robot.contract import Crop, Size
from pam_ros.robot.images import MAX_PIXELS

RNG = np.random.default_rng(3)
RGB = RNG.integers(0, 256, (5, 6, 3), dtype=np.uint8)


def image(pixels: np.ndarray, encoding: str, padding: int = 0) -> SimpleNamespace:
    """A message whose rows end in `padding` bytes of 0xEE."""
    height, width = pixels.shape[:2]
    rows = pixels.reshape(height, -1)
    padded = np.hstack([rows, np.full((height, padding), 0xEE, dtype=np.uint8)])
    return SimpleNamespace(
        height=height,
        width=width,
        encoding=encoding,
        is_bigendian=0,
        step=padded.shape[1],
        data=padded.tobytes(),
    )


def with_alpha(pixels: np.ndarray) -> np.ndarray:
    return np.dstack([pixels, RNG.integers(0, 256, pixels.shape[:2], dtype=np.uint8)])


CASES = {
    "rgb8": (RGB, RGB),
    "bgr8": (RGB[:, :, ::-1], RGB),
    "rgba8": (with_alpha(RGB), RGB),
    "bgra8": (with_alpha(RGB[:, :, ::-1]), RGB),
    "mono8": (RGB[:, :, :1], np.repeat(RGB[:, :, :1], 3, axis=2)),
}


@pytest.mark.parametrize("padding", [0, 3])
@pytest.mark.parametrize("encoding", CASES)
def test_each_encoding_becomes_rgb_whatever_the_row_padding(encoding, padding):
    sent, expected = CASES[encoding]
    rgb = image_to_rgb(image(sent, encoding, padding))
    assert rgb.dtype == np.uint8
    assert rgb.flags.c_contiguous
    assert rgb.flags.writeable
    np.testing.assert_array_equal(rgb, expected)


@pytest.mark.parametrize("encoding", ["yuv422_yuy2", "yuyv", "yuv422", "uyvy"])
def test_yuv_images_follow_bt601(encoding):
    # A plain picture, so that shared chroma plays no part. BT.601, limited range (OpenCV's).
    y, u, v = 120, 90, 200
    quad = [y, u, y, v] if encoding.startswith(("yuv422_", "yuyv")) else [u, y, v, y]
    sent = np.tile(np.array(quad, dtype=np.uint8), (4, 3)).reshape(4, 6, 2)
    luma = 1.164 * (y - 16)
    red, blue = luma + 1.596 * (v - 128), luma + 2.018 * (u - 128)
    green = luma - 0.813 * (v - 128) - 0.391 * (u - 128)
    rgb = image_to_rgb(image(sent, encoding)).astype(int)
    assert np.abs(rgb - np.array([red, green, blue])).max() <= 1


@pytest.mark.parametrize("big", [0, 1])
def test_the_endianness_flag_says_nothing_about_bytes(big):
    message = image(RGB, "rgb8")
    message.is_bigendian = big
    np.testing.assert_array_equal(image_to_rgb(message), RGB)


@pytest.mark.parametrize(
    "wrap",
    [
        bytes,
        bytearray,
        memoryview,
        list,
        lambda data: array.array("B", data),
        lambda data: np.frombuffer(data, np.uint8),
    ],
)
def test_the_bytes_may_come_in_any_container(wrap):
    message = image(RGB, "rgb8")
    message.data = wrap(message.data)
    np.testing.assert_array_equal(image_to_rgb(message), RGB)


def test_the_array_does_not_share_memory_with_the_message():
    message = image(RGB, "rgb8")
    message.data = bytearray(message.data)
    rgb = image_to_rgb(message)
    message.data[0] ^= 0xFF
    np.testing.assert_array_equal(rgb, RGB)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"encoding": "16UC1"}, "encoding '16UC1' is not read; publish one of rgb8, bgr8"),
        ({"encoding": "8UC3"}, "encoding '8UC3' is not read"),
        ({"step": 17}, "step is 17 bytes; 6 pixels of rgb8 need at least 18"),
        ({"step": 19}, "data has 90 bytes; height 5 times step 19 is 95"),
        ({"data": b"\0" * 89}, "data has 89 bytes; height 5 times step 18 is 90"),
        ({"data": b"\0" * 91}, "data has 91 bytes"),
        ({"data": b""}, "data has 0 bytes"),
        ({"data": "text"}, "data is a str"),
        ({"height": 0, "data": b""}, "image is empty: 0x6"),
        ({"width": 2**31, "height": 2**31}, "larger than"),
        ({"encoding": "yuyv", "width": 5, "step": 18}, "needs an even width"),
    ],
)
def test_a_bad_image_is_one_sentence(changes, sentence):
    with pytest.raises(MessageError, match=sentence):
        image_to_rgb(SimpleNamespace(**(vars(image(RGB, "rgb8")) | changes)))


def test_an_encoding_other_than_the_contracts_is_refused():
    with pytest.raises(MessageError, match="encoding is 'bgr8'; the contract says 'rgb8'"):
        image_to_rgb(image(RGB, "bgr8"), "rgb8")


def compressed(data: bytes, form: str = "jpeg") -> SimpleNamespace:
    return SimpleNamespace(format=form, data=data)


def encoded(ending: str, rgb: np.ndarray) -> bytes:
    return cv2.imencode(ending, np.ascontiguousarray(rgb[:, :, ::-1]))[1].tobytes()


def test_png_is_exact_and_jpeg_is_close():
    rgb = np.zeros((32, 48, 3), dtype=np.uint8)
    rgb[:, :24] = (200, 30, 10)
    rgb[:, 24:] = (10, 60, 220)
    np.testing.assert_array_equal(compressed_to_rgb(compressed(encoded(".png", rgb))), rgb)
    near = compressed_to_rgb(compressed(encoded(".jpg", rgb))).astype(int)
    assert np.abs(near[:, :20] - rgb[:, :20]).max() < 12
    assert np.abs(near[:, 28:] - rgb[:, 28:]).max() < 12


def test_a_grey_picture_becomes_rgb():
    grey = RNG.integers(0, 256, (7, 9), dtype=np.uint8)
    data = cv2.imencode(".png", grey)[1].tobytes()
    np.testing.assert_array_equal(compressed_to_rgb(compressed(data)), np.dstack([grey] * 3))


@pytest.mark.parametrize(
    ("data", "form", "sentence"),
    [
        (b"", "jpeg", "neither JPEG nor PNG"),
        (b"GIF89a" + b"\0" * 60, "gif", "neither JPEG nor PNG"),
        (encoded(".png", RGB)[:20], "png", "neither JPEG nor PNG, or cut short"),
        (encoded(".jpg", RGB)[:60], "jpeg", "neither JPEG nor PNG, or cut short"),
        (encoded(".png", RGB)[:40], "png", "neither JPEG nor PNG, or cut short"),
        (encoded(".png", RGB), "16UC1; compressedDepth png", "depth image"),
    ],
)
def test_a_bad_compressed_image_is_one_sentence(data, form, sentence):
    with pytest.raises(MessageError, match=sentence):
        compressed_to_rgb(compressed(data, form))


def test_a_small_file_that_declares_a_huge_picture_is_refused_before_decoding():
    png = bytearray(encoded(".png", RGB))
    png[16:24] = struct.pack(">II", 60_000, 60_000)
    with pytest.raises(MessageError, match=f"larger than {MAX_PIXELS}"):
        compressed_to_rgb(compressed(bytes(png), "png"))
    jpeg = bytearray(encoded(".jpg", RGB))
    place = jpeg.index(b"\xff\xc0")
    jpeg[place + 5 : place + 9] = struct.pack(">HH", 60_000, 60_000)
    with pytest.raises(MessageError, match=f"larger than {MAX_PIXELS}"):
        compressed_to_rgb(compressed(bytes(jpeg)))


def test_a_small_file_gets_no_more_memory_than_its_data_can_fill():
    png = bytearray(encoded(".png", RGB))
    png[16:24] = struct.pack(">II", 8000, 8000)
    with pytest.raises(MessageError, match="cannot hold the 8000x8000 pixels"):
        compressed_to_rgb(compressed(bytes(png), "png"))
    # A chunk that declares four gigabytes: the decoder would take them before it reads.
    png = bytearray(encoded(".png", RGB))
    png[33:37] = b"\xff\xff\0\0"
    with pytest.raises(MessageError, match="cut short"):
        compressed_to_rgb(compressed(bytes(png), "png"))
    # The densest that there is: one colour, one bit a pixel.
    flat = cv2.imencode(".png", np.zeros((3000, 3000), np.uint8), [cv2.IMWRITE_PNG_BILEVEL, 1])[1]
    assert compressed_to_rgb(compressed(flat.tobytes(), "png")).shape == (3000, 3000, 3)


@given(st.binary(max_size=400), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"]))
@settings(max_examples=150)
def test_any_bytes_decode_or_are_refused(data, start):
    try:
        rgb = compressed_to_rgb(compressed(start + data))
    except MessageError:
        return
    assert rgb.ndim == 3


@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.sampled_from(["rgb8", "bgra8", "mono8", "yuyv", ""]),
    st.binary(max_size=64),
)
@settings(max_examples=150)
def test_any_sizes_convert_or_are_refused(height, width, step, encoding, data):
    message = SimpleNamespace(
        height=height % 9, width=width % 9, step=step % 40, encoding=encoding, data=data
    )
    try:
        rgb = image_to_rgb(message)
    except MessageError:
        return
    assert rgb.shape == (message.height, message.width, 3)


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8"])
def test_a_filled_image_reads_back_as_it_was(encoding):
    message = SimpleNamespace()
    fill_image(message, RGB, encoding)
    assert (message.height, message.width, message.step) == (5, 6, 18)
    assert isinstance(message.data, array.array)
    assert bytes(message.data[:3]) == bytes(RGB[0, 0] if encoding == "rgb8" else RGB[0, 0, ::-1])
    np.testing.assert_array_equal(image_to_rgb(message, encoding), RGB)


def test_a_filled_compressed_image_has_image_transports_format_and_red_stays_red():
    message = SimpleNamespace()
    fill_compressed_image(message, np.full((32, 32, 3), (210, 20, 30), dtype=np.uint8))
    assert message.format == "rgb8; jpeg compressed bgr8"
    rgb = compressed_to_rgb(message).astype(int)
    assert np.abs(rgb - (210, 20, 30)).max() < 6


def camera(crop=None, resize=None, policy_size=None) -> CameraContract:
    return CameraContract(
        "top",
        "/top",
        "sensor_msgs/msg/Image",
        "observation.images.top",
        None,
        crop,
        resize,
        policy_size,
    )


def test_without_crop_and_resize_the_image_stays_as_it_is():
    np.testing.assert_array_equal(fit(camera(policy_size=Size(5, 6)), RGB), RGB)


def test_a_crop_takes_its_rows_and_columns():
    cut = fit(camera(crop=Crop(x=1, y=2, width=4, height=3)), RGB)
    np.testing.assert_array_equal(cut, RGB[2:5, 1:5])


def test_halving_averages_blocks_of_four():
    rgb = RNG.integers(0, 256, (8, 12, 3), dtype=np.uint8)
    means = rgb.reshape(4, 2, 6, 2, 3).mean(axis=(1, 3))
    assert np.abs(fit(camera(resize=Size(4, 6)), rgb) - means).max() <= 0.5


@pytest.mark.parametrize(("width", "out"), [(320, 100), (120, 300), (120, 120)])
def test_policy_pixels_lie_in_the_source_where_the_region_says(width, out):
    # A ramp along x and y reads the source position off the pixel's value.
    scale = 0.5
    columns = np.arange(width) * scale + 40
    source = np.zeros((60, width + 20, 3), dtype=np.uint8)
    source[:, 10 : 10 + width, 0] = np.rint(columns).astype(np.uint8)
    source[5:45, :, 1] = np.rint(np.arange(40) * 3)[:, None]
    cam = camera(Crop(x=10, y=5, width=width, height=40), "policy", Size(30, out))
    picture = fit(cam, source).astype(float)
    region = source_region(cam, *source.shape[:2])
    placement = Placement(**vars(region))
    for column in (out // 4, out // 2, out - out // 4):
        for row in (8, 15, 22):
            x, y = placement.to_source(column, row)
            assert picture[row, column, 0] == pytest.approx((x - 10) * scale + 40, abs=1.01)
            assert picture[row, column, 1] == pytest.approx((y - 5) * 3, abs=1.51)


@pytest.mark.parametrize(
    ("cam", "sentence"),
    [
        (camera(crop=Crop(2, 2, 4, 4)), "crop reaches to row 6 and column 6"),
        (camera(policy_size=Size(10, 10)), "gives 5x6 .* wants 10x10: write 'resize: policy'"),
        (camera(resize="policy"), "bind the contract first"),
    ],
)
def test_an_image_that_does_not_fit_is_one_sentence(cam, sentence):
    with pytest.raises(MessageError, match=f"camera 'top' .*{sentence}"):
        fit(cam, RGB)
