# SPDX-License-Identifier: Apache-2.0
"""From the moments' measurements and the episodes' endings to rows with intervals."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.ablation.closed_loop import INTACT
from pam_ros.ablation.intervals import NOTHING, medians, paired_difference, rate
from pam_ros.ablation.measure import EVERYTHING, NEXT, NOISE
from pam_ros.ablation.report import Closed, Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pam_ros.ablation.closed_loop import Ending
    from pam_ros.ablation.measure import Measured
    from pam_ros.ablation.replacements import Ablation
    from pam_ros.policy.interface import PolicySpec

TRAINING_ACTIONS = "standard deviations of the actions in training"
CHUNKS = "standard deviations of the chunks of the frames read"
_ACTION = "action"


def action_spreads(spec: PolicySpec, measured: Sequence[Measured]) -> tuple[tuple[float, ...], str]:
    """What each joint's way is divided by to compare joints, (joints,), and what that is.

    The standard deviation of the training data's actions where the checkpoint has it; else that of
    the chunks that were predicted. 0 for a joint that never changes.
    """
    known = spec.statistics.get(_ACTION)
    if known is not None and known.std is not None and len(known.std) == spec.action_dim:
        spreads, source = np.array(known.std), TRAINING_ACTIONS
    else:
        mean = np.mean([one.mean for one in measured], axis=0)
        square = np.mean([one.square for one in measured], axis=0)
        spreads, source = np.sqrt(np.maximum(square - mean * mean, 0.0)), CHUNKS
    # What is nothing but rounding is none.
    spreads = np.where(np.isfinite(spreads) & (spreads > 1e-9), spreads, 0.0)
    return tuple(spreads.tolist()), source


class Rows:
    """Makes rows of what was measured.

    Args:
        measured: of all moments, in the report's order.
        spreads: of the joints.
        stochastic: whether noise that is drawn anew belongs to the floor.
    """

    def __init__(
        self, measured: Sequence[Measured], spreads: Sequence[float], *, stochastic: bool = False
    ) -> None:
        self._measured = measured
        self._episodes = [one.episode for one in measured]
        self._spreads = np.array(spreads)
        self._everything = self._chunk(self._ways(EVERYTHING))
        floors = [self._chunk(self._ways(NEXT))]
        if stochastic:
            floors.append(self._chunk(self._ways(NOISE)))
        self._floor: NDArray[np.float64] = np.fmax.reduce(floors)

    @property
    def floor(self) -> NDArray[np.float64]:
        """(moments,) how far a chunk goes with nothing replaced, in action spreads."""
        return self._floor

    def references(self) -> tuple[Row, ...]:
        """Those that were measured."""
        rows = (self._row("", name, name) for name in (NEXT, NOISE, EVERYTHING))
        return tuple(row for row in rows if row.moments)

    def row(self, ablation: Ablation) -> Row:
        """An ablation's."""
        if ablation.why_not:
            return Row(ablation.input.name, ablation.replacement, why_not=ablation.why_not)
        return self._row(ablation.input.name, ablation.replacement, ablation.key)

    def _row(self, one: str, replacement: str, key: str) -> Row:
        ways = self._ways(key)
        chunk = self._chunk(ways)
        of_floor = chunk - self._floor
        columns = medians(np.column_stack([ways, chunk]), self._episodes)
        whole = float(np.nanmedian(self._everything)) if self._known(self._everything) else np.nan
        share = columns[-1].value / whole if whole > 0 else np.nan
        return Row(
            input=one,
            replacement=replacement,
            moments=self._known(chunk),
            joints=tuple(columns[:-1]),
            chunk=columns[-1],
            above_floor=medians(of_floor[:, None], self._episodes)[0],
            of_everything=float(share),
            ways=tuple(measured.ways.get(key) for measured in self._measured),
        )

    def _ways(self, key: str) -> NDArray[np.float64]:
        """(moments, joints), NaN where the moment has none."""
        nothing = (np.nan,) * len(self._spreads)
        return np.array([one.ways.get(key, nothing) for one in self._measured], dtype=np.float64)

    def _chunk(self, ways: NDArray[np.float64]) -> NDArray[np.float64]:
        """(moments,) the root mean square over joints, in action spreads."""
        moving = self._spreads > 0
        if not moving.any():
            return np.asarray(ways.sum(axis=1) * 0.0)
        relative = ways[:, moving] / self._spreads[moving]
        return np.asarray(np.sqrt(np.square(relative).mean(axis=1)))

    @staticmethod
    def _known(values: NDArray[np.float64]) -> int:
        return int((~np.isnan(values)).sum())


def closed(endings: Sequence[Ending], key: str) -> Closed | None:
    """An ablation's episodes beside the intact ones of the same scenes; None if there are none."""
    mine = {one.seed: one.success for one in endings if one.key == key}
    intact = {one.seed: one.success for one in endings if one.key == INTACT}
    if not mine:
        return None
    seeds = sorted(set(mine) & set(intact))
    lost = NOTHING
    if key != INTACT:
        lost = paired_difference([intact[s] for s in seeds], [mine[s] for s in seeds])
    successes = sum(mine[seed] for seed in seeds)
    return Closed(len(seeds), successes, rate(successes, len(seeds)), lost)


def with_closed(row: Row, endings: Sequence[Ending]) -> Row:
    """The row, with its episodes."""
    return replace(row, closed=closed(endings, f"{row.input}:{row.replacement}"))
