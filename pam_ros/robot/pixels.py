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
class PixelLayout:
    """One encoding.

    Attributes:
        channels: numbers per pixel; of nv12 and nv21, in the plane of brightness.
        itemsize: bytes per number, 1 or 2.
        code: OpenCV's conversion to RGB; None if it is RGB.
        mosaic: one colour per pixel, behind a Bayer filter.
        shared: neighbours share their colour: the width must be even.
        planes: the colours follow in half as many rows again: the height must be even too.
    """

    channels: int
    itemsize: int = 1
    code: int | None = None
    mosaic: bool = False
    shared: bool = False
    planes: bool = False

    @property
    def pixel(self) -> int:
        """Bytes per pixel; of nv12 and nv21, in the plane of brightness."""
        return self.channels * self.itemsize

    def rows(self, height: int) -> int:
        """Rows that the data has for a picture of this height."""
        return height * 3 // 2 if self.planes else height


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
    found["nv12"] = PixelLayout(1, code=cv2.COLOR_YUV2RGB_NV12, shared=True, planes=True)
    found["nv21"] = PixelLayout(1, code=cv2.COLOR_YUV2RGB_NV21, shared=True, planes=True)
    found |= {name + "8": PixelLayout(1, code=code, mosaic=True) for name, code in mosaics.items()}
    found |= {name + "16": PixelLayout(each, 2, code) for name, (each, code) in spaces.items()}
    found |= {name + "16": PixelLayout(1, 2, code, True) for name, code in mosaics.items()}
    return found


LAYOUTS: Mapping[str, PixelLayout] = MappingProxyType(_layouts())
"""Encodings that are read."""

_MEASUREMENTS = re.compile(r"(8S|16[US]|32[SF]|64F)(C\d+)?")


def holds_measurements(encoding: str) -> bool:
    """Whether an encoding is of numbers that are no colours: 16UC1 and 32FC1 are depth's."""
    return _MEASUREMENTS.fullmatch(encoding) is not None


def names_only_the_type(encoding: str, layout: PixelLayout) -> bool:
    """Whether an encoding says of this layout its numbers alone, as 8UC3 does of bgr8."""
    return encoding == f"{8 * layout.itemsize}UC{layout.channels}"


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
