# SPDX-License-Identifier: Apache-2.0
"""Common encodings need no cv_bridge, rare ones have it, and one that is broken stops nothing."""

import builtins

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import Image

from pam_ros.nodes import image_conversion
from pam_ros.nodes.image_conversion import to_rgb
from pam_ros.robot import MessageError


def image(encoding, pixels):
    message = Image(height=pixels.shape[0], width=pixels.shape[1], encoding=encoding)
    message.step = pixels.strides[0]
    message.data = pixels.tobytes()
    return message


@pytest.fixture
def broken_bridge(monkeypatch):
    """cv_bridge as it is where it was compiled for another NumPy."""
    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.startswith("cv_bridge"):
            raise AttributeError("_ARRAY_API not found")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    image_conversion._bridge.cache_clear()
    yield
    image_conversion._bridge.cache_clear()


def test_a_common_encoding_is_read_where_cv_bridge_is_broken(broken_bridge):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
    np.testing.assert_array_equal(to_rgb(image("bgr8", pixels)), pixels[..., ::-1])


def test_a_bayer_picture_comes_out_in_its_colours():
    red = np.zeros((8, 8), np.uint8)
    red[::2, ::2] = 200  # rggb: red in the even rows and columns
    expected = cv2.cvtColor(red, cv2.COLOR_BayerRGGB2RGB)
    picture = to_rgb(image("bayer_rggb8", red))
    np.testing.assert_array_equal(picture, expected)
    assert picture[4, 4, 0] == 200
    assert picture[4, 4, 2] == 0


def test_a_rare_encoding_without_cv_bridge_is_a_bad_message_and_no_more(broken_bridge):
    with pytest.raises(MessageError, match="bayer_rggb8"):
        to_rgb(image("bayer_rggb8", np.zeros((4, 4), np.uint8)))


@pytest.mark.parametrize("encoding", ["nonsense", "32FC7", ""])
def test_an_unknown_encoding_is_a_bad_message(encoding):
    with pytest.raises(MessageError):
        to_rgb(image(encoding, np.zeros((4, 4), np.uint8)))


def test_truncated_data_never_reach_cv_bridge():
    message = image("bayer_rggb8", np.zeros((4, 4), np.uint8))
    message.data = message.data[:10]
    with pytest.raises(MessageError, match="10 bytes"):
        to_rgb(message)


def test_another_encoding_than_the_contracts_is_refused():
    with pytest.raises(MessageError, match="rgb8"):
        to_rgb(image("bayer_rggb8", np.zeros((4, 4), np.uint8)), "rgb8")
