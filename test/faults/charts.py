# SPDX-License-Identifier: Apache-2.0
"""Plain charts as SVG: lines and dots over one horizontal axis, panels below each other."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from html import escape

# Told apart by most colour-blind people (Okabe and Ito).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 150, 64, 150, 26, 34
_INK, _GRID = "#3c3c3c", "#dddddd"


@dataclass(frozen=True)
class Series:
    """Points (x, y) with a name; `dots` are not joined."""

    name: str
    points: list[tuple[float, float]]
    dots: bool = False


@dataclass(frozen=True)
class Panel:
    """One chart; limits are horizontal lines with a name, the axis begins at `low`."""

    title: str
    series: list[Series]
    limits: list[tuple[str, float]] = field(default_factory=list)
    low: float | None = None


def svg(panels: list[Panel], x_label: str) -> str:
    """The panels below each other."""
    height = len(panels) * (TOP + HEIGHT + BOTTOM)
    width = LEFT + WIDTH + RIGHT
    font = 'font-family="sans-serif" font-size="11"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {font}>',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for number, panel in enumerate(panels):
        parts += _panel(panel, number * (TOP + HEIGHT + BOTTOM) + TOP, x_label)
    return "\n".join([*parts, "</svg>", ""])


def _panel(panel: Panel, top: float, x_label: str) -> list[str]:
    xs = [x for series in panel.series for x, _ in series.points] or [0.0, 1.0]
    ys = [y for series in panel.series for _, y in series.points]
    ys += [y for _, y in panel.limits] or [0.0, 1.0]
    x_axis = _Axis(min(xs), max(xs), LEFT, LEFT + WIDTH)
    low = min(ys) if panel.low is None else panel.low
    y_axis = _Axis(low, max(ys), top + HEIGHT, top)
    parts = [_text(LEFT, top - 9, panel.title, "start", bold=True)]
    for tick in y_axis.ticks(4):
        y = y_axis.at(tick)
        parts.append(_line(LEFT, y, LEFT + WIDTH, y, _GRID))
        parts.append(_text(LEFT - 6, y + 4, f"{tick:g}", "end"))
    for tick in x_axis.ticks(8):
        x = x_axis.at(tick)
        parts.append(_line(x, top + HEIGHT, x, top + HEIGHT + 4, _INK))
        parts.append(_text(x, top + HEIGHT + 16, f"{tick:g}", "middle"))
    parts.append(_text(LEFT + WIDTH, top + HEIGHT + 30, x_label, "end"))
    for name, value in panel.limits:
        y = y_axis.at(value)
        parts.append(_line(LEFT, y, LEFT + WIDTH, y, "#c00000", "4 3"))
        parts.append(_text(LEFT + WIDTH + 8, y + 4, name, "start", "#c00000"))
    for number, series in enumerate(panel.series):
        colour = COLOURS[number % len(COLOURS)]
        places = [(x_axis.at(x), y_axis.at(y)) for x, y in series.points]
        if series.dots:
            parts += [
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>' for x, y in places
            ]
        else:
            line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
            parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}"/>')
        at = top + HEIGHT - 6 - 15 * (len(panel.series) - 1 - number)
        parts.append(_text(LEFT + WIDTH + 8, at, series.name, "start", colour))
    return parts


class _Axis:
    """Values low to high onto the picture's coordinates."""

    def __init__(self, low: float, high: float, first: float, last: float) -> None:
        self.low, self.high = low, high if high > low else low + 1.0
        self._first, self._last = first, last

    def at(self, value: float) -> float:
        part = (value - self.low) / (self.high - self.low)
        return self._first + part * (self._last - self._first)

    def ticks(self, about: int) -> list[float]:
        """Round numbers within."""
        raw = (self.high - self.low) / about
        size = 10.0 ** math.floor(math.log10(raw))
        step = min((size * f for f in (1, 2, 5, 10) if size * f >= raw), default=raw)
        first = math.ceil(self.low / step - 1e-9)
        return [i * step for i in range(first, math.floor(self.high / step + 1e-9) + 1)]


def _line(x: float, y: float, to_x: float, to_y: float, colour: str, dashes: str = "") -> str:
    extra = f' stroke-dasharray="{dashes}"' if dashes else ""
    ends = f'x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}"'
    return f'<line {ends} stroke="{colour}"{extra}/>'


def _text(
    x: float, y: float, text: str, anchor: str, colour: str = _INK, *, bold: bool = False
) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}"{weight}>'
        f"{escape(text)}</text>"
    )
