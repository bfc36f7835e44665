# SPDX-License-Identifier: Apache-2.0
"""From the moments' measurements to a report's rows: intervals, and paired differences."""

from __future__ import annotations

import dataclasses
import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.attention.errors import AttentionError
from pam_ros.attention.maps import ROLLOUT
from pam_ros.faithfulness.bootstrap import interval, over_episodes, proportion
from pam_ros.faithfulness.columns import HITS, MEASURES, OWN_SCORES, ROAD_SCORE, SCORE_ALL, SCORES
from pam_ros.faithfulness.measure import CENTRE, CUBE, RANDOM
from pam_ros.faithfulness.report import Report, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from pam_ros.faithfulness.bootstrap import Interval
    from pam_ros.faithfulness.measure import Moment


def rows_of(
    moments: Iterable[Moment],
    extra_pass: Mapping[str, bool],
    sanity: Mapping[str, Mapping[str, Interval]],
    cost: Mapping[str, float] | None = None,
) -> tuple[Row, ...]:
    """One row per method of the moments, in their order; baselines and reference last.

    extra_pass: by method; what is not in it needs none. sanity: by method and stage. cost: by
    method, in plain passes.
    """
    groups = _by_episode(moments)
    names = list(dict.fromkeys(name for group in groups for m in group for name in m.pairs))
    values = {name: {m: _per_episode(groups, name, m) for m in MEASURES} for name in names}
    curves = {name: _mean_curves(groups, name) for name in names}
    return _rows(values, curves, extra_pass, sanity, cost or {})


def facts_of(moments: Iterable[Moment]) -> dict[str, Interval]:
    """What the moments say of the policy alone, by name."""
    groups = _by_episode(moments)
    names = dict.fromkeys(name for group in groups for moment in group for name in moment.facts)
    return {
        name: interval(_ratios([[m.facts[name] for m in g if name in m.facts] for g in groups]))
        for name in names
    }


def agreement_of(rows: Sequence[Row]) -> dict[str, Interval]:
    """By score, the rank correlation over methods of its order with that of ROAD's score.

    The methods, random order and centre bias count; the cube's own order does not, since it knows
    the answer. Empty where ROAD was not measured, or fewer than two methods.
    """
    known = [row for row in rows if row.method != CUBE and ROAD_SCORE in row.measures]
    if len(known) < 2:
        return {}
    road = np.array([row.episodes[ROAD_SCORE] for row in known])
    found = {}
    for score in (*OWN_SCORES, SCORE_ALL):
        if all(score in row.measures for row in known):
            ours = np.array([row.episodes[score] for row in known])
            whole = ~np.isnan(road).any(axis=0) & ~np.isnan(ours).any(axis=0)
            found[score] = over_episodes(
                int(whole.sum()), partial(_rank_correlations, ours[:, whole], road[:, whole])
            )
    return found


def _rank_correlations(
    ours: NDArray[np.float64], theirs: NDArray[np.float64], drawn: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Spearman's of two (methods, episodes) figures' means, in each of the draws, (draws,)."""
    x, y = (_ranks(values[:, drawn].mean(axis=-1)) for values in (ours, theirs))
    scale = np.sqrt(np.square(x).sum(axis=0) * np.square(y).sum(axis=0))
    return np.asarray((x * y).sum(axis=0) / np.where(scale > 0, scale, 1.0))


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks along the first axis, less their mean; equal values share theirs."""
    return np.asarray(np.sign(values[:, None] - values[None]).sum(axis=1) / 2)


def _by_episode(moments: Iterable[Moment]) -> list[list[Moment]]:
    by_episode: dict[int, list[Moment]] = {}
    for moment in moments:
        by_episode.setdefault(moment.episode, []).append(moment)
    if not by_episode:
        message = "there is no episode to report on"
        raise AttentionError(message)
    return [by_episode[episode] for episode in sorted(by_episode)]


def parts_of(rows: Sequence[Row], whole: str) -> dict[str, dict[str, Interval]]:
    """By method and score, its mean score divided by that of the method `whole`.

    The interval is that of the quotient of both means over the same resampled episodes.
    """
    by_method = {row.method: row for row in rows}
    if whole not in by_method:
        return {}
    found: dict[str, dict[str, Interval]] = {}
    for name, row in by_method.items():
        for score in SCORES:
            other = by_method[whole].episodes.get(score)
            if name == whole or other is None or score not in row.episodes:
                continue
            both = np.array([row.episodes[score], other])
            both = both[:, ~np.isnan(both).any(axis=0)]
            found.setdefault(name, {})[score] = over_episodes(
                both.shape[1], partial(_quotients, both)
            )
    return found


def _quotients(both: NDArray[np.float64], drawn: NDArray[np.intp]) -> NDArray[np.float64]:
    """Of (2, episodes) figures' means, in each of the draws, (draws,)."""
    mean = both[:, drawn].mean(axis=-1)
    return np.asarray(mean[0] / np.where(mean[1] == 0, np.nan, mean[1]))


_ADDED = ("rows", "facts", "agreement", "lacking")
"""What a report may have more of than the one that it joins."""


def merged(old: Report, new: Report) -> Report:
    """Both reports' methods and measures; what both have is the new one's.

    Raises:
        AttentionError: they are not of the same policy, episodes and settings.
    """
    same = [field.name for field in dataclasses.fields(Report) if field.name not in _ADDED]
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
    for measures in values.values():
        if all(score in measures for score in OWN_SCORES):
            measures[SCORE_ALL] = np.mean([measures[score] for score in OWN_SCORES], axis=0)
    extra_pass = {row.method: row.extra_pass for row in (*old.rows, *new.rows)}
    cost = {row.method: row.cost for row in (*old.rows, *new.rows) if not math.isnan(row.cost)}
    rows = _rows(values, curves, extra_pass, sanity, cost)
    return dataclasses.replace(
        new,
        rows=rows,
        facts={**old.facts, **new.facts},
        agreement=agreement_of(rows),
        lacking={**old.lacking, **new.lacking},
    )


def _rows(
    values: Mapping[str, Mapping[str, NDArray[np.float64]]],
    curves: Mapping[str, Mapping[str, tuple[float, ...]]],
    extra_pass: Mapping[str, bool],
    sanity: Mapping[str, Mapping[str, Interval]],
    cost: Mapping[str, float],
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
            measures={
                m: proportion(row) if m in HITS else interval(row) for m, row in known[name].items()
            },
            above_random=above(name, RANDOM),
            above_centre=above(name, CENTRE),
            episodes={m: tuple(map(float, row)) for m, row in known[name].items()},
            curves=dict(curves.get(name, {})),
            sanity=dict(sanity.get(name, {})),
            above_rollout=above(name, ROLLOUT),
            cost=cost.get(name, math.nan),
        )
        for name in names
    )


def _per_episode(
    groups: Sequence[Sequence[Moment]], name: str, measure: str
) -> NDArray[np.float64]:
    if measure == SCORE_ALL:
        # Replacements differ in how far they carry the chunk; each shall count alike.
        scores = [_per_episode(groups, name, score) for score in OWN_SCORES]
        return np.asarray(np.mean(scores, axis=0))
    parts = SCORES.get(measure, (measure,))
    return _ratios(
        [
            [m.pairs[name][p] for m in group for p in parts if p in m.pairs.get(name, {})]
            for group in groups
        ]
    )


def _ratios(groups: Sequence[Sequence[tuple[float, float]]]) -> NDArray[np.float64]:
    """Of each group of (found, out of), the sum of what was found by the sum of the others."""
    result = np.full(len(groups), np.nan)
    for index, pairs in enumerate(groups):
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
