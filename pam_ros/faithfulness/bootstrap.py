# SPDX-License-Identifier: Apache-2.0
"""Intervals over episodes.

Percentile bootstrap: Efron and Tibshirani, An Introduction to the Bootstrap. Of hits and misses:
Wilson, Probable inference, the law of succession, and statistical inference (1927).
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

DRAWS = 4000
CONFIDENCE = 0.95


class Interval(NamedTuple):
    """A mean over episodes and its 95% interval; NaN where no episode has a value."""

    mean: float
    low: float
    high: float
    episodes: int


def interval(values: NDArray[np.float64], seed: int = 0) -> Interval:
    """The mean of one value per episode, and where 95% of the resampled means lie.

    Episodes without a value (NaN) are left out. For a paired difference pass the differences.
    """
    known = np.asarray(values, dtype=np.float64)
    known = known[~np.isnan(known)]
    if len(known) == 0:
        return Interval(float("nan"), float("nan"), float("nan"), 0)
    rng = np.random.default_rng(seed)
    means = known[rng.integers(0, len(known), (DRAWS, len(known)))].mean(axis=1)
    return Interval(float(known.mean()), *_middle(means), len(known))


def proportion(values: NDArray[np.float64]) -> Interval:
    """The part of hits (1) among hits and misses (0), and Wilson's score interval of it.

    Resampled hits alone would be hits alone, however few they are. Values between 0 and 1 are
    chances and no outcomes: where there are such, the interval is that of `interval`.
    """
    known = np.asarray(values, dtype=np.float64)
    known = known[~np.isnan(known)]
    count = len(known)
    if count == 0 or not np.isin(known, (0.0, 1.0)).all():
        return interval(values)
    mean = float(known.mean())
    z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
    middle = (mean + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z * math.sqrt(mean * (1 - mean) / count + (z / (2 * count)) ** 2) / (1 + z**2 / count)
    return Interval(mean, max(0.0, middle - half), min(1.0, middle + half), count)


def over_episodes(
    episodes: int, statistic: Callable[[NDArray[np.intp]], NDArray[np.float64]], seed: int = 0
) -> Interval:
    """Any figure that is made of all episodes, and where 95% of its resampled values lie.

    statistic: from draws of the episodes' numbers, (draws, episodes), to its value in each draw,
    (draws,).
    """
    if episodes == 0:
        return Interval(float("nan"), float("nan"), float("nan"), 0)
    rng = np.random.default_rng(seed)
    values = statistic(rng.integers(0, episodes, (DRAWS, episodes)))
    (whole,) = statistic(np.arange(episodes)[None])
    return Interval(float(whole), *_middle(values), episodes)


def _middle(values: NDArray[np.float64]) -> tuple[float, float]:
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(values, [tail, 100 - tail])
    return float(low), float(high)
