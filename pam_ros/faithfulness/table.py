# SPDX-License-Identifier: Apache-2.0
"""A report as text: Markdown tables, readable in a terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pam_ros.attention.attribution import INTEGRATED_GRADIENTS
from pam_ros.faithfulness.columns import (
    IN_SIMULATOR,
    MEASURES,
    NAMES,
    ROAD_SCORE,
    SCORE,
    SCORE_ALL,
    SCORES,
    TITLES,
)
from pam_ros.faithfulness.measure import CENTRE, CUBE, RANDOM
from pam_ros.faithfulness.report import SIMULATOR
from pam_ros.faithfulness.rows import parts_of
from pam_ros.faithfulness.subject import NOISE_OWN, NOISE_SHARED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pam_ros.faithfulness.bootstrap import Interval
    from pam_ros.faithfulness.report import Report, Row

NOT_MEASURED = "not measured"
NO_MAP = "no map"
FACTS = {
    "cube_change": "the chunk's change without the cube, normalised units",
    "distractor_change": "the chunk's change without a distractor",
    "distractor_share": "the second as a share of the first",
}
_NOISE = {
    NOISE_SHARED: "The policy draws noise: one moment's passes all drew the same.\n",
    NOISE_OWN: "The policy draws noise, each picture's its own: the figures hold that as well.\n",
}


def tables(report: Report) -> str:
    """What was measured, the differences from the baselines, and whatever else the report has."""
    rows = sorted(report.rows, key=_place)
    known = [m for m in MEASURES if any(m in row.measures for row in rows)]
    areas = [area for pair in SCORES.values() for area in pair if area in known]
    scores = [score for score in SCORES if score in known]
    parts = [_methods(report, rows, known)]
    if len(scores) > 1:
        parts.append(_measures(rows, scores, "score by"))
    parts += [
        _measures(rows, areas, "areas"),
        table(
            ["score above", "random order", "centre bias", "rollout"],
            [
                [
                    label(row.method),
                    *(
                        cell(d.get(SCORE))
                        for d in (row.above_random, row.above_centre, row.above_rollout)
                    ),
                ]
                for row in rows
                if row.method not in {RANDOM, CENTRE}
            ],
        ),
    ]
    if len(scores) > 1:
        parts += [
            _above(
                rows, scores, "above centre bias", {row.method: row.above_centre for row in rows}
            ),
            _above(rows, scores, "above rollout", {row.method: row.above_rollout for row in rows}),
        ]
    quotients = parts_of(rows, INTEGRATED_GRADIENTS)
    if quotients:
        parts.append(_above(rows, scores, f"score / {INTEGRATED_GRADIENTS}'s", quotients))
    parts += [*_sanity(rows), *_facts(report)]
    return "\n".join(parts) + "\n" + _agreement(report) + _verdict(report)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table with columns of equal width."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        padded = (text.ljust(width) for text, width in zip(cells, widths, strict=True))
        return "| " + " | ".join(padded) + " |\n"

    rule = "| " + " | ".join("-" * width for width in widths) + " |\n"
    return line(head) + rule + "".join(line(row) for row in rows)


def label(method: str) -> str:
    """What a table calls a method or a baseline."""
    return NAMES.get(method, method)


def cell(value: Interval | None) -> str:
    """A mean and its interval; empty where there is none."""
    if value is None or math.isnan(value.mean):
        return ""
    return f"{value.mean:.2f} [{value.low:.2f}, {value.high:.2f}]"


def number(value: float) -> str:
    """To two places; empty where there is none."""
    return "" if math.isnan(value) else f"{value:.2f}"


def _methods(report: Report, rows: Sequence[Row], known: Sequence[str]) -> str:
    """The first table: scores, cost, and what the simulator knows."""
    simulated = report.source == SIMULATOR
    seen = [m for m in IN_SIMULATOR if m in known or not simulated]
    scores = [m for m in (SCORE, SCORE_ALL) if m in known]
    cost = any(not math.isnan(row.cost) for row in rows)

    def line(row: Row) -> list[str]:
        of_simulator = (cell(row.measures.get(m)) if simulated else NOT_MEASURED for m in seen)
        return [
            label(row.method),
            *(cell(row.measures.get(m)) for m in scores),
            *([number(row.cost)] if cost else []),
            *of_simulator,
        ]

    head = ["method", *(TITLES[m] for m in scores), *(["cost"] if cost else [])]
    head += [TITLES[m] for m in seen]
    without = [
        [name, f"{NO_MAP}: {reason}", *[""] * (len(head) - 2)]
        for name, reason in report.lacking.items()
    ]
    return table(head, [*map(line, rows), *without])


def _measures(rows: Sequence[Row], measures: Sequence[str], title: str) -> str:
    return table(
        [title, *(_word(m) for m in measures)],
        [[label(row.method), *(cell(row.measures.get(m)) for m in measures)] for row in rows],
    )


def _word(measure: str) -> str:
    """A score's title in a table of scores is its replacement; blur's is the plain score."""
    return "blur" if measure == SCORE else TITLES[measure].removeprefix("score, ")


def _above(
    rows: Sequence[Row],
    scores: Sequence[str],
    title: str,
    differences: Mapping[str, Mapping[str, Interval]],
) -> str:
    return table(
        [title, *(_word(score) for score in scores)],
        [
            [label(row.method), *(cell(differences[row.method].get(s)) for s in scores)]
            for row in rows
            if any(s in differences.get(row.method, {}) for s in scores)
        ],
    )


def _sanity(rows: Sequence[Row]) -> list[str]:
    stages = list(dict.fromkeys(stage for row in rows for stage in row.sanity))
    if not stages:
        return []
    lines = [
        [label(row.method), *(cell(row.sanity.get(stage)) for stage in stages)]
        for row in rows
        if row.sanity
    ]
    return [table(["same map after shuffling", *stages], lines)]


def _facts(report: Report) -> list[str]:
    if not report.facts:
        return []
    lines = [[words, cell(report.facts[name])] for name, words in FACTS.items()]
    return [table(["the policy, whatever the map", ""], lines)]


def _agreement(report: Report) -> str:
    text = _NOISE.get(report.noise, "")
    if report.instructions:
        text += f"The policy was told: {'; '.join(report.instructions)}.\n"
    found = [f"{_word(score)} {cell(value)}" for score, value in report.agreement.items()]
    if found:
        text += f"Rank correlation of the methods' order with {_word(ROAD_SCORE)}'s: "
        text += ", ".join(found) + ".\n"
    return text


def _verdict(report: Report) -> str:
    best = report.best_without_extra_pass()
    if best is None:
        return "No score of a method without an extra pass.\n"
    if best.beats_both:
        outcome = "it beats random order and centre bias"
    else:
        losers = [
            NAMES[name]
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
