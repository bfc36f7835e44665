# SPDX-License-Identifier: Apache-2.0
"""An instruction as a strip of its words, each on the colour of its share.

The scale is that of the pictures: a word whose share is that of full heat is drawn at full opacity.
OpenCV's letters are those of ASCII; any other is drawn as a question mark.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from pam_ros.attention.drawing import DRAWING
from pam_ros.attention.errors import AttentionError
from pam_ros.attention.overlay import heat_colours

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from pam_ros.attention.words import Word

WIDTH = 640
"""Of a strip that stands by itself [pixels]."""
_LINE, _GAP, _PAD = 28, 4, 6
_FONT, _SIZE = cv2.FONT_HERSHEY_SIMPLEX, 0.6
_BOARD = 24
_LIGHT, _DARK = (230, 230, 230), (10, 10, 10)


def draw_words(
    words: Sequence[Word],
    full_scale: float,
    width: int = WIDTH,
    colormap: str = DRAWING.colormap,
    alpha: float = DRAWING.alpha,
) -> NDArray[np.uint8]:
    """The strip, (height, width, 3) uint8 RGB; its height is that of as many lines as are needed.

    Args:
        words: with their shares of the mass.
        full_scale: the mass drawn at full opacity, as for the overlays of this tick.
        width: of the strip [pixels], at least 32.
        colormap: as of the Overlay.
        alpha: likewise.

    Raises:
        AttentionError: a width or scale that cannot be drawn.
    """
    if width < 32 or not full_scale > 0:
        message = f"a strip {width} pixels wide of full scale {full_scale} cannot be drawn"
        raise AttentionError(message)
    placed = list(_placed([word.text for word in words], width))
    lines = 1 + max((line for _, line, _, _ in placed), default=0)
    canvas: NDArray[np.uint8] = np.full((strip_height(lines), width, 3), _BOARD, np.uint8)
    colours = heat_colours(colormap, alpha)
    for word, (text, line, left, wide) in zip(words, placed, strict=True):
        level = int(np.clip(word.share * 255.0 / full_scale, 0, 255))
        colour = (1 - alpha * level / 255) * _BOARD + colours[level].astype(np.float64)
        top = _GAP + line * (_LINE + _GAP)
        canvas[top : top + _LINE, left : left + wide] = np.rint(np.clip(colour, 0, 255))
        # Rec. 601 luma.
        ink = _DARK if colour @ [0.299, 0.587, 0.114] > 110 else _LIGHT
        (text_wide, high), _ = cv2.getTextSize(text, _FONT, _SIZE, 1)
        size = _SIZE * min(1.0, (wide - 2) / max(text_wide, 1))
        at = (left + min(_PAD, (wide - 1) // 2), top + (_LINE + high) // 2)
        cv2.putText(canvas, text, at, _FONT, size, ink, 1, cv2.LINE_AA)
    return canvas


def strip_height(lines: int) -> int:
    """Height of a strip of so many lines [pixels]."""
    return _GAP + lines * (_LINE + _GAP)


def strip_lines(texts: Sequence[str], width: int) -> int:
    """How many lines these words take in a strip of this width [pixels]."""
    return 1 + max((line for _, line, _, _ in _placed(texts, width)), default=0)


def _placed(texts: Sequence[str], width: int) -> Iterator[tuple[str, int, int, int]]:
    """What is written of each word, its line, left and width [pixels]."""
    line, left = 0, _GAP
    for each in texts:
        text = each.encode("ascii", "replace").decode() or " "
        (wide, _), _ = cv2.getTextSize(text, _FONT, _SIZE, 1)
        wide = min(wide + 2 * _PAD, width - 2 * _GAP)
        if left > _GAP and left + wide > width - _GAP:
            line, left = line + 1, _GAP
        yield text, line, left, wide
        left += wide + _GAP
