# SPDX-License-Identifier: Apache-2.0
"""Medians, ratios of medians and their bootstrap intervals (Efron and Tibshirani 1993, ch. 13).

Rounds are what is resampled, the same ones for both rows of a ratio: the rows of a round ran within
the same seconds, and what disturbed one disturbed the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

RESAMPLES = 4000
LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A value and the ends of its 95% interval."""

    value: float
    low: float
    high: float


def ratio_of_medians(
    seconds: Sequence[float], reference: Sequence[float], seed: int = 0
) -> Estimate:
    """median(seconds) / median(reference), both of the same rounds.

    Raises:
        ValueError: the two are not of equally many rounds, or there are none.
    """
    return ratio_of_percentiles(seconds, reference, 50, seed)


def ratio_of_percentiles(
    seconds: Sequence[float], reference: Sequence[float], percent: float, seed: int = 0
) -> Estimate:
    """The same of any percentile. Of the outermost the interval says little: few rounds make it.

    Raises:
        ValueError: as ratio_of_medians.
    """
    row, base = _rounds(seconds, reference)
    picks = _picks(len(row), seed)
    of_row, of_base = (np.percentile(each[picks], percent, axis=1) for each in (row, base))
    value = np.percentile(row, percent) / np.percentile(base, percent)
    return _estimate(float(value), of_row / of_base)


def paired_change(on: Sequence[float], off: Sequence[float], seed: int = 0) -> Estimate:
    """Median of the rounds' on - off, as a part of off's median: 0.02 is two percent slower.

    Raises:
        ValueError: as ratio_of_medians.
    """
    with_it, without = _rounds(on, off)
    change = (with_it - without) / np.median(without)
    picks = _picks(len(change), seed)
    return _estimate(float(np.median(change)), np.median(change[picks], axis=1))


def _rounds(
    first: Sequence[float], second: Sequence[float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if len(first) != len(second) or not first:
        message = f"{len(first)} and {len(second)} rounds cannot be paired: they must be as many"
        raise ValueError(message)
    return np.asarray(first, np.float64), np.asarray(second, np.float64)


def _picks(rounds: int, seed: int) -> NDArray[np.int64]:
    """Rounds drawn with replacement, (RESAMPLES, rounds)."""
    return np.random.default_rng(seed).integers(0, rounds, (RESAMPLES, rounds))


def _estimate(value: float, resampled: NDArray[np.float64]) -> Estimate:
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return Estimate(value, float(low), float(high))
