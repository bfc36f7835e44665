# SPDX-License-Identifier: Apache-2.0
"""Small charts as SVG: bars, and a feature's activation over an episode."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_INK = "#0072b2"


def bars(
    values: Sequence[float], labels: Sequence[str], title: str, width: int = 320, height: int = 90
) -> str:
    """A bar per value, with its label as the tool tip."""
    top = max([*values, 0.0]) or 1.0
    step = width / max(len(values), 1)
    drawn = "".join(
        f'<rect x="{number * step:.1f}" y="{height - height * value / top:.1f}" '
        f'width="{max(step - 1, 0.5):.1f}" height="{height * value / top:.1f}" fill="{_INK}">'
        f"<title>{html.escape(label)}: {value:.4g}</title></rect>"
        for number, (value, label) in enumerate(zip(values, labels, strict=True))
    )
    return _figure(title, width, height, drawn)


def curve(frames: NDArray[np.int32], values: NDArray[np.float32], top: float, title: str) -> str:
    """One episode's activations (ticks,) over its frames, on a scale from 0 to `top`."""
    width, height = 900, 80
    last = max(int(frames[-1]) if len(frames) else 0, 1)
    top = max(top, 1e-12)
    points = [
        (width * int(frame) / last, height - height * min(float(value) / top, 1.0))
        for frame, value in zip(frames, values, strict=True)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    area = f"0,{height} {line} {points[-1][0]:.1f},{height}" if points else ""
    drawn = (
        f'<polygon points="{area}" fill="{_INK}" opacity="0.25"/>'
        f'<polyline points="{line}" fill="none" stroke="{_INK}" stroke-width="1.5"/>'
        + "".join(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" opacity="0">'
            f"<title>frame {int(frame)}: {float(value):.4g}</title></circle>"
            for (x, y), frame, value in zip(points, frames, values, strict=True)
        )
    )
    return _figure(title, width, height, drawn)


def raster(
    rows: Sequence[NDArray[np.float32]], top: float, columns: int = 150
) -> NDArray[np.uint8]:
    """Episodes below each other, time to the right, (episodes, columns) from 0 to 255."""
    found = np.zeros((len(rows), columns), np.uint8)
    for number, row in enumerate(rows):
        edges = np.linspace(0, len(row), columns + 1)
        begins = np.minimum(edges[:-1].astype(int), len(row) - 1)
        ends = np.maximum(np.ceil(edges[1:]).astype(int), begins + 1)
        most = [row[begin:end].max() for begin, end in zip(begins, ends, strict=True)]
        found[number] = np.clip(np.array(most) / max(top, 1e-12) * 255, 0, 255)
    return found


def _figure(title: str, width: int, height: int, drawn: str) -> str:
    return (
        f'<figure style="margin:0"><figcaption>{html.escape(title)}</figcaption>'
        f'<svg viewBox="0 0 {width} {height}" style="width:100%;max-width:{width}px;height:auto;'
        f'border-bottom:1px solid #999">{drawn}</svg></figure>'
    )
