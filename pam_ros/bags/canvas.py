# SPDX-License-Identifier: Apache-2.0
"""Drawing boards: pictures fitted into panels, and lines of text beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

BACKGROUND = 24
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_INK = (230, 230, 230)


DIMMED = 0.5
"""Part of its brightness or opacity with which a map is shown that is not of this moment."""


def board(height: int, width: int) -> npt.NDArray[np.uint8]:
    """An empty (height, width, 3) uint8 picture in dark grey."""
    return np.full((height, width, 3), BACKGROUND, dtype=np.uint8)


def paste(
    canvas: npt.NDArray[np.uint8],
    picture: npt.NDArray[np.uint8],
    x: int,
    y: int,
    width: int,
    height: int,
) -> None:
    """Draws the picture into the panel at (x, y), as large as fits, in the middle."""
    scale = min(width / picture.shape[1], height / picture.shape[0])
    inner_width = max(1, min(width, round(picture.shape[1] * scale)))
    inner_height = max(1, min(height, round(picture.shape[0] * scale)))
    if (inner_height, inner_width) != picture.shape[:2]:
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        size = (inner_width, inner_height)
        picture = np.asarray(cv2.resize(picture, size, interpolation=method), dtype=np.uint8)
    left = x + (width - inner_width) // 2
    top = y + (height - inner_height) // 2
    canvas[top : top + inner_height, left : left + inner_width] = picture


def write(
    canvas: npt.NDArray[np.uint8],
    text: str,
    x: int,
    y: int,
    width: int,
    height: int,
    *,
    right: bool = False,
) -> None:
    """One line of text in a strip at (x, y), smaller where it would not fit."""
    scale = 0.6 * height / 20
    (text_width, text_height), _ = cv2.getTextSize(text, _FONT, scale, 1)
    room = width - 8
    if text_width > room:
        scale *= room / text_width
        (text_width, text_height), _ = cv2.getTextSize(text, _FONT, scale, 1)
    left = x + (width - 4 - text_width if right else 4)
    cv2.putText(
        canvas, text, (left, y + (height + text_height) // 2), _FONT, scale, _INK, 1, cv2.LINE_AA
    )


def age_text(seconds: float) -> str:
    """How old a map is, for people."""
    return f"map {seconds:.2f} s old" if seconds < 1 else f"map {seconds:.1f} s old"
