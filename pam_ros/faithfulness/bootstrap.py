# SPDX-License-Identifier: Apache-2.0
"""Percentile bootstrap over episodes (Efron and Tibshirani, An Introduction to the Bootstrap)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
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
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(means, [tail, 100 - tail])
    return Interval(float(known.mean()), float(low), float(high), len(known))
