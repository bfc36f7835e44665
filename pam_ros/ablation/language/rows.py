# SPDX-License-Identifier: Apache-2.0
"""From what each moment gave to the rows of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pam_ros.ablation.intervals import NOTHING, medians
from pam_ros.ablation.language.measure import one_key, word_key
from pam_ros.ablation.language.report import Row, WordRow
from pam_ros.ablation.language.texts import KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pam_ros.ablation.intervals import Spread
    from pam_ros.ablation.measure import Measured


class Rows:
    """Makes rows.

    Args:
        measured: of all moments, in the report's order.
        spreads: of the joints.
        floor: the reference that ways are compared with.
    """

    def __init__(self, measured: Sequence[Measured], spreads: Sequence[float], floor: str) -> None:
        self._measured = measured
        self._episodes = [one.episode for one in measured]
        self._spreads = np.array(spreads, np.float64)
        self._floor = self._chunk(self._ways(floor))

    def row(self, kind: str, texts: Sequence[str] = (), why_not: str = "") -> Row:
        """Of one kind, or of a reference."""
        ways = self._ways(kind)
        chunk = self._chunk(ways)
        moments = int((~np.isnan(chunk)).sum())
        if why_not or not moments:
            return Row(kind, tuple(texts), why_not=why_not or "no frame allows it")
        columns = self._medians(np.column_stack([ways, chunk]))
        one = self._chunk(self._ways(one_key(kind))) if kind in KINDS else chunk
        above = self._medians((one - self._floor)[:, None])[0]
        return Row(
            kind,
            tuple(texts),
            moments,
            joints=tuple(columns[:-1]),
            chunk=columns[-1],
            above_floor=above,
            of_floor=self._ratio(one),
        )

    def word(self, instruction: str, place: int, told: Sequence[bool], why_not: str) -> WordRow:
        """Of one word.

        Args:
            instruction: that has it.
            place: of the word.
            told: which moments have this instruction.
            why_not: why it cannot be left out; empty if it can.
        """
        word = instruction.split()[place]
        mine = np.array(told, dtype=bool)
        ways = np.where(mine[:, None], self._ways(word_key(place)), np.nan)
        chunk = self._chunk(ways)
        shares = [
            one.shares[place] if here and place < len(one.shares) else np.nan
            for one, here in zip(self._measured, told, strict=True)
        ]
        share = self._medians(np.array(shares, np.float64)[:, None])[0]
        moments = int((~np.isnan(chunk)).sum())
        if why_not or not moments:
            reason = why_not or "no frame allows it"
            return WordRow(instruction, place, word, share=share, why_not=reason)
        columns = self._medians(np.column_stack([ways, chunk]))
        return WordRow(instruction, place, word, moments, tuple(columns[:-1]), columns[-1], share)

    def _ratio(self, chunk: NDArray[np.float64]) -> Spread:
        above = self._floor > 0
        if 2 * above.sum() < (~np.isnan(self._floor)).sum():
            return NOTHING
        ratio = np.full(chunk.shape, np.nan)
        np.divide(chunk, self._floor, out=ratio, where=above)
        return self._medians(ratio[:, None])[0]

    def _medians(self, values: NDArray[np.float64]) -> list[Spread]:
        return medians(values, self._episodes)

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
