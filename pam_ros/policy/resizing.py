# SPDX-License-Identifier: Apache-2.0
"""A picture in another size: the one way to it, of the node and of a notebook."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

# The first are those of OpenCV, and of torch's interpolate, which weigh the same few pixels however
# much a picture shrinks. "_antialias" weighs all, as torchvision's Resize and PIL do.
_OPENCV: Mapping[str, int] = MappingProxyType(
    {
        "nearest": cv2.INTER_NEAREST,
        "bilinear": cv2.INTER_LINEAR,
        "bicubic": cv2.INTER_CUBIC,
        "area": cv2.INTER_AREA,
    }
)
_PIL: Mapping[str, str] = MappingProxyType(
    {"bilinear_antialias": "BILINEAR", "bicubic_antialias": "BICUBIC"}
)
INTERPOLATIONS = (*_OPENCV, *_PIL)
"""Names of ways to resize."""
# Sides are whole pixels.
_SAME_SHAPE = 0.02
# Larger numbers than those of 16:9 and 21:9 tell nobody anything.
_LARGEST_RATIO = 32


def resize(
    rgb: npt.NDArray[np.uint8], height: int, width: int, interpolation: str | None = None
) -> npt.NDArray[np.uint8]:
    """(H, W, 3) uint8 -> (height, width, 3) uint8.

    Args:
        rgb: the picture.
        height: of the result [pixels].
        width: likewise.
        interpolation: one of INTERPOLATIONS; None averages the source pixels if the picture
            shrinks (cv2.INTER_AREA), and interpolates linearly if it grows.
    """
    if interpolation is None:
        shrinks = height <= rgb.shape[0] and width <= rgb.shape[1]
        interpolation = "area" if shrinks else "bilinear"
    if interpolation in _OPENCV:
        method = _OPENCV[interpolation]
        return np.asarray(cv2.resize(rgb, (width, height), interpolation=method), dtype=np.uint8)
    from PIL import Image  # noqa: PLC0415  (few contracts need it)

    method = Image.Resampling[_PIL[interpolation]]
    return np.array(Image.fromarray(rgb).resize((width, height), method), dtype=np.uint8)


def loses_its_shape(size: tuple[float, float], wanted: tuple[float, float]) -> bool:
    """Whether a picture is squashed if it is resized.

    Args:
        size: its width and height [pixels].
        wanted: those that it is to have.
    """
    return abs(size[0] * wanted[1] / (size[1] * wanted[0]) - 1) > _SAME_SHAPE


def shape_words(width: float, height: float) -> str:
    """1280x720 (16:9)."""
    wide, tall = round(width), round(height)
    common = math.gcd(wide, tall) or 1
    ratio = f"{wide // common}:{tall // common}"
    return f"{wide}x{tall} ({ratio})" if wide // common <= _LARGEST_RATIO else f"{wide}x{tall}"
