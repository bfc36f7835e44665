# SPDX-License-Identifier: Apache-2.0
"""A report as text, readable in a terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pam_ros.ablation.measure import EVERYTHING, NEXT, NOISE
from pam_ros.ablation.numbers import figures
from pam_ros.ablation.replacements import REPLACEMENTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pam_ros.ablation.intervals import Spread
    from pam_ros.ablation.report import Closed, Report, Row

_DROVE = (
    " 'reached' is how many cubes the policy reaches when it drives so, 'lost' how much of the "
    "rate with nothing replaced that costs on the same scenes."
)
NAMES = {
    NEXT: "(nothing: the next frame)",
    NOISE: "(nothing: other noise)",
    EVERYTHING: "(every input)",
}


def text(report: Report) -> str:
    """The answers, a row for each ablation, and what they are in."""
    ran = report.intact is not None
    head = ["input", "replaced by", "chunk", "of all", *(["reached", "lost"] if ran else [])]
    head += [f"{joint.name}{_unit(joint.unit)}" for joint in report.joints]
    rows = [_cells(report, row, ran=ran) for row in (*report.rows, *report.references)]
    if report.intact is not None:
        intact = ["(nothing)", "", "", "", reached(report.intact)]
        rows.append([*intact, "", *("" for _ in report.joints)])
    parts = [answer.sentence for answer in report.answers]
    parts += ["", table(head, rows), legend(report)]
    parts += [f"Not made: {row.input}, {REPLACEMENTS[row.replacement]}: {row.why_not}."
              for row in report.rows if row.why_not]  # fmt: skip
    parts += [f"Note: {note}." for note in report.notes]
    return "\n".join(parts) + "\n"


def legend(report: Report) -> str:
    """What the columns are in."""
    return (
        f"Medians over {_count(len(report.moments), 'frame')} of {_episodes(report)} "
        f"({report.source}), 95% intervals in brackets. A joint's column is how far its part of "
        f"the chunk goes; 'chunk' is all joints together, in {report.spreads_from}; 'of all' is "
        "its part of what replacing every input does."
        + (_DROVE if report.intact is not None else "")
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns that are as wide as they must be."""
    widths = [max(len(row[place]) for row in [head, *rows]) for place in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        return ("| " + " | ".join(padded)).rstrip() + " |\n"

    rule = "| " + " | ".join("-" * width for width in widths) + " |\n"
    return line(head) + rule + "".join(line(row) for row in rows)


def _cells(report: Report, row: Row, *, ran: bool) -> list[str]:
    name = row.input or NAMES[row.replacement]
    how = REPLACEMENTS[row.replacement] if row.input else ""
    if row.why_not or not row.moments:
        rest = ["not made", "", *(["", ""] if ran else [])]
        return [name, how, *rest, *("" for _ in report.joints)]
    cells = [name, how, spread(row.chunk), share(row)]
    if ran:
        cells += [reached(row.closed), lost(row.closed)]
    return cells + [figures(joint.value) for joint in row.joints]


def share(row: Row) -> str:
    """What part of replacing every input it is."""
    return "" if math.isnan(row.of_everything) else f"{row.of_everything:.0%}"


def spread(found: Spread) -> str:
    """A median with its interval."""
    if math.isnan(found.low):
        return figures(found.value)
    return f"{figures(found.value)} [{figures(found.low)}, {figures(found.high)}]"


def reached(found: Closed | None) -> str:
    """How many cubes, with the interval of the rate; empty where nothing drove."""
    if found is None:
        return ""
    return f"{found.successes}/{found.episodes} [{found.rate.low:.0%}, {found.rate.high:.0%}]"


def lost(found: Closed | None) -> str:
    """What of the intact episodes' rate is lost, with its interval; empty where nothing drove."""
    if found is None or math.isnan(found.lost.value):
        return ""
    return f"{found.lost.value:.0%} [{found.lost.low:.0%}, {found.lost.high:.0%}]"


def _unit(word: str) -> str:
    return f" [{word}]" if word else ""


def _episodes(report: Report) -> str:
    return _count(len({episode for episode, _ in report.moments}), "episode")


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("s" if number != 1 else "")
