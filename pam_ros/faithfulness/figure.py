# SPDX-License-Identifier: Apache-2.0
"""The deletion and insertion curves of a report, as one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from pam_ros.attention.errors import AttentionError
from pam_ros.faithfulness.measure import CENTRE, CUBE, RANDOM

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pam_ros.faithfulness.report import Report, Row

_PANEL = 560
_MARGIN = 70
_LEGEND = 320
_HEIGHT = 620
_BOTTOM, _TOP = -0.2, 1.2
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_INK = (60, 60, 60)
# RGB, told apart by most colour-blind people (Okabe and Ito), then darker ones of them.
_COLOURS = (
    (0, 114, 178),
    (213, 94, 0),
    (0, 158, 115),
    (204, 121, 167),
    (86, 180, 233),
    (230, 159, 0),
    (120, 60, 160),
    (90, 110, 20),
    (0, 60, 90),
    (140, 40, 0),
    (240, 228, 66),
    (0, 200, 200),
    (255, 120, 120),
    (110, 110, 255),
)
_FIXED = {RANDOM: (150, 150, 150), CENTRE: (90, 90, 90), CUBE: (0, 0, 0)}
_TITLES = {"deletion_blur": "deletion, blur", "insertion_blur": "insertion, blur"}


def draw(report: Report, file: Path) -> None:
    """Write the picture as a PNG file.

    Raises:
        AttentionError: the file cannot be written.
    """
    if not cv2.imwrite(str(file), picture(report)[..., ::-1]):
        message = f"{file} cannot be written as a picture: its name must end in .png"
        raise AttentionError(message)


def picture(report: Report) -> NDArray[np.uint8]:
    """Two panels and a legend, (height, width, 3) uint8 RGB.

    Across: the share of cells, on a square-root scale, since the first cells matter most. Up: the
    chunk's distance from the original, or what of it is recovered, relative to all cells replaced.
    """
    canvas = np.full((_HEIGHT, 2 * _PANEL + _LEGEND, 3), 255, dtype=np.uint8)
    colours = iter(_COLOURS * (1 + len(report.rows) // len(_COLOURS)))
    styles = {row.method: _FIXED.get(row.method) or next(colours) for row in report.rows}
    for index, (kind, title) in enumerate(_TITLES.items()):
        left = index * _PANEL + _MARGIN
        _axes(canvas, left, title, report.fractions)
        for row in report.rows:
            if kind in row.curves:
                points = _points(left, report.fractions, row.curves[kind])
                cv2.polylines(
                    canvas,
                    [points],
                    isClosed=False,
                    color=styles[row.method],
                    thickness=_thickness(row),
                    lineType=cv2.LINE_AA,
                )
    for index, row in enumerate(report.rows):
        y = _MARGIN + 24 * index
        left = 2 * _PANEL + 10
        cv2.line(
            canvas, (left, y), (left + 30, y), styles[row.method], _thickness(row), cv2.LINE_AA
        )
        _write(canvas, row.method, (left + 38, y + 5))
    return canvas


def _thickness(row: Row) -> int:
    return 3 if row.method in _FIXED else 2


def _points(left: int, fractions: Sequence[float], values: Sequence[float]) -> NDArray[np.int32]:
    rows = [
        (_across(left, fraction), _up(value))
        for fraction, value in zip(fractions, values, strict=True)
    ]
    return np.array(rows, dtype=np.int32)


def _across(left: int, fraction: float) -> int:
    return left + round(float(np.sqrt(fraction)) * (_PANEL - _MARGIN - 20))


def _up(value: float) -> int:
    height = _HEIGHT - 2 * _MARGIN
    share = (float(np.clip(value, _BOTTOM, _TOP)) - _BOTTOM) / (_TOP - _BOTTOM)
    return _HEIGHT - _MARGIN - round(share * height)


def _axes(canvas: NDArray[np.uint8], left: int, title: str, fractions: Sequence[float]) -> None:
    right = _across(left, 1.0)
    for value in (0.0, 0.25, 0.5, 0.75, 1.0):
        cv2.line(canvas, (left, _up(value)), (right, _up(value)), (225, 225, 225), 1)
        _write(canvas, f"{value:.2f}", (left - 45, _up(value) + 5))
    for fraction in fractions:
        x = _across(left, fraction)
        cv2.line(canvas, (x, _up(_BOTTOM)), (x, _up(_BOTTOM) + 5), _INK, 1)
        _write(canvas, f"{100 * fraction:g}", (x - 8, _up(_BOTTOM) + 22))
    cv2.line(canvas, (left, _up(_BOTTOM)), (left, _up(_TOP)), _INK, 1)
    _write(canvas, title, (left + 10, _MARGIN - 30), 0.6)
    _write(canvas, "% of cells, the most important first", (left + 60, _HEIGHT - 20))


def _write(
    canvas: NDArray[np.uint8], text: str, place: tuple[int, int], size: float = 0.45
) -> None:
    cv2.putText(canvas, text, place, _FONT, size, _INK, 1, cv2.LINE_AA)
