# SPDX-License-Identifier: Apache-2.0
"""cv_bridge: between image messages and OpenCV arrays, in NumPy and OpenCV's own functions."""

from __future__ import annotations

import re
import sys
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from rclpy_cyclone.types.messages import message_class

__all__ = ["CvBridge", "CvBridgeError", "cvtColor2", "cvtColorForDisplay", "getCvType"]

Array = npt.NDArray[Any]

_DEPTHS = {
    "8U": "uint8", "8S": "int8", "16U": "uint16", "16S": "int16", "32S": "int32",
    "32F": "float32", "64F": "float64",
}  # fmt: skip
_NAMES = {dtype: depth for depth, dtype in _DEPTHS.items()}
# Encoding -> (colour space, OpenCV type), with the names of sensor_msgs/image_encodings.hpp.
_COLOURS = {
    f"{space}{bits}": (space, f"{bits}UC{channels}")
    for space, channels in (("rgb", 3), ("bgr", 3), ("rgba", 4), ("bgra", 4), ("mono", 1))
    for bits in (8, 16)
}
_BAYER = {
    f"bayer_{pattern}{bits}": (pattern, f"{bits}UC1")
    for pattern in ("rggb", "bggr", "gbrg", "grbg")
    for bits in (8, 16)
}
_YUV = {
    "yuv422": ("uyvy", "8UC2"), "uyvy": ("uyvy", "8UC2"),
    "yuv422_yuy2": ("yuyv", "8UC2"), "yuyv": ("yuyv", "8UC2"),
}  # fmt: skip
# OpenCV names a Bayer pattern by its second row's second and third pixel.
_BAYER_OPENCV = {"rggb": "BayerBG", "bggr": "BayerRG", "gbrg": "BayerGR", "grbg": "BayerGB"}
_OPENCV_SPACE = {"mono": "GRAY", "rgb": "RGB", "bgr": "BGR", "rgba": "RGBA", "bgra": "BGRA"}
_TYPE = re.compile(r"^(8U|8S|16U|16S|32S|32F|64F)(?:C(\d+))?$")


class CvBridgeError(TypeError):
    """A conversion that cannot be done."""


def getCvType(encoding: str) -> str:
    """The OpenCV type of an encoding, as its name: "8UC3"."""
    for table in (_COLOURS, _BAYER, _YUV):
        if encoding in table:
            return table[encoding][1]
    match = _TYPE.match(encoding)
    if not match:
        raise CvBridgeError(f"Unrecognized image encoding [{encoding}]")
    return f"{match.group(1)}C{match.group(2) or 1}"


def _depth_and_channels(encoding: str) -> tuple[str, int]:
    depth, _, channels = getCvType(encoding).partition("C")
    return _DEPTHS[depth], int(channels)


def _scaled(image: Array, source: str, target: str) -> Array:
    """The image in the target's depth; 8 and 16 bits map full scale to full scale."""
    if source == target:
        return image
    if target.startswith("float"):
        return image.astype(target)
    scale = {("uint8", "uint16"): 65535 / 255, ("uint16", "uint8"): 255 / 65535}.get(
        (source, target), 1.0
    )
    limits = np.iinfo(target)
    return np.clip(np.rint(image.astype(np.float64) * scale), limits.min, limits.max).astype(target)


def cvtColor2(source: Array, encoding_in: str, encoding_out: str) -> Array:
    """An image in another encoding; a copy where both are the same.

    Raises:
        CvBridgeError: there is no conversion between the two.

    """
    depth_in, channels_in = _depth_and_channels(encoding_in)
    depth_out, channels_out = _depth_and_channels(encoding_out)
    if encoding_in == encoding_out:
        return source.copy()
    if encoding_out in _BAYER or encoding_out in _YUV:
        raise CvBridgeError(f"Unsupported conversion from [{encoding_in}] to [{encoding_out}]")
    if encoding_out not in _COLOURS:
        if channels_in != channels_out:
            raise CvBridgeError(
                f"[{encoding_out}] is not a color format and has another number of channels than "
                f"[{encoding_in}]. The conversion does not make sense"
            )
        return _scaled(source, depth_in, depth_out).copy()
    space_out = _COLOURS[encoding_out][0]
    if encoding_in in _BAYER:
        # Only to the three that OpenCV knows; the alpha channel comes after.
        code = f"COLOR_{_BAYER_OPENCV[_BAYER[encoding_in][0]]}2"
    elif encoding_in in _YUV:
        code = f"COLOR_YUV2{{}}_{_YUV[encoding_in][0].upper()}"
    elif encoding_in in _COLOURS:
        space_in = _COLOURS[encoding_in][0]
        if space_in == space_out:
            return _scaled(source, depth_in, depth_out).copy()
        code = f"COLOR_{_OPENCV_SPACE[space_in]}2"
    else:
        raise CvBridgeError(
            f"[{encoding_in}] is not a color format. but [{encoding_out}] is. The conversion does "
            "not make sense"
        )
    name = _OPENCV_SPACE[space_out]
    code = code.format(name) if "{}" in code else code + name
    number = getattr(cv2, code, None)
    if number is None:
        raise CvBridgeError(f"Unsupported conversion from [{encoding_in}] to [{encoding_out}]")
    converted: Array = cv2.cvtColor(source, number)
    return _scaled(converted, depth_in, depth_out)


def cvtColorForDisplay(source: Array, encoding_in: str, encoding_out: str = "") -> Array:
    """Not in this runtime."""
    raise NotImplementedError("cv_bridge.cvtColorForDisplay")


class CvBridge:
    """Converts images both ways."""

    def encoding_to_cvtype2(self, encoding: str) -> str:
        """The OpenCV type of an encoding, as its name."""
        return getCvType(encoding)

    def encoding_to_dtype_with_channels(self, encoding: str) -> tuple[str, int]:
        """Dtype and number of channels of an encoding."""
        return _depth_and_channels(encoding)

    def dtype_with_channels_to_cvtype2(self, dtype: Any, n_channels: int) -> str:
        """The name of the OpenCV type of a dtype and a number of channels."""
        return f"{_NAMES[np.dtype(dtype).name]}C{n_channels}"

    def imgmsg_to_cv2(self, img_msg: Any, desired_encoding: str = "passthrough") -> Array:
        """The pixels of a sensor_msgs.msg.Image, (height, width[, channels]).

        With "passthrough" the array shares the message's memory where rows have no padding.

        Raises:
            CvBridgeError: an unknown encoding, or no conversion to the desired one.
            TypeError: the data is smaller than height and step say.

        """
        name, channels = _depth_and_channels(img_msg.encoding)
        dtype = np.dtype(name).newbyteorder(">" if img_msg.is_bigendian else "<")
        row = img_msg.step // dtype.itemsize // channels
        shape = (img_msg.height, row) if channels == 1 else (img_msg.height, row, channels)
        image: Array = np.ndarray(shape, dtype, img_msg.data)
        image = np.ascontiguousarray(image[:, : img_msg.width])
        if bool(img_msg.is_bigendian) == (sys.byteorder == "little"):
            image = image.astype(np.dtype(name))
        if desired_encoding == "passthrough":
            return image
        return cvtColor2(image, img_msg.encoding, desired_encoding)

    def cv2_to_imgmsg(self, cvim: Array, encoding: str = "passthrough", header: Any = None) -> Any:
        """A sensor_msgs.msg.Image of an array of shape (height, width[, channels]).

        Raises:
            TypeError: the input is no array.
            CvBridgeError: the array's dtype or channels are not the encoding's.

        """
        if not isinstance(cvim, (np.ndarray, np.generic)):
            raise TypeError("Your input type is not a numpy array")
        channels = cvim.shape[2] if cvim.ndim > 2 else 1
        cv_type = self.dtype_with_channels_to_cvtype2(cvim.dtype, channels)
        if encoding != "passthrough" and getCvType(encoding) != cv_type:
            raise CvBridgeError(
                f"encoding specified as {encoding}, but image has incompatible type {cv_type}"
            )
        message = message_class("sensor_msgs/msg/Image")(
            height=cvim.shape[0],
            width=cvim.shape[1],
            encoding=cv_type if encoding == "passthrough" else encoding,
            is_bigendian=int(cvim.dtype.byteorder == ">"),
        )
        if header is not None:
            message.header = header
        message.data = np.ascontiguousarray(cvim).reshape(-1).view(np.uint8)
        message.step = len(message.data) // message.height
        return message

    def compressed_imgmsg_to_cv2(
        self, cmprs_img_msg: Any, desired_encoding: str = "passthrough"
    ) -> Array:
        """The decoded pixels of a sensor_msgs.msg.CompressedImage; colour is BGR by default.

        Raises:
            CvBridgeError: the data is no image, or cannot be converted.

        """
        buffer = np.frombuffer(cmprs_img_msg.data, np.uint8)
        image: Any = cv2.imdecode(buffer, cv2.IMREAD_UNCHANGED) if buffer.size else None
        if image is None:
            raise CvBridgeError("the compressed image cannot be decoded")
        if desired_encoding == "passthrough":
            decoded: Array = image
            return decoded
        return cvtColor2(image, "mono8" if image.ndim == 2 else "bgr8", desired_encoding)

    def cv2_to_compressed_imgmsg(self, cvim: Array, dst_format: str = "jpg") -> Any:
        """A sensor_msgs.msg.CompressedImage in a format that OpenCV writes, by its suffix."""
        if not isinstance(cvim, (np.ndarray, np.generic)):
            raise TypeError("Your input type is not a numpy array")
        written, buffer = cv2.imencode(f".{dst_format}", cvim)
        if not written:
            raise CvBridgeError(f"the image cannot be written as {dst_format}")
        message = message_class("sensor_msgs/msg/CompressedImage")(format=dst_format)
        message.data = buffer.reshape(-1)
        return message
