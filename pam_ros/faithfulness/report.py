# SPDX-License-Identifier: Apache-2.0
"""From the moments' measurements to intervals over episodes, and to JSON and back.

How the live default is chosen was written down before any table was seen: the method with the
highest SCORE on one set of episodes, among those that need no extra pass and average over heads
(a head's number means nothing on another policy). It is then reported on another set.
"""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.attention.errors import AttentionError
from pam_ros.faithfulness.bootstrap import Interval, interval
from pam_ros.faithfulness.measure import CENTRE, CUBE, RANDOM

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from pam_ros.faithfulness.measure import Moment

SCHEMA = 1
SCORE = "score"
"""The mean of the deletion and the insertion area under blur."""

MEASURES = (
    SCORE,
    "deletion_blur",
    "insertion_blur",
    "deletion_mean",
    "insertion_mean",
    "removed",
    "moved",
    "pointing",
)


@dataclass(frozen=True)
class Row:
    """One method: intervals by measure, those of its differences from random and from centre.

    episodes: one value per episode by measure, NaN where an episode has none. curves: by curve, the
    mean over episodes at each fraction, 1 being the fully replaced pictures' distance. sanity: rank
    correlation with the map of shuffled weights, by stage.
    """

    method: str
    extra_pass: bool
    measures: Mapping[str, Interval]
    above_random: Mapping[str, Interval]
    above_centre: Mapping[str, Interval]
    episodes: Mapping[str, tuple[float, ...]]
    curves: Mapping[str, tuple[float, ...]]
    sanity: Mapping[str, Interval] = field(default_factory=dict)

    @property
    def beats_both(self) -> bool:
        """Whether its score is above random order's and centre bias', both intervals above 0."""
        differences = (self.above_random.get(SCORE), self.above_centre.get(SCORE))
        return all(d is not None and d.low > 0 for d in differences)


@dataclass(frozen=True)
class Report:
    """A table: where it is from, then one row per method, baselines and reference included."""

    policy: str
    policy_sha256: str
    source: str
    first_episode: int
    episodes: tuple[int, ...]
    moments: tuple[int, ...]
    fractions: tuple[float, ...]
    blur_cells: float
    swapped_cells: int
    bfloat16: bool
    rows: tuple[Row, ...]
    schema: int = SCHEMA

    def row(self, method: str) -> Row:
        """The row of a method.

        Raises:
            AttentionError: the report has none.
        """
        for row in self.rows:
            if row.method == method:
                return row
        message = f"the report has no row of {method}"
        raise AttentionError(message)

    def best_without_extra_pass(self) -> Row | None:
        """By score, among the methods that average over heads; None if there is none."""
        candidates = [
            row
            for row in self.rows
            if SCORE in row.measures
            and row.method not in {RANDOM, CENTRE, CUBE}
            and not row.extra_pass
            and row.method.count(":") < 2
        ]
        return max(candidates, key=lambda row: row.measures[SCORE].mean, default=None)

    def to_json(self) -> str:
        """As JSON; what is not a number there is null."""
        return json.dumps(_plain(dataclasses.asdict(self)), indent=1) + "\n"


def from_json(text: str) -> Report:
    """What to_json wrote.

    Raises:
        AttentionError: it did not write this.
    """
    try:
        fields = json.loads(text)
        if fields["schema"] != SCHEMA:
            message = f"the report has schema {fields['schema']}: this version reads {SCHEMA}"
            raise AttentionError(message)
        rows = tuple(
            Row(
                **{
                    **row,
                    **{name: _intervals(row[name]) for name in _INTERVALS},
                    "episodes": {k: tuple(map(_number, v)) for k, v in row["episodes"].items()},
                    "curves": {k: tuple(map(_number, v)) for k, v in row["curves"].items()},
                }
            )
            for row in fields["rows"]
        )
        tuples = {name: tuple(fields[name]) for name in ("episodes", "moments", "fractions")}
        return Report(**{**fields, **tuples, "rows": rows})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"this is no faithfulness report: {error}"
        raise AttentionError(message) from error


_INTERVALS = ("measures", "above_random", "above_centre", "sanity")


def rows_of(
    moments: Iterable[Moment],
    extra_pass: Mapping[str, bool],
    sanity: Mapping[str, Mapping[str, Interval]],
) -> tuple[Row, ...]:
    """One row per method of the moments, in their order; baselines and reference last.

    extra_pass: by method; what is not in it needs none. sanity: by method and stage.
    """
    by_episode: dict[int, list[Moment]] = {}
    for moment in moments:
        by_episode.setdefault(moment.episode, []).append(moment)
    if not by_episode:
        message = "there is no episode to report on"
        raise AttentionError(message)
    groups = [by_episode[episode] for episode in sorted(by_episode)]
    names = list(dict.fromkeys(name for group in groups for m in group for name in m.pairs))
    values = {name: {m: _per_episode(groups, name, m) for m in MEASURES} for name in names}
    curves = {name: _mean_curves(groups, name) for name in names}
    return _rows(values, curves, extra_pass, sanity)


def merged(old: Report, new: Report) -> Report:
    """Both reports' methods and measures; what both have is the new one's.

    Raises:
        AttentionError: they are not of the same policy, episodes and settings.
    """
    same = [field.name for field in dataclasses.fields(Report) if field.name != "rows"]
    for name in same:
        if getattr(old, name) != getattr(new, name):
            message = f"the reports cannot be joined: {name} differs between them"
            raise AttentionError(message)
    values: dict[str, dict[str, NDArray[np.float64]]] = {}
    curves: dict[str, dict[str, tuple[float, ...]]] = {}
    sanity: dict[str, dict[str, Interval]] = {}
    for row in (*old.rows, *new.rows):
        found = {m: np.array(episodes) for m, episodes in row.episodes.items()}
        values.setdefault(row.method, {}).update(found)
        curves.setdefault(row.method, {}).update(row.curves)
        sanity.setdefault(row.method, {}).update(row.sanity)
    extra_pass = {row.method: row.extra_pass for row in (*old.rows, *new.rows)}
    return dataclasses.replace(new, rows=_rows(values, curves, extra_pass, sanity))


def _rows(
    values: Mapping[str, Mapping[str, NDArray[np.float64]]],
    curves: Mapping[str, Mapping[str, tuple[float, ...]]],
    extra_pass: Mapping[str, bool],
    sanity: Mapping[str, Mapping[str, Interval]],
) -> tuple[Row, ...]:
    """values: one per episode, by method and measure."""
    names = sorted(values, key=lambda name: (name == CUBE, name == CENTRE, name == RANDOM))
    known = {
        name: {
            m: values[name][m] for m in MEASURES if not np.isnan(values[name].get(m, np.nan)).all()
        }
        for name in names
    }

    def above(name: str, baseline: str) -> dict[str, Interval]:
        other = known.get(baseline, {})
        if name == baseline:
            return {}
        return {m: interval(row - other[m]) for m, row in known[name].items() if m in other}

    return tuple(
        Row(
            method=name,
            extra_pass=extra_pass.get(name, False),
            measures={m: interval(row) for m, row in known[name].items()},
            above_random=above(name, RANDOM),
            above_centre=above(name, CENTRE),
            episodes={m: tuple(map(float, row)) for m, row in known[name].items()},
            curves=dict(curves.get(name, {})),
            sanity=dict(sanity.get(name, {})),
        )
        for name in names
    )


def _per_episode(
    groups: Sequence[Sequence[Moment]], name: str, measure: str
) -> NDArray[np.float64]:
    parts = ("deletion_blur", "insertion_blur") if measure == SCORE else (measure,)
    result = np.full(len(groups), np.nan)
    for index, group in enumerate(groups):
        pairs = [m.pairs[name][p] for m in group for p in parts if p in m.pairs.get(name, {})]
        out_of = sum(pair[1] for pair in pairs)
        if out_of > 0:
            result[index] = sum(pair[0] for pair in pairs) / out_of
    return result


def _mean_curves(groups: Sequence[Sequence[Moment]], name: str) -> dict[str, tuple[float, ...]]:
    kinds = dict.fromkeys(kind for group in groups for m in group for kind in m.points[name])
    result = {}
    for kind in kinds:
        relative = []
        for group in groups:
            total = np.sum([m.points[name][kind] for m in group], axis=0)
            if total[-1] > 0:
                relative.append(total[:-1] / total[-1])
        if relative:
            result[kind] = tuple(map(float, np.mean(relative, axis=0)))
    return result


def _plain(value: Any) -> Any:
    if isinstance(value, Interval):
        return dict(zip(Interval._fields, map(_plain, value), strict=True))
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value


def _intervals(fields: Mapping[str, Mapping[str, Any]]) -> dict[str, Interval]:
    return {
        name: Interval(
            _number(entry["mean"]), _number(entry["low"]), _number(entry["high"]), entry["episodes"]
        )
        for name, entry in fields.items()
    }


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
