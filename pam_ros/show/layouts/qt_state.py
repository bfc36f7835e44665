# SPDX-License-Identifier: Apache-2.0
"""QMainWindow::saveState of Qt 5 and 6: where a window's docks are, as RViz keeps it in hex.

As in qdockarealayout.cpp and qmainwindowlayout.cpp: big-endian, markers of one byte. What only
tells least and largest sizes is passed over when a state is restored, and 0 here.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_VERSION, _DOCKS, _TOOLBARS, _SEQUENCE, _WIDGET = 0xFF, 0xFD, 0xFC, 0xFC, 0xFB
_LEFT, _RIGHT = 0, 1
_HORIZONTAL, _VERTICAL = 1, 2
_VISIBLE = 1
_AREA_LEFT, _AREA_RIGHT = 1, 2
_HEAD = struct.Struct(">iiBi")
_FOUR = struct.Struct(">iiii")


def main_window_state(
    size: tuple[int, int], left: tuple[str, int], right: tuple[Sequence[Sequence[str]], int]
) -> str:
    """The state of a window with one dock on the left and rows of docks on the right, in hex.

    Args:
        size: width and height of what is inside the window's bars [pixels].
        left: object name of the dock on the left, and its width.
        right: rows of object names from the top, and the width of all.
    """
    width, height = size
    (name, left_width), (rows, right_width) = left, right
    areas = [_area(_LEFT, left_width, height, [_widget(name, 0, height)])]
    if rows:
        high = height // len(rows)
        parts = [
            _row(row, number * high, high, right_width) if len(row) > 1
            else _widget(row[0], number * high, high)
            for number, row in enumerate(rows)
        ]  # fmt: skip
        areas.append(_area(_RIGHT, right_width, height, parts))
    centre = max(1, width - left_width - (right_width if rows else 0))
    # The corners belong to the sides, so that the docks there are as high as the window.
    corners = _FOUR.pack(_AREA_LEFT, _AREA_RIGHT, _AREA_LEFT, _AREA_RIGHT)
    state = _HEAD.pack(_VERSION, 0, _DOCKS, len(areas)) + b"".join(areas)
    state += struct.pack(">ii", centre, height) + corners + struct.pack(">Bi", _TOOLBARS, 0)
    return state.hex()


def _area(where: int, width: int, height: int, parts: Sequence[bytes]) -> bytes:
    return struct.pack(">iii", where, width, height) + _sequence(_VERTICAL, parts)


def _sequence(orientation: int, parts: Sequence[bytes]) -> bytes:
    return struct.pack(">BBi", _SEQUENCE, orientation, len(parts)) + b"".join(parts)


def _row(names: Sequence[str], begin: int, high: int, width: int) -> bytes:
    each = width // len(names)
    docks = [_widget(name, number * each, each) for number, name in enumerate(names)]
    head = struct.pack(">B", _SEQUENCE) + _FOUR.pack(begin, high, 0, 0)
    return head + _sequence(_HORIZONTAL, docks)


def _widget(name: str, begin: int, length: int) -> bytes:
    text = name.encode("utf-16-be")
    head = struct.pack(">BI", _WIDGET, len(text)) + text + struct.pack(">B", _VISIBLE)
    return head + _FOUR.pack(begin, length, 0, 0)
