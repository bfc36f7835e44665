# SPDX-License-Identifier: Apache-2.0
"""A table and a figure from the JSON that `pam_ros sae eval` writes.

    python research/sae_curves.py EVAL.json [EVAL.json ...] [--svg docs/images/sae_curves.svg]

Trainings that differ in their seed alone are one point: their mean, and their range as a bar.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

PANELS = (
    ("explained variance", "explained_variance", None),
    ("about each position's mean", "explained_variance_about_position", None),
    ("recovered action", None, "recovered_action"),
)
SAE_COLOUR, PCA_COLOUR = "#0b6e99", "#b4541a"
WIDTH, HEIGHT, LEFT, TOP, BOTTOM, GAP = 250, 190, 44, 30, 42, 24


def main() -> int:
    """Print the table; write the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("reports", type=Path, nargs="+")
    parser.add_argument("--svg", type=Path)
    options = parser.parse_args()
    results: list[dict[str, Any]] = []
    for path in options.reports:
        results += json.loads(path.read_text())["results"].values()
    groups: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for result in results:
        groups[int(result["training"]["k"])].append(result)
    sys.stdout.write(table(groups))
    if options.svg:
        options.svg.write_text(figure(groups))
    return 0


def table(groups: dict[int, list[dict[str, Any]]]) -> str:
    """Markdown, one row per L0: mean over the seeds, and their range."""
    titles = [title for name, _, _ in PANELS for title in (name, "PCA")]
    titles = ["L0", "seeds", *titles, "dead"]
    lines = [f"| {' | '.join(titles)} |", "| --- " * len(titles) + "|"]
    for k in sorted(groups):
        found = groups[k]
        cells = [str(k), str(len(found))]
        for _, fit, direct in PANELS:
            cells += [
                _spread([value(r, fit, direct, side) for r in found]) for side in ("sae", "pca")
            ]
        cells.append(_spread([r["dead_share"] for r in found], percent=True))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def value(result: dict[str, Any], fit: str | None, direct: str | None, side: str) -> float:
    """One figure of a result; NaN where it was not measured."""
    if fit is not None:
        return float((result[side] or {}).get(fit, math.nan))
    found = result.get(str(direct) if side == "sae" else f"pca_{direct}")
    return math.nan if found is None else float(found)


def _spread(values: list[float], *, percent: bool = False) -> str:
    known = [v for v in values if not math.isnan(v)]
    if not known:
        return "-"
    mean, low, high = sum(known) / len(known), min(known), max(known)
    if percent:
        return f"{mean:.1%}" if high - low < 5e-4 else f"{mean:.1%} ({low:.1%} to {high:.1%})"
    return f"{mean:.3f}" if high - low < 5e-4 else f"{mean:.3f} ({low:.3f} to {high:.3f})"


def figure(groups: dict[int, list[dict[str, Any]]]) -> str:
    """An SVG of three panels: L0 (logarithmic) against each measure, SAE and PCA."""
    width, height = len(PANELS) * (WIDTH + LEFT + GAP), TOP + HEIGHT + BOTTOM
    size = f'width="{width}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="11">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for index, (title, fit, direct) in enumerate(PANELS):
        left = index * (WIDTH + LEFT + GAP) + LEFT
        parts += _panel(groups, left, title, fit, direct)
    return "\n".join([*parts, "</svg>", ""])


def _panel(
    groups: dict[int, list[dict[str, Any]]],
    left: float,
    title: str,
    fit: str | None,
    direct: str | None,
) -> list[str]:
    sides = {
        side: {k: [value(r, fit, direct, side) for r in found] for k, found in groups.items()}
        for side in ("sae", "pca")
    }
    known = [v for s in sides.values() for vs in s.values() for v in vs if not math.isnan(v)]
    if not known:
        return []
    floor = math.floor(min(known) * 10 - 0.2) / 10
    ks = sorted(groups)
    span = math.log2(ks[-1] / ks[0]) or 1.0

    def x(k: int) -> float:
        return left + 12 + (WIDTH - 24) * math.log2(k / ks[0]) / span

    def y(v: float) -> float:
        return TOP + HEIGHT * (1 - (v - floor) / (1 - floor))

    parts = [f'<text x="{left}" y="{TOP - 12}" font-weight="bold">{title}</text>']
    ticks = 5 if 1 - floor > 0.25 else 4
    for step in range(ticks + 1):
        v = floor + (1 - floor) * step / ticks
        parts += [
            (
                f'<line x1="{left}" x2="{left + WIDTH}" y1="{y(v):.1f}" y2="{y(v):.1f}" '
                'stroke="#dddddd"/>'
            ),
            f'<text x="{left - 6}" y="{y(v) + 4:.1f}" text-anchor="end">{v:.2f}</text>',
        ]
    for k in ks:
        parts.append(
            f'<text x="{x(k):.1f}" y="{TOP + HEIGHT + 16}" text-anchor="middle">{k}</text>'
        )
    parts.append(
        f'<text x="{left + WIDTH / 2}" y="{TOP + HEIGHT + 34}" text-anchor="middle">'
        "active features per token (L0)</text>"
    )
    for side, colour, label in (("pca", PCA_COLOUR, "PCA"), ("sae", SAE_COLOUR, "SAE")):
        points = []
        for k in ks:
            values = [v for v in sides[side][k] if not math.isnan(v)]
            if not values:
                continue
            mean = sum(values) / len(values)
            points.append((x(k), y(mean)))
            parts.append(
                f'<line x1="{x(k):.1f}" x2="{x(k):.1f}" y1="{y(min(values)):.1f}" '
                f'y2="{y(max(values)):.1f}" stroke="{colour}" stroke-width="4"/>'
            )
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{colour}"/>' for a, b in points]
        if points:
            offset = -8 if side == "sae" else 16
            parts.append(
                f'<text x="{points[0][0] + 6:.1f}" y="{points[0][1] + offset:.1f}" '
                f'fill="{colour}">{label}</text>'
            )
    return parts


if __name__ == "__main__":
    sys.exit(main())
