# SPDX-License-Identifier: Apache-2.0
"""A report as text: Markdown tables, readable in a terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pam_ros.faithfulness.measure import CENTRE, CUBE, RANDOM
from pam_ros.faithfulness.report import MEASURES, SCORE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pam_ros.faithfulness.bootstrap import Interval
    from pam_ros.faithfulness.report import Report, Row

_TITLES = {
    SCORE: "score",
    "deletion_blur": "deletion, blur",
    "insertion_blur": "insertion, blur",
    "deletion_mean": "deletion, mean",
    "insertion_mean": "insertion, mean",
    "removed": "cube removed",
    "moved": "cube moved",
    "pointing": "pointing",
}
_NAMES = {RANDOM: "random order", CENTRE: "centre bias", CUBE: "the cube itself"}


def tables(report: Report) -> str:
    """The measures, the differences from the baselines, and the sanity check where there is one."""
    known = [m for m in MEASURES if any(m in row.measures for row in report.rows)]
    rows = sorted(report.rows, key=_place)
    parts = [
        _table(
            ["method", *(_TITLES[m] for m in known)],
            [[_label(row), *(_cell(row.measures.get(m)) for m in known)] for row in rows],
        ),
        _table(
            ["score above", "random order", "centre bias"],
            [
                [_label(row), *(_cell(d.get(SCORE)) for d in (row.above_random, row.above_centre))]
                for row in rows
                if row.method not in {RANDOM, CENTRE}
            ],
        ),
    ]
    stages = list(dict.fromkeys(stage for row in rows for stage in row.sanity))
    if stages:
        parts.append(
            _table(
                ["same map after shuffling", *stages],
                [
                    [_label(row), *(_cell(row.sanity.get(stage)) for stage in stages)]
                    for row in rows
                    if row.sanity
                ],
            )
        )
    return "\n".join(parts) + "\n" + _verdict(report)


def _verdict(report: Report) -> str:
    best = report.best_without_extra_pass()
    if best is None:
        return "No score of a method without an extra pass.\n"
    if best.beats_both:
        outcome = "it beats random order and centre bias"
    else:
        losers = [
            _NAMES[name]
            for name, found in ((RANDOM, best.above_random), (CENTRE, best.above_centre))
            if not (SCORE in found and found[SCORE].low > 0)
        ]
        outcome = f"it does not beat {' or '.join(losers)}"
    return f"Best score without an extra pass, averaged over heads: {best.method}; {outcome}.\n"


def _place(row: Row) -> tuple[int, float]:
    baselines = (RANDOM, CENTRE, CUBE)
    if row.method in baselines:
        return 1 + baselines.index(row.method), 0.0
    score = row.measures.get(SCORE)
    return 0, math.inf if score is None else -score.mean


def _label(row: Row) -> str:
    return _NAMES.get(row.method, row.method)


def _cell(value: Interval | None) -> str:
    if value is None or math.isnan(value.mean):
        return ""
    return f"{value.mean:.2f} [{value.low:.2f}, {value.high:.2f}]"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        return "| " + " | ".join(padded) + " |\n"

    rule = "| " + " | ".join("-" * width for width in widths) + " |\n"
    return line(head) + rule + "".join(line(row) for row in rows)
