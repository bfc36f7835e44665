# SPDX-License-Identifier: Apache-2.0
"""A report as one HTML file that needs nothing else. Every text of it is escaped."""

from __future__ import annotations

import base64
import html
import math
from pathlib import Path
from typing import TYPE_CHECKING

from pam_ros.ablation.measure import EVERYTHING, NEXT
from pam_ros.ablation.numbers import amount, figures
from pam_ros.ablation.replacements import REPLACEMENTS
from pam_ros.ablation.table import NAMES, legend, lost, reached, share, spread
from pam_ros.share.template import filled, palette

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pam_ros.ablation.pictures import Picture
    from pam_ros.ablation.report import InputAnswer, Joint, Report, Row

_FILES = Path(__file__).parent / "page-files"
_WIDTH = 200


def page(report: Report, pictures: Sequence[Picture] = ()) -> str:
    """The page.

    Args:
        report: what was measured.
        pictures: of cameras; without any, the page has none.
    """
    return filled(
        (_FILES / "ablation.html").read_text(encoding="utf-8"),
        {
            "title": html.escape(f"What {report.policy} uses"),
            "style": palette() + (_FILES / "ablation.css").read_text(encoding="utf-8"),
            "figures": html.escape(report.source),
            "answers": "".join(map(_answer, report.answers)),
            "legend": html.escape(legend(report)),
            "table": _table(report),
            "notes": "".join(f"<p>Note: {html.escape(note)}.</p>" for note in report.notes),
            "pictures": _pictures(pictures),
            "spreads": html.escape(report.spreads_from),
            "means": html.escape(_means(report)),
        },
    )


def _answer(answer: InputAnswer) -> str:
    question, mark, rest = answer.sentence.partition("?")
    return (
        f'<li class="{html.escape(answer.verdict)}"><b>{html.escape(question + mark)}</b>'
        f"{html.escape(rest)}</li>"
    )


def _table(report: Report) -> str:
    ran = report.intact is not None
    head = ["input", "replaced by", "", "chunk", "of all", *(["reached", "lost"] if ran else [])]
    cells = "".join(f"<th>{html.escape(name)}</th>" for name in head)
    cells += "".join(map(_heading, report.joints))
    top = _top(report)
    rows, before = [], None
    for row in (*report.rows, *report.references):
        first = row.input != before
        before = row.input
        rows.append(_row(report, row, top, first=first, ran=ran))
    if report.intact is not None:
        empty = "<td></td>" * len(report.joints)
        rows.append(
            f"<tr><td>(nothing)</td><td></td><td></td><td></td><td></td>"
            f"<td>{reached(report.intact)}</td><td></td>{empty}</tr>"
        )
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _heading(joint: Joint) -> str:
    name = html.escape(joint.name).replace("_", "_<wbr>")
    unit = f" [{html.escape(joint.unit)}]" if joint.unit else ""
    return f'<th class="joint">{name}{unit}</th>'


def _row(report: Report, row: Row, top: float, *, first: bool, ran: bool) -> str:
    name = (row.input if first else "") if row.input else NAMES[row.replacement]
    how = REPLACEMENTS[row.replacement] if row.input else ""
    start = f"<td>{html.escape(name)}</td><td>{html.escape(how)}</td>"
    opening = '<tr class="first">' if first else "<tr>"
    if row.why_not or not row.moments:
        span = 3 + len(report.joints) + 2 * ran
        reason = html.escape(row.why_not or "no frame allows it")
        return f'{opening}{start}<td class="why" colspan="{span}">not made: {reason}</td></tr>'
    cells = [f"<td>{_bar(report, row, top)}</td>", f"<td>{spread(row.chunk)}</td>"]
    cells.append(f"<td>{share(row)}</td>")
    if ran:
        cells.append(f"<td>{reached(row.closed)}</td><td>{lost(row.closed)}</td>")
    return f"{opening}{start}{''.join(cells)}{''.join(_joints(report, row))}</tr>"


def _joints(report: Report, row: Row) -> Iterable[str]:
    for joint, found in zip(report.joints, row.joints, strict=True):
        relative = min(1.0, found.value / joint.spread) if joint.spread > 0 else 0.0
        told = amount(found.value, joint.unit)
        if not math.isnan(found.low):
            told += f" [{amount(found.low, joint.unit)}, {amount(found.high, joint.unit)}]"
        shade = f"color-mix(in srgb, var(--accent) {55 * relative:.0f}%, transparent)"
        yield (
            f'<td class="joint" style="background:{shade}" '
            f'title="{html.escape(f"{joint.name}: {told}")}">{figures(found.value)}</td>'
        )


def _bar(report: Report, row: Row, top: float) -> str:
    def x(value: float) -> str:
        return f"{_WIDTH * min(max(value, 0.0) / top, 1.0):.1f}"

    kind = "way" if row.input else "reference"
    drawn = [f'<rect class="base" width="{_WIDTH}" height="20"/>']
    drawn.append(f'<rect class="{kind}" y="4" width="{x(row.chunk.value)}" height="12"/>')
    if not math.isnan(row.chunk.low):
        low, high = x(row.chunk.low), x(row.chunk.high)
        drawn.append(f'<line class="interval" x1="{low}" x2="{high}" y1="10" y2="10"/>')
    for name, style in ((NEXT, "floor"), (EVERYTHING, "all")):
        line = report.reference(name)
        if line is not None:
            at = x(line.chunk.value)
            drawn.append(f'<line class="{style}" x1="{at}" x2="{at}" y1="0" y2="20"/>')
    label = html.escape(f"{spread(row.chunk)} action spreads")
    return (
        f'<svg class="bar" viewBox="0 0 {_WIDTH} 20" role="img" aria-label="{label}">'
        f"<title>{label}</title>{''.join(drawn)}</svg>"
    )


def _top(report: Report) -> float:
    values = [row.chunk for row in (*report.rows, *report.references)]
    ends = [end for one in values for end in (one.value, one.high) if not math.isnan(end)]
    return max([1e-9, *ends]) * 1.02


def _pictures(pictures: Sequence[Picture]) -> str:
    parts = []
    for name in dict.fromkeys(picture.input for picture in pictures):
        shown = "".join(
            f'<figure><img alt="{html.escape(f"{name}, {one.what}")}" '
            f'src="data:image/jpeg;base64,{base64.b64encode(one.jpeg).decode()}">'
            f"<figcaption>{html.escape(one.what)}</figcaption></figure>"
            for one in pictures
            if one.input == name
        )
        parts.append(
            f"<section><h2>What it saw instead: {html.escape(name)}</h2>"
            f'<div class="pictures">{shown}</div></section>'
        )
    return "".join(parts)


def _means(report: Report) -> str:
    told = ", ".join(f"{feature}: {source}" for feature, source in report.means_from.items())
    noise = {
        "none": "The policy draws no noise.",
        "common": "Chunks that are compared draw the same noise.",
        "anew": "The policy draws other noise for every observation.",
    }[report.noise]
    return f"Means are of: {told}. {noise} Weights {report.policy_sha256[:12]}."
