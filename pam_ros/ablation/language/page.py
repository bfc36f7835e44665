# SPDX-License-Identifier: Apache-2.0
"""A language report as one HTML file that needs nothing else. Every text of it is escaped."""

from __future__ import annotations

import html
import math
from pathlib import Path
from typing import TYPE_CHECKING

from pam_ros.ablation.language.answer import QUESTION
from pam_ros.ablation.language.table import FLOORS, NAMES, legend, percent, ratio, unit
from pam_ros.ablation.numbers import amount, figures
from pam_ros.ablation.table import spread
from pam_ros.share.template import filled, palette

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pam_ros.ablation.intervals import Spread
    from pam_ros.ablation.language.report import LanguageReport, Row, WordRow

_FILES = Path(__file__).parents[1] / "page-files"
_WIDTH = 200
_NOISE = {
    "none": "The policy draws no noise.",
    "common": "Chunks that are compared draw the same noise.",
    "anew": "The policy draws other noise for every observation.",
}


def page(report: LanguageReport) -> str:
    """The page."""
    title = html.escape(f"What {report.policy} reads")
    return filled(
        (_FILES / "language.html").read_text(encoding="utf-8"),
        {
            "title": title,
            "style": palette() + (_FILES / "ablation.css").read_text(encoding="utf-8"),
            "figures": html.escape(report.source),
            "answer": _answer(report),
            "legend": html.escape(legend(report)),
            "table": _kinds(report),
            "words": _words(report),
            "notes": "".join(f"<p>Note: {html.escape(note)}.</p>" for note in report.notes),
            "spreads": html.escape(report.spreads_from),
            "noise": html.escape(f"{_NOISE[report.noise]} Weights {report.policy_sha256[:12]}."),
        },
    )


def _answer(report: LanguageReport) -> str:
    rest = report.sentence.removeprefix(QUESTION)
    verdict = html.escape(report.verdict)
    return f'<li class="{verdict}"><b>{html.escape(QUESTION)}</b>{html.escape(rest)}</li>'


def _kinds(report: LanguageReport) -> str:
    rows = (*report.rows, *report.references)
    top = _top(row.chunk for row in rows)
    floor = report.reference(report.floor)
    line = math.nan if floor is None else floor.chunk.value
    head = ["said", "for example", "", "chunk", f"of {FLOORS[report.floor]}"]
    body = "".join(_kind(report, row, top, line) for row in rows)
    return _table(report, head, body)


def _kind(report: LanguageReport, row: Row, top: float, line: float) -> str:
    example = row.texts[0] if row.texts else ""
    start = f"<tr><td>{html.escape(NAMES[row.kind])}</td><td>{html.escape(example)}</td>"
    if not row.moments:
        return f"{start}{_why(report, row.why_not, 3)}</tr>"
    kind = "way" if row.texts else "reference"
    cells = f"<td>{_bar(row.chunk, top, kind, line)}</td><td>{spread(row.chunk)}</td>"
    return f"{start}{cells}<td>{ratio(row.of_floor)}</td>{_joints(report, row.joints)}</tr>"


def _words(report: LanguageReport) -> str:
    if not report.words:
        return ""
    top = _top(row.chunk for row in report.words)
    most = _top(row.share for row in report.words)
    head = ["instruction", "without", "", "chunk"]
    if report.attention:
        head += ["", "share of the attention"]
    before, rows = None, []
    for row in report.words:
        rows.append(_word(report, row, top, most, first=row.instruction != before))
        before = row.instruction
    return (
        '<section aria-label="Word by word"><h2>Word by word</h2><div class="wide">'
        f"{_table(report, head, ''.join(rows))}</div></section>"
    )


def _word(report: LanguageReport, row: WordRow, top: float, most: float, *, first: bool) -> str:
    name = html.escape(row.instruction if first else "")
    opening = '<tr class="first">' if first else "<tr>"
    start = f"{opening}<td>{name}</td><td>{html.escape(row.word)}</td>"
    share = ""
    if report.attention:
        bar = "" if math.isnan(row.share.value) else _bar(row.share, most, "reference")
        share = f"<td>{bar}</td><td>{percent(row.share)}</td>"
    if not row.moments:
        return f"{start}{_why(report, row.why_not, 2, share)}</tr>"
    cells = f"<td>{_bar(row.chunk, top, 'way')}</td><td>{spread(row.chunk)}</td>"
    return f"{start}{cells}{share}{_joints(report, row.joints)}</tr>"


def _table(report: LanguageReport, head: Sequence[str], body: str) -> str:
    cells = "".join(f"<th>{html.escape(name)}</th>" for name in head)
    for joint in report.joints:
        name = html.escape(joint.name).replace("_", "_<wbr>")
        cells += f'<th class="joint">{name}{html.escape(unit(joint))}</th>'
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>"


def _why(report: LanguageReport, reason: str, span: int, share: str = "") -> str:
    told = f'<td class="why" colspan="{span}">not made: {html.escape(reason)}</td>'
    return f"{told}{share}" + "<td></td>" * len(report.joints)


def _joints(report: LanguageReport, ways: Sequence[Spread]) -> str:
    parts = []
    for joint, found in zip(report.joints, ways, strict=True):
        relative = min(1.0, found.value / joint.spread) if joint.spread > 0 else 0.0
        told = amount(found.value, joint.unit)
        if not math.isnan(found.low):
            told += f" [{amount(found.low, joint.unit)}, {amount(found.high, joint.unit)}]"
        shade = f"color-mix(in srgb, var(--accent) {55 * relative:.0f}%, transparent)"
        parts.append(
            f'<td class="joint" style="background:{shade}" '
            f'title="{html.escape(f"{joint.name}: {told}")}">{figures(found.value)}</td>'
        )
    return "".join(parts)


def _bar(found: Spread, top: float, kind: str, line: float = math.nan) -> str:
    def x(value: float) -> str:
        return f"{_WIDTH * min(max(value, 0.0) / top, 1.0):.1f}"

    drawn = [f'<rect class="base" width="{_WIDTH}" height="20"/>']
    drawn.append(f'<rect class="{kind}" y="4" width="{x(found.value)}" height="12"/>')
    if not math.isnan(found.low):
        low, high = x(found.low), x(found.high)
        drawn.append(f'<line class="interval" x1="{low}" x2="{high}" y1="10" y2="10"/>')
    if not math.isnan(line):
        drawn.append(f'<line class="floor" x1="{x(line)}" x2="{x(line)}" y1="0" y2="20"/>')
    label = html.escape(spread(found))
    return (
        f'<svg class="bar" viewBox="0 0 {_WIDTH} 20" role="img" aria-label="{label}">'
        f"<title>{label}</title>{''.join(drawn)}</svg>"
    )


def _top(spreads: Iterable[Spread]) -> float:
    ends = [end for one in spreads for end in (one.value, one.high) if not math.isnan(end)]
    return max([1e-9, *ends]) * 1.02
