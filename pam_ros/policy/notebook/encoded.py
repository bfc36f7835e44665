# SPDX-License-Identifier: Apache-2.0
"""Pictures as the bytes of files, and short names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def short(feature: str) -> str:
    """The last part of a feature's name."""
    return feature.rpartition(".")[2]


def png(rgb: NDArray[np.uint8]) -> bytes:
    """A picture (H, W, 3) uint8 RGB as a PNG file."""
    return _encoded(rgb, ".png", [cv2.IMWRITE_PNG_COMPRESSION, 9])


def jpeg(rgb: NDArray[np.uint8], quality: int = 90) -> bytes:
    """The same as a JPEG file."""
    return _encoded(rgb, ".jpg", [cv2.IMWRITE_JPEG_QUALITY, quality])


def _encoded(rgb: NDArray[np.uint8], kind: str, options: list[int]) -> bytes:
    done, data = cv2.imencode(kind, np.ascontiguousarray(rgb[:, :, ::-1]), options)
    assert done  # any picture of this form can be
    encoded: bytes = data.tobytes()
    return encoded
