# SPDX-License-Identifier: Apache-2.0
"""A look as HTML that needs nothing else: no script, no style sheet, no other file.

Text has the notebook's own colour, so that it can be read in light and dark.
"""

from __future__ import annotations

from base64 import b64encode
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from pam_ros.attention.overlay import heat_colours
from pam_ros.policy.notebook.encoded import jpeg, png, short

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from pam_ros.attention.drawing import Drawing
    from pam_ros.attention.maps import AttentionMaps

_WIDEST = 400
"""Of a picture on the page [CSS pixels]."""
_SMALL = "font-size:85%;opacity:.8"
# Told apart in light and dark, and by who sees few colours (Okabe and Ito).
_LINES = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#999999")
_BAR = "#0072b2"


class Shown(Protocol):
    """What is read of a look; see Glance."""

    @property
    def policy(self) -> str:
        """Its name."""
        ...

    @property
    def attention(self) -> AttentionMaps:
        """The maps."""
        ...

    @property
    def overlays(self) -> Mapping[str, NDArray[np.uint8]]:
        """(H, W, 3) uint8 RGB by feature."""
        ...

    @property
    def shares(self) -> Mapping[str, float]:
        """Of cameras and groups."""
        ...

    @property
    def full_scale(self) -> float:
        """The share of a cell that is drawn at full opacity."""
        ...

    @property
    def chunk(self) -> NDArray[np.float32]:
        """(chunk_size, action_dim)."""
        ...

    @property
    def joints(self) -> tuple[str, ...]:
        """Their names, or none."""
        ...

    @property
    def instruction(self) -> str:
        """The words; empty without."""
        ...

    @property
    def drawing(self) -> Drawing:
        """Colours and scale."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences."""
        ...

    def word_strip(self, width: int = 640) -> NDArray[np.uint8] | None:
        """The words as a picture; None without."""
        ...


def page(glance: Shown) -> str:
    """The pictures, what the heat is, the shares and the chunk."""
    name = Path(glance.policy).name
    return "".join(
        (
            '<div style="font-family:sans-serif;max-width:60em">',
            f"<div><b>{escape(glance.attention.method)}</b> of {escape(name)}</div>",
            f'<div style="{_SMALL}">{escape("; ".join(_about(glance)))}</div>',
            '<div style="display:flex;flex-wrap:wrap;gap:8px;margin:6px 0">',
            *_pictures(glance),
            "</div>",
            _words(glance),
            _legend(glance),
            '<div style="display:flex;flex-wrap:wrap;gap:24px;align-items:flex-start">',
            _shares(glance),
            _chunk(glance.chunk, glance.joints),
            "</div>",
            *(f'<div style="{_SMALL}">Note: {escape(note)}</div>' for note in glance.notes),
            "</div>",
        )
    )


def _about(glance: Shown) -> Iterator[str]:
    found = glance.attention
    if found.head:
        yield f"{found.layer}, head {found.head}, query {found.query}"
    if found.target:
        unit = f" [{found.unit}]" if found.unit else ""
        yield f"target {found.target}{unit}"
    if found.baseline:
        yield f"compared with {found.baseline}"
    if found.reason:
        yield found.reason
    if glance.instruction:
        yield f"told: {glance.instruction}"


def _pictures(glance: Shown) -> Iterator[str]:
    for feature, overlay in glance.overlays.items():
        width = min(overlay.shape[1], _WIDEST)
        name, share = escape(short(feature)), glance.shares[feature]
        yield (
            f'<figure style="margin:0"><img width="{width}" alt="{escape(feature)}" '
            f'src="data:image/jpeg;base64,{_text(jpeg(overlay))}">'
            f'<figcaption style="{_SMALL}">{name}: {share:.0%}</figcaption></figure>'
        )


def _words(glance: Shown) -> str:
    strip = glance.word_strip()
    if strip is None:
        return ""
    return (
        f'<div><img width="{strip.shape[1]}" alt="words of the instruction" '
        f'src="data:image/png;base64,{_text(png(strip))}"></div>'
    )


def _legend(glance: Shown) -> str:
    """What full heat is; the border, where there is one."""
    ramp = np.tile(heat_colours(glance.drawing.colormap, 1.0)[None], (10, 1, 1))
    border = ""
    share = glance.attention.joint_state_share
    if share > 0 and glance.drawing.border:
        border = f" The magenta border is the joint state's share, {share:.0%}."
    return (
        f'<div style="{_SMALL}">0 <img width="160" height="10" alt="colours" '
        f'src="data:image/png;base64,{_text(png(ramp))}"> {glance.full_scale:.2%} of the whole in '
        f"one cell, or more.{border}</div>"
    )


def _shares(glance: Shown) -> str:
    rows = "".join(
        f'<tr><td style="text-align:left">{escape(short(name))}</td>'
        f'<td style="text-align:left;width:130px"><div style="background:{_BAR};height:10px;'
        f'width:{120 * min(share, 1.0):.0f}px"></div></td><td>{share:.1%}</td></tr>'
        for name, share in glance.shares.items()
    )
    return f"<table><caption>shares</caption>{rows}</table>"


def _chunk(chunk: NDArray[np.float32], joints: tuple[str, ...]) -> str:
    """The chunk as lines over its steps, each action on the common scale."""
    steps, actions = chunk.shape
    width, height, least, most = 320, 110, float(chunk.min()), float(chunk.max())
    span = most - least or 1.0
    lines, names = [], []
    for number in range(actions):
        colour = _LINES[number % len(_LINES)]
        dash = "" if number < len(_LINES) else ' stroke-dasharray="4 2"'
        xs = np.linspace(2, width - 2, steps) if steps > 1 else np.array([width / 2])
        ys = height - 4 - (chunk[:, number] - least) / span * (height - 8)
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True))
        lines.append(
            f'<polyline fill="none" stroke="{colour}" stroke-width="1.5"{dash} points="{points}"/>'
        )
        name = joints[number] if joints else str(number)
        names.append(f'<span style="color:{colour}">&#9644;</span> {escape(name)}')
    return (
        f'<figure style="margin:0"><svg width="{width}" height="{height}" role="img" '
        'aria-label="the chunk" style="border:1px solid currentColor;border-radius:3px">'
        f"{''.join(lines)}</svg>"
        f'<figcaption style="{_SMALL}">chunk, {steps} steps, {least:.3g} to {most:.3g}: '
        f"{' '.join(names)}</figcaption></figure>"
    )


def _text(data: bytes) -> str:
    return b64encode(data).decode("ascii")
