# SPDX-License-Identifier: Apache-2.0
"""Images: every encoding against its definition, bad messages, crop and resize, geometry."""

from __future__ import annotations

import array
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from robot_pictures import PATTERNS, RAMP, RGB, RNG, camera, image, mosaic, wide

from pam_ros.robot import (
    MessageError,
    fill_image,
    fit,
    image_to_rgb,
    source_region,
)
from pam_ros.robot.contract import Crop, Size
from pam_ros.robot.images import ENCODINGS


def with_alpha(pixels: np.ndarray) -> np.ndarray:
    return np.dstack([pixels, RNG.integers(0, 256, pixels.shape[:2], dtype=np.uint8)])


CASES = {
    "rgb8": (RGB, RGB),
    "bgr8": (RGB[:, :, ::-1], RGB),
    "rgba8": (with_alpha(RGB), RGB),
    "bgra8": (with_alpha(RGB[:, :, ::-1]), RGB),
    "mono8": (RGB[:, :, :1], np.repeat(RGB[:, :, :1], 3, axis=2)),
    "rgb16": (wide(RGB), RGB),
    "bgr16": (wide(RGB[:, :, ::-1]), RGB),
    "rgba16": (wide(with_alpha(RGB)), RGB),
    "bgra16": (wide(with_alpha(RGB[:, :, ::-1])), RGB),
    "mono16": (wide(RGB[:, :, :1]), np.repeat(RGB[:, :, :1], 3, axis=2)),
}


@pytest.mark.parametrize("padding", [0, 3])
@pytest.mark.parametrize("encoding", CASES)
def test_each_encoding_becomes_rgb_whatever_the_row_padding(encoding, padding):
    sent, expected = CASES[encoding]
    rgb = image_to_rgb(image(sent.astype(sent.dtype.newbyteorder("<")), encoding, padding))
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


def test_numbers_of_two_bytes_come_in_the_order_that_the_flag_says():
    message = image(wide(RGB).astype(">u2"), "rgb16")
    message.is_bigendian = 1
    np.testing.assert_array_equal(image_to_rgb(message), RGB)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_mosaic_comes_out_in_its_colours(pattern):
    rgb = image_to_rgb(image(mosaic(RAMP, pattern), f"bayer_{pattern}8")).astype(int)
    assert np.abs(rgb - RAMP)[2:-2, 2:-2].max() <= 12  # interpolated between neighbours
    deep = image(mosaic(wide(RAMP), pattern).astype("<u2"), f"bayer_{pattern}16")
    assert np.abs(image_to_rgb(deep).astype(int) - rgb).max() <= 1


@pytest.mark.parametrize(("encoding", "order"), [("nv12", (0, 1)), ("nv21", (1, 0))])
@pytest.mark.parametrize("padding", [0, 4])
def test_colours_in_a_plane_of_their_own_follow_bt601(encoding, order, padding):
    y, chroma = 120, np.array([90, 200], np.uint8)  # U and V
    message = image(np.full((4, 6), y, np.uint8), encoding, padding)
    plane = image(np.tile(chroma[list(order)], (2, 3)), encoding, padding)
    message.data += plane.data
    plain = image(np.tile(np.array([y, 90, y, 200], np.uint8), (4, 3)).reshape(4, 6, 2), "yuyv")
    assert np.abs(image_to_rgb(message).astype(int) - image_to_rgb(plain)).max() <= 1


def test_a_step_of_zero_says_that_rows_are_packed():
    message = image(RGB, "rgb8")
    message.step = 0
    np.testing.assert_array_equal(image_to_rgb(message), RGB)


@pytest.mark.parametrize("encoding", ["bgr8", "mono8", "rgba8", "bgr16"])
def test_the_contract_says_the_colours_of_a_message_that_tells_only_its_type(encoding):
    sent, expected = CASES[encoding]
    bits, channels = 8 * sent.itemsize, sent.shape[2]
    message = image(sent, f"{bits}UC{channels}")
    np.testing.assert_array_equal(image_to_rgb(message, encoding), expected)
    with pytest.raises(MessageError, match=f"encoding is '{bits}UC{channels}'; the contract says"):
        image_to_rgb(message, "yuyv")


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
        ({"encoding": "16UC1"}, "'16UC1' is of depth or other measurements; publish one of rgb8"),
        ({"encoding": "32FC1"}, "encoding '32FC1' is of depth or other measurements"),
        ({"encoding": "8UC3"}, "encoding '8UC3' is not read; publish one of rgb8, bgr8"),
        ({"encoding": "nonsense"}, "encoding 'nonsense' is not read"),
        ({"encoding": "32FC7"}, "encoding '32FC7' is of depth or other measurements"),
        ({"encoding": ""}, "encoding '' is not read"),
        ({"encoding": "nv21", "step": 6, "data": bytes(45)}, "height is 5; nv21 needs an even"),
        ({"encoding": "nv12", "height": 4, "step": 6, "data": bytes(24)}, "is 36 with the colours"),
        ({"encoding": "bayer_rggb8", "height": 2, "step": 6, "data": bytes(12)}, "too small"),
        ({"encoding": "mono16", "step": 11}, "6 pixels of mono16 need at least 12"),
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
    with pytest.raises(MessageError, match="encoding is 'bayer_rggb8'; the contract says 'rgb8'"):
        image_to_rgb(image(RGB[..., 0], "bayer_rggb8"), "rgb8")


@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.sampled_from([*ENCODINGS, ""]),
    st.binary(max_size=64),
)
@settings(max_examples=150)
def test_any_sizes_convert_or_are_refused(height, width, step, encoding, data):
    message = SimpleNamespace(
        height=height % 9,
        width=width % 9,
        step=step % 40,
        encoding=encoding,
        is_bigendian=step % 2,
        data=data,
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
    for column in (out // 4, out // 2, out - out // 4):
        for row in (8, 15, 22):
            x, y = region.to_source(column, row)
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
