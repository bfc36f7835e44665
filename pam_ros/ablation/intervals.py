# SPDX-License-Identifier: Apache-2.0
"""Medians and success rates with 95% intervals."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pam_ros.faithfulness.bootstrap import CONFIDENCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

DRAWS = 2000
_Z = 1.959964
"""The normal distribution's 97.5th percentile."""


class Spread(NamedTuple):
    """A value and the ends of its 95% interval; NaN where there is none."""

    value: float
    low: float
    high: float


NOTHING = Spread(math.nan, math.nan, math.nan)


def medians(values: NDArray[np.float64], episodes: Sequence[int], seed: int = 0) -> list[Spread]:
    """The median of each column, and where 95% of the medians of resampled episodes lie.

    Whole episodes are drawn, since moments of one resemble each other (percentile bootstrap over
    clusters, Efron and Tibshirani, An Introduction to the Bootstrap). Of a single episode moments
    are drawn, and of a single moment there is no interval.

    Args:
        values: (moments, columns); NaN where a moment has none.
        episodes: of the moments.
        seed: of the draws, the same for all columns: differences of columns are paired.
    """
    known = ~np.isnan(values).any(axis=1)
    values, units = values[known], np.asarray(episodes)[known]
    if len(values) == 0:
        return [NOTHING] * values.shape[1]
    if len(np.unique(units)) == 1:
        units = np.arange(len(values))
    names, unit = np.unique(units, return_inverse=True)
    centre = np.median(values, axis=0)
    if len(names) == 1:
        return [Spread(float(value), math.nan, math.nan) for value in centre]
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), DRAWS)
    weights = drawn[:, unit.reshape(-1)]
    tail = 50 * (1 - CONFIDENCE)
    found = []
    for column, value in zip(values.T, centre, strict=True):
        low, high = np.percentile(_weighted_medians(column, weights), [tail, 100 - tail])
        found.append(Spread(float(value), float(low), float(high)))
    return found


def rate(successes: int, count: int) -> Spread:
    """A share of successes with Wilson's score interval (JASA 22, 1927)."""
    if count == 0:
        return NOTHING
    share = successes / count
    middle = (share + _Z * _Z / (2 * count)) / (1 + _Z * _Z / count)
    half = (
        _Z
        / (1 + _Z * _Z / count)
        * math.sqrt(share * (1 - share) / count + _Z * _Z / (4 * count * count))
    )
    return Spread(share, min(share, max(0.0, middle - half)), max(share, min(1.0, middle + half)))


def paired_difference(first: Sequence[bool], second: Sequence[bool]) -> Spread:
    """How much higher the first rate is than the second on the same scenes.

    Newcombe's method 10 (Statistics in Medicine 17, 1998): Wilson's intervals of both, with the
    correlation of the pairs taken out.
    """
    count = len(first)
    if count == 0:
        return NOTHING
    pairs = list(zip(first, second, strict=True))
    both = sum(one and two for one, two in pairs)
    neither = sum(not one and not two for one, two in pairs)
    only_first = sum(one and not two for one, two in pairs)
    only_second = count - both - neither - only_first
    one, two = rate(both + only_first, count), rate(both + only_second, count)
    phi = _phi(both, only_first, only_second, neither)
    difference = one.value - two.value

    def half(mine: float, theirs: float) -> float:
        return math.sqrt(max(0.0, mine * mine - 2 * phi * mine * theirs + theirs * theirs))

    low = difference - half(one.value - one.low, two.high - two.value)
    high = difference + half(one.high - one.value, two.value - two.low)
    return Spread(difference, max(-1.0, low), min(1.0, high))


def _phi(both: int, only_first: int, only_second: int, neither: int) -> float:
    margins = (
        (both + only_first)
        * (only_second + neither)
        * (both + only_second)
        * (only_first + neither)
    )
    if margins == 0:
        return 0.0
    count = both + only_first + only_second + neither
    found = float(both * neither - only_first * only_second)
    if found > 0:
        found = max(found - count / 2, 0.0)
    return found / math.sqrt(margins)


def _weighted_medians(
    values: NDArray[np.float64], weights: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Medians of values that count as often as each row of weights (draws, values) says."""
    order = np.argsort(values, kind="stable")
    up_to = np.cumsum(weights[:, order], axis=1)
    half = up_to[:, -1:] / 2
    lower = (up_to >= half).argmax(axis=1)
    upper = (up_to > half).argmax(axis=1)
    ranked = values[order]
    return np.asarray((ranked[lower] + ranked[upper]) / 2)
