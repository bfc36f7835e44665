# SPDX-License-Identifier: Apache-2.0
"""A language report as text, readable in a terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pam_ros.ablation.language.texts import KINDS
from pam_ros.ablation.measure import NEXT, NOISE
from pam_ros.ablation.numbers import figures
from pam_ros.ablation.table import spread, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pam_ros.ablation.intervals import Spread
    from pam_ros.ablation.language.report import LanguageReport, Row, WordRow
    from pam_ros.ablation.report import Joint

NAMES = {**KINDS, NOISE: "(its words, other noise)", NEXT: "(its words, the next frame)"}
FLOORS = {NOISE: "other noise", NEXT: "the next frame"}


def text(report: LanguageReport) -> str:
    """The answer, a row for each kind of words, one for each word, and what they are in."""
    joints = [f"{joint.name}{unit(joint)}" for joint in report.joints]
    head = ["said", "chunk", f"of {FLOORS[report.floor]}", *joints]
    rows = [_cells(row) for row in (*report.rows, *report.references)]
    parts = [report.sentence, "", table(head, [_padded(cells, head) for cells in rows])]
    if report.words:
        share = ["share"] if report.attention else []
        head = ["instruction", "without", "chunk", *share, *joints]
        words = [_word(row, attention=bool(share)) for row in report.words]
        parts.append(table(head, [_padded(cells, head) for cells in words]))
    parts.append(legend(report))
    parts += [f"Not made: {NAMES[row.kind]}: {row.why_not}." for row in report.rows if row.why_not]
    parts += [f"Note: {note}." for note in report.notes]
    return "\n".join(parts) + "\n"


def legend(report: LanguageReport) -> str:
    """What the columns are in."""
    episodes = len({episode for episode, _ in report.moments})
    told = (
        f"Medians over {_count(len(report.moments), 'frame')} of {_count(episodes, 'episode')} "
        f"({report.source}), 95% intervals in brackets. A joint's column is how far its part of "
        f"the chunk goes; 'chunk' is all joints together, in {report.spreads_from}; "
        f"'of {FLOORS[report.floor]}' is how many times as far as with {FLOORS[report.floor]}, "
        "frame by frame."
    )
    if report.attention:
        told += f" 'share' is the word's part of the attention mass ({report.attention})."
    return told


def percent(found: Spread) -> str:
    """A share with its interval."""
    if math.isnan(found.value):
        return ""
    if math.isnan(found.low):
        return f"{found.value:.1%}"
    return f"{found.value:.1%} [{found.low:.1%}, {found.high:.1%}]"


def ratio(found: Spread) -> str:
    """How many times, with its interval."""
    return "" if math.isnan(found.value) else spread(found)


def unit(joint: Joint) -> str:
    """The unit of a column, as its head has it."""
    return f" [{joint.unit}]" if joint.unit else ""


def _cells(row: Row) -> list[str]:
    if not row.moments:
        return [NAMES[row.kind], "not made"]
    joints = [figures(joint.value) for joint in row.joints]
    return [NAMES[row.kind], spread(row.chunk), ratio(row.of_floor), *joints]


def _word(row: WordRow, *, attention: bool) -> list[str]:
    share = [percent(row.share)] if attention else []
    if not row.moments:
        return [row.instruction, row.word, "not made", *share]
    joints = [figures(joint.value) for joint in row.joints]
    return [row.instruction, row.word, spread(row.chunk), *share, *joints]


def _padded(cells: Sequence[str], head: Sequence[str]) -> list[str]:
    return [*cells, *[""] * (len(head) - len(cells))]


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("s" if number != 1 else "")
