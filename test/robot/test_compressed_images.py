# SPDX-License-Identifier: Apache-2.0
"""CompressedImage to RGB: what the format says, what the file holds, and files that lie."""

from __future__ import annotations

import dataclasses
import io
import struct
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from robot_pictures import PATTERNS, RAMP, RGB, RNG, camera, image, mosaic, wide

from pam_ros.robot import MessageError, compressed_to_rgb, fill_compressed_image, image_to_rgb
from pam_ros.robot.contract import COMPRESSED_IMAGE
from pam_ros.robot.images import MAX_PIXELS


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


def png(pixels: np.ndarray) -> bytes:
    """A PNG of an array as it is, in OpenCV's order."""
    return cv2.imencode(".png", pixels)[1].tobytes()


def jpg(pixels: np.ndarray) -> bytes:
    """A JPEG likewise, of the best quality."""
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()


RED = np.zeros((16, 16, 3), np.uint8)
RED[...] = (220, 30, 40)


@pytest.mark.parametrize(
    ("form", "first"),
    [
        ("jpeg", 40),
        ("png", 40),
        ("rgb8", 40),
        ("rgb8; jpeg compressed bgr8", 40),
        ("bgr8; png compressed bgr8", 40),
        ("rgba8; jpeg compressed bgr8", 40),
        # compressed_image_transport's subscriber takes these to have been written in RGB order.
        ("rgb8; jpeg compressed rgb8", 220),
        ("bgr8; jpeg compressed ", 220),
        # These say nothing of an order.
        ("mono8; jpeg compressed mono8", 40),
        ("8UC3; png compressed ", 40),
    ],
)
def test_red_is_red_whatever_order_the_format_says(form, first):
    # What cv2 writes first is blue, if it is written as everybody writes it.
    stored = RED[..., ::-1] if first == 40 else RED
    data = png(stored) if "png" in form else jpg(stored)
    assert np.abs(compressed_to_rgb(compressed(data, form)).astype(int) - RED).max() < 6


DEPTH = np.full((16, 16), 1500, np.uint16)


@pytest.mark.parametrize(
    ("data", "form"),
    [
        (png(DEPTH), "16UC1; png compressed "),
        (jpg((DEPTH / 257).astype(np.uint8)), "16UC1; jpeg compressed mono8"),
        (png(DEPTH), "16UC1"),
        (png(DEPTH), "16UC1; compressedDepth"),
        (b"\0" * 12 + png(DEPTH), "32FC1; compressedDepth png"),
        (png(RED), "32FC3; png compressed "),
    ],
)
def test_depth_is_no_colour_picture(data, form):
    with pytest.raises(MessageError, match=r"is a depth image or .* \(format '[136]"):
        compressed_to_rgb(compressed(data, form))


@pytest.mark.parametrize("form", ["png", "mono8; png compressed ", "rgb8; png compressed bgr8"])
def test_a_picture_that_could_be_depth_is_refused(form):
    with pytest.raises(MessageError, match=r"16 bits per pixel and one .* does not say mono16"):
        compressed_to_rgb(compressed(png(DEPTH), form))


def test_sixteen_bits_are_scaled_if_they_are_of_a_picture():
    grey = wide(RGB[:, :, 0])
    found = compressed_to_rgb(compressed(png(grey), "mono16; png compressed "))
    np.testing.assert_array_equal(found, np.dstack([RGB[:, :, 0]] * 3))
    data = png(np.ascontiguousarray(wide(RGB)[:, :, ::-1]))
    for form in ("rgb16; png compressed bgr16", "png"):
        np.testing.assert_array_equal(compressed_to_rgb(compressed(data, form)), RGB)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_compressed_mosaic_comes_out_as_the_raw_one(pattern):
    seen = mosaic(RAMP, pattern)
    raw = image_to_rgb(image(seen, f"bayer_{pattern}8"))
    form = f"bayer_{pattern}8; png compressed "
    np.testing.assert_array_equal(compressed_to_rgb(compressed(png(seen), form)), raw)
    near = compressed_to_rgb(compressed(jpg(seen), f"bayer_{pattern}8; jpeg compressed "))
    assert np.abs(near.astype(int) - raw).max() <= 6
    form = f"bayer_{pattern}16; png compressed "
    deep = compressed_to_rgb(compressed(png(wide(seen)), form))
    assert np.abs(deep.astype(int) - raw).max() <= 1


@pytest.mark.parametrize(
    ("pixels", "form", "sentence"),
    [
        # Since ROS 2, compressed_image_transport makes these grey before it compresses them.
        (RED[..., 0], "bayer_rggb8; jpeg compressed mono8", "holds brightness alone"),
        (RED[..., 0], "yuv422_yuy2; jpeg compressed mono8", "holds brightness alone"),
        (RED, "bayer_rggb8; jpeg compressed ", "has 3 channels; a mosaic has one"),
        (RED[:2, :, 0], "bayer_rggb8; png compressed ", "2x16 is too small"),
    ],
)
def test_a_mosaic_that_is_none_is_refused(pixels, form, sentence):
    with pytest.raises(MessageError, match=sentence):
        compressed_to_rgb(compressed(png(pixels), form))


def pillow_png(picture: Image.Image, **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, "png", **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("kind", "options"),
    [("P", {}), ("P", {"transparency": 0}), ("RGBA", {}), ("LA", {}), ("L", {}), ("1", {})],
)
def test_palette_alpha_and_single_bits_keep_their_colours(kind, options):
    picture = Image.fromarray(RGB).convert(kind)
    found = compressed_to_rgb(compressed(pillow_png(picture, **options), "png"))
    np.testing.assert_array_equal(found, np.asarray(picture.convert("RGB")))


def ways(message):
    """The same message, as every part of the package reads it."""
    from pam_ros.bags.pictures import decode_picture
    from pam_ros.robot.observation import camera_image
    from pam_ros.show.rerun import scene

    contract = dataclasses.replace(camera(), type=COMPRESSED_IMAGE)
    reader = SimpleNamespace(decode=lambda each: each, path="bag")
    yield camera_image(contract, message)
    yield decode_picture(reader, SimpleNamespace(**vars(message), type=COMPRESSED_IMAGE))
    yield scene._rgb(COMPRESSED_IMAGE, message)


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_the_orientation_in_exif_turns_nothing_anywhere(kind):
    exif = Image.Exif()
    exif[0x0112] = 6  # a camera on its side
    file = io.BytesIO()
    Image.fromarray(RAMP).save(file, kind, exif=exif)
    message = compressed(file.getvalue(), "rgb8; jpeg compressed bgr8")
    for rgb in ways(message):
        assert rgb.shape == RAMP.shape
        assert np.abs(rgb.astype(int) - RAMP).mean() < 4


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


def test_a_filled_compressed_image_has_image_transports_format_and_red_stays_red():
    message = SimpleNamespace()
    fill_compressed_image(message, np.full((32, 32, 3), (210, 20, 30), dtype=np.uint8))
    assert message.format == "rgb8; jpeg compressed bgr8"
    rgb = compressed_to_rgb(message).astype(int)
    assert np.abs(rgb - (210, 20, 30)).max() < 6
