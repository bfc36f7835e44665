# SPDX-License-Identifier: Apache-2.0
"""What a run found, as JSON and back; rows.py makes its rows.

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

from pam_ros.attention.errors import AttentionError
from pam_ros.faithfulness.bootstrap import Interval
from pam_ros.faithfulness.columns import SCORE
from pam_ros.faithfulness.measure import CENTRE, CUBE, RANDOM

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA = 1
SIMULATOR = "simulator"
"""The source of a report whose pictures the simulator rendered."""


@dataclass(frozen=True)
class Row:
    """One method: intervals by measure, those of its differences from random, centre and rollout.

    episodes: one value per episode by measure, NaN where an episode has none. curves: by curve, the
    mean over episodes at each fraction, 1 being the fully replaced pictures' distance. sanity: rank
    correlation with the map of shuffled weights, by stage. cost: the map's time in plain passes;
    NaN where it was not measured.
    """

    method: str
    extra_pass: bool
    measures: Mapping[str, Interval]
    above_random: Mapping[str, Interval]
    above_centre: Mapping[str, Interval]
    episodes: Mapping[str, tuple[float, ...]]
    curves: Mapping[str, tuple[float, ...]]
    sanity: Mapping[str, Interval] = field(default_factory=dict)
    above_rollout: Mapping[str, Interval] = field(default_factory=dict)
    cost: float = math.nan

    @property
    def beats_both(self) -> bool:
        """Whether its score is above random order's and centre bias', both intervals above 0."""
        differences = (self.above_random.get(SCORE), self.above_centre.get(SCORE))
        return all(d is not None and d.low > 0 for d in differences)


@dataclass(frozen=True)
class Report:
    """A table: where it is from, then one row per method, baselines and reference included.

    facts: of the policy alone, by name (see measure). agreement: by score, the rank correlation of
    the methods' order with ROAD's. lacking: by method, why this policy has no such map. noise: what
    passes of spoilt pictures drew: shared, own or none. instructions: what a policy that reads
    words was told at its moments.
    """

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
    facts: Mapping[str, Interval] = field(default_factory=dict)
    agreement: Mapping[str, Interval] = field(default_factory=dict)
    lacking: Mapping[str, str] = field(default_factory=dict)
    noise: str = "none"
    instructions: tuple[str, ...] = ()

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
                    **{name: _intervals(row.get(name, {})) for name in _INTERVALS},
                    "cost": _number(row.get("cost")),
                    "episodes": {k: tuple(map(_number, v)) for k, v in row["episodes"].items()},
                    "curves": {k: tuple(map(_number, v)) for k, v in row["curves"].items()},
                }
            )
            for row in fields["rows"]
        )
        tuples = {name: tuple(fields[name]) for name in ("episodes", "moments", "fractions")}
        found = {name: _intervals(fields.get(name, {})) for name in ("facts", "agreement")}
        told = tuple(fields.get("instructions", ()))
        return Report(**{**fields, **tuples, **found, "rows": rows, "instructions": told})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"this is no faithfulness report: {error}"
        raise AttentionError(message) from error


_INTERVALS = ("measures", "above_random", "above_centre", "above_rollout", "sanity")


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
