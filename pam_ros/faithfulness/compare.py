# SPDX-License-Identifier: Apache-2.0
"""Reports of several policies side by side: a sentence then says on which of them it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pam_ros.attention.errors import AttentionError
from pam_ros.attention.maps import ROLLOUT
from pam_ros.faithfulness.columns import IN_SIMULATOR, NAMES, SCORE, SCORE_ALL, SCORES, TITLES
from pam_ros.faithfulness.measure import CENTRE, CUBE, RANDOM
from pam_ros.faithfulness.table import FACTS, NO_MAP, cell, label, number, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pam_ros.faithfulness.bootstrap import Interval
    from pam_ros.faithfulness.report import Report, Row

_BASELINES = (RANDOM, CENTRE, CUBE)


def comparison(reports: Sequence[Report]) -> str:
    """A table for each measure, a column for each report; then who is above which baseline where.

    Raises:
        AttentionError: fewer than two reports, or two that cannot be told apart.
    """
    if len(reports) < 2:
        message = "--compare needs at least two reports"
        raise AttentionError(message)
    titles = [f"{report.policy}, {report.source}" for report in reports]
    if len(set(titles)) < len(titles):
        twice = next(title for title in titles if titles.count(title) > 1)
        message = f"two of the reports are of {twice}: compare reports of different policies"
        raise AttentionError(message)
    by_report = [{row.method: row for row in report.rows} for report in reports]
    methods = _methods(reports)
    measured = [m for m in (SCORE, SCORE_ALL, *SCORES, *IN_SIMULATOR) if _found(by_report, m)]
    parts = [
        table(
            [TITLES[m], *titles],
            [
                [label(name), *(_value(report, rows, name, m) for report, rows in
                                zip(reports, by_report, strict=True))]
                for name in methods
            ],
        )
        for m in dict.fromkeys(measured)
    ]  # fmt: skip
    parts += [*_costs(methods, titles, by_report), *_facts(titles, reports)]
    return "\n".join(parts) + "\n" + _sentences(methods, titles, by_report)


def _methods(reports: Sequence[Report]) -> list[str]:
    """Every method of any report, the first report's best first, baselines last."""
    rows = [row for report in reports for row in report.rows]
    lacking = [name for report in reports for name in report.lacking]
    score = {
        row.method: row.measures[SCORE].mean for row in reversed(rows) if SCORE in row.measures
    }
    names = dict.fromkeys([*(row.method for row in rows), *lacking])
    methods = sorted(
        (name for name in names if name not in _BASELINES), key=lambda n: -score.get(n, -1.0)
    )
    return [*methods, *(name for name in _BASELINES if name in names)]


def _costs(
    methods: Sequence[str], titles: Sequence[str], by_report: Sequence[Mapping[str, Row]]
) -> list[str]:
    known = [
        [label(name), *(number(rows[name].cost) if name in rows else "" for rows in by_report)]
        for name in methods
    ]
    lines = [line for line in known if any(line[1:])]
    return [table(["cost", *titles], lines)] if lines else []


def _facts(titles: Sequence[str], reports: Sequence[Report]) -> list[str]:
    if not any(report.facts for report in reports):
        return []
    lines = [
        [words, *(cell(report.facts.get(name)) for report in reports)]
        for name, words in FACTS.items()
    ]
    return [table(["the policy, whatever the map", *titles], lines)]


def _found(by_report: Sequence[Mapping[str, Row]], measure: str) -> bool:
    return any(measure in row.measures for rows in by_report for row in rows.values())


def _value(report: Report, rows: Mapping[str, Row], name: str, measure: str) -> str:
    if name in report.lacking:
        return NO_MAP
    return cell(rows[name].measures.get(measure)) if name in rows else ""


def _sentences(
    methods: Sequence[str], titles: Sequence[str], by_report: Sequence[Mapping[str, Row]]
) -> str:
    """Of each method and baseline, with which replacements its interval is above 0, by policy."""
    lines = []
    for baseline in (CENTRE, ROLLOUT):
        for name in methods:
            if name in {*_BASELINES, baseline}:
                continue
            outcome = [
                _outcome(title, _difference(rows[name], baseline))
                for title, rows in zip(titles, by_report, strict=True)
                if name in rows
            ]
            if outcome:
                above = NAMES.get(baseline, baseline)
                lines.append(f"{name} above {above}: {'; '.join(outcome)}.\n")
    return "".join(lines)


def _difference(row: Row, baseline: str) -> Mapping[str, Interval]:
    return row.above_centre if baseline == CENTRE else row.above_rollout


def _outcome(title: str, differences: Mapping[str, Interval]) -> str:
    words = {
        "blur" if score == SCORE else TITLES[score].removeprefix("score, "): differences[score]
        for score in SCORES
        if score in differences
    }
    above = [word for word, found in words.items() if found.low > 0]
    rest = [word for word in words if word not in above]
    if not words:
        return f"on {title} not measured"
    if not rest:
        return f"on {title} by {', '.join(above)}"
    if not above:
        return f"on {title} not (by {', '.join(rest)})"
    return f"on {title} by {', '.join(above)}, not by {', '.join(rest)}"
