# SPDX-License-Identifier: Apache-2.0
"""How the encodings of sensor_msgs lay out a picture, and what OpenCV calls their way to RGB.

Conversions equal cv_bridge's to "rgb8": 16 bits are scaled from 65535 to 255 and rounded, a mosaic
is interpolated linearly, YUV is BT.601 of limited range.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt


@dataclass(frozen=True)
class Planes:
    """Colours behind the plane of brightness: U and V, or V and U.

    Attributes:
        rows_share: so many rows of pixels share their colours: with 2, the height must be even.
        cols_share: likewise.
        apart: U and V have a plane each, with rows of step / cols_share bytes; else they take turns
            in one.
        v_first: V comes before U.
    """

    rows_share: int
    cols_share: int
    apart: bool
    v_first: bool = False


@dataclass(frozen=True)
class PixelLayout:
    """One encoding.

    Attributes:
        channels: numbers per pixel; of planes, in that of brightness.
        itemsize: bytes per number, 1 or 2.
        code: OpenCV's conversion to RGB; None if it is RGB.
        mosaic: one colour per pixel, behind a Bayer filter.
        shared: neighbours share their colour: the width must be even.
        planes: the colours follow the brightness, in planes of their own.
    """

    channels: int
    itemsize: int = 1
    code: int | None = None
    mosaic: bool = False
    shared: bool = False
    planes: Planes | None = None

    @property
    def pixel(self) -> int:
        """Bytes per pixel; of planes, in that of brightness."""
        return self.channels * self.itemsize

    def rows(self, height: int) -> int:
        """Rows of `step` bytes that the data has for a picture of this height."""
        if self.planes is None:
            return height
        return height + 2 * height // (self.planes.rows_share * self.planes.cols_share)


def _layouts() -> dict[str, PixelLayout]:
    spaces = {
        "rgb": (3, None),
        "bgr": (3, cv2.COLOR_BGR2RGB),
        "rgba": (4, cv2.COLOR_RGBA2RGB),
        "bgra": (4, cv2.COLOR_BGRA2RGB),
        "mono": (1, cv2.COLOR_GRAY2RGB),
    }
    # Named by the first two rows, as ROS does. OpenCV's older names (BayerBG for rggb) begin one
    # row and one column later.
    mosaics = {
        "bayer_rggb": cv2.COLOR_BayerRGGB2RGB,
        "bayer_bggr": cv2.COLOR_BayerBGGR2RGB,
        "bayer_gbrg": cv2.COLOR_BayerGBRG2RGB,
        "bayer_grbg": cv2.COLOR_BayerGRBG2RGB,
    }
    uyvy = PixelLayout(2, code=cv2.COLOR_YUV2RGB_UYVY, shared=True)
    yuyv = PixelLayout(2, code=cv2.COLOR_YUV2RGB_YUY2, shared=True)
    found = {name + "8": PixelLayout(each, code=code) for name, (each, code) in spaces.items()}
    found |= {"yuv422": uyvy, "uyvy": uyvy, "yuv422_yuy2": yuyv, "yuyv": yuyv}
    yvyu = PixelLayout(2, code=cv2.COLOR_YUV2RGB_YVYU, shared=True)
    planes = {
        "nv12": Planes(2, 2, apart=False),
        "nv21": Planes(2, 2, apart=False, v_first=True),
        "i420": Planes(2, 2, apart=True),
        "yuv420": Planes(2, 2, apart=True),
        "yv12": Planes(2, 2, apart=True, v_first=True),
        "nv16": Planes(1, 2, apart=False),
        "nv61": Planes(1, 2, apart=False, v_first=True),
        "yuv422p": Planes(1, 2, apart=True),
        "nv24": Planes(1, 1, apart=False),
        "nv42": Planes(1, 1, apart=False, v_first=True),
    }
    found["yvyu"] = yvyu
    found |= {
        name: PixelLayout(1, shared=each.cols_share == 2, planes=each)
        for name, each in planes.items()
    }
    found |= {name + "8": PixelLayout(1, code=code, mosaic=True) for name, code in mosaics.items()}
    found |= {name + "16": PixelLayout(each, 2, code) for name, (each, code) in spaces.items()}
    found |= {name + "16": PixelLayout(1, 2, code, True) for name, code in mosaics.items()}
    return found


LAYOUTS: Mapping[str, PixelLayout] = MappingProxyType(_layouts())
"""Encodings that are read."""

# Limited range: rows give R, G and B of Y, U, V and 1.
_BT601 = np.array(
    [
        [1.164, 0.0, 1.596, -1.164 * 16 - 1.596 * 128],
        [1.164, -0.391, -0.813, -1.164 * 16 + (0.391 + 0.813) * 128],
        [1.164, 2.018, 0.0, -1.164 * 16 - 2.018 * 128],
    ],
    np.float32,
)
_MEASUREMENTS = re.compile(r"(8S|16[US]|32[SF]|64F)(C\d+)?")


def holds_measurements(encoding: str) -> bool:
    """Whether an encoding is of numbers that are no colours: 16UC1 and 32FC1 are depth's."""
    return _MEASUREMENTS.fullmatch(encoding) is not None


def names_only_the_type(encoding: str, meant: str) -> bool:
    """Whether an encoding says of another one its numbers alone, as 8UC3 does of bgr8."""
    layout = LAYOUTS[meant]
    return encoding == f"{8 * layout.itemsize}UC{layout.channels}"


def planes_to_rgb(
    data: npt.NDArray[np.uint8], height: int, width: int, planes: Planes
) -> npt.NDArray[np.uint8]:
    """Brightness and colours in planes of their own -> (height, width, 3) uint8 RGB.

    Args:
        data: (rows, step), rows as PixelLayout.rows says.
        height: of the picture [pixels].
        width: likewise.
        planes: how the colours follow.
    """
    if planes.rows_share == 2 and not planes.apart:
        code = cv2.COLOR_YUV2RGB_NV21 if planes.v_first else cv2.COLOR_YUV2RGB_NV12
        return to_rgb(data[:, :width], code)
    step = data.shape[1]
    luma, rest = data[:height, :width], data[height:].reshape(-1)
    rows, cols = height // planes.rows_share, width // planes.cols_share
    if planes.apart:
        each = rest.reshape(2, rows, step // planes.cols_share)[:, :, :cols]
        first, second = each[0], each[1]
    else:
        pairs = rest.reshape(rows, 2 * step // planes.cols_share)[:, : 2 * cols]
        first, second = pairs[:, ::2], pairs[:, 1::2]
    u, v = (second, first) if planes.v_first else (first, second)
    if planes.rows_share == 2:
        packed = np.concatenate([luma.reshape(-1), u.reshape(-1), v.reshape(-1)])
        packed = packed.reshape(3 * height // 2, width)
        return np.asarray(cv2.cvtColor(packed, cv2.COLOR_YUV2RGB_I420), dtype=np.uint8)
    if planes.cols_share == 2:
        pairs = np.empty((height, width, 2), np.uint8)
        pairs[..., 0], pairs[:, ::2, 1], pairs[:, 1::2, 1] = luma, u, v
        return np.asarray(cv2.cvtColor(pairs, cv2.COLOR_YUV2RGB_YUY2), dtype=np.uint8)
    # What OpenCV has for three full planes is of full range.
    yuv = np.dstack([luma, u, v]).astype(np.float32)
    rgb = np.rint(cv2.transform(yuv, _BT601))
    return np.asarray(np.clip(rgb, 0, 255), dtype=np.uint8)


def to_rgb(pixels: npt.NDArray[Any], code: int | None) -> npt.NDArray[np.uint8]:
    """(rows, W) or (rows, W, channels), uint8 or uint16 -> (H, W, 3) uint8 RGB, a copy.

    Args:
        pixels: as PixelLayout describes them.
        code: PixelLayout.code.
    """
    if code is None:
        rgb: npt.NDArray[Any] = np.array(pixels, order="C")
    else:
        rgb = np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels), code))
    if rgb.dtype == np.uint16:
        rgb = np.asarray(cv2.convertScaleAbs(rgb, alpha=255 / 65535))
    return rgb
