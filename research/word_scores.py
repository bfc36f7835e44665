# SPDX-License-Identifier: Apache-2.0
"""How much of a map lies on the object that was named, and what a set of scenes says of it.

The same picture is asked for each of the N objects. A map that does not depend on the words has its
strongest object at the named one in exactly one of N, its margin is exactly 0 on average over the N
instructions, and its strongest object never changes.

Shares are (scenes, moments, N told, N objects): the part of one camera's map that lies on an object
when another, or the same, was named. They are NaN where the camera does not see all objects.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from bench.estimates import LEVEL, RESAMPLES, Estimate
from pam_ros.sim.words.obedience import interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pam_ros.attention.layout import CameraTokens

REACH = 1.0
"""Half the side of the square round an object's middle, in cells: the square is four cells large.

A cell of the demo policy is larger than an object. In a square of 3 x 3 cells two neighbours share
most of their cells, and a peak on the one would lie on the other as well.
"""


@dataclass(frozen=True)
class Score:
    """How a view follows the words.

    Attributes:
        named: how often the named object is the strongest; Wilson's interval, with one trial a
            scene, since the questions of one scene are not independent.
        margin: share on the named object minus the mean share of the others; bootstrap of scenes.
        changed: how often two instructions have different strongest objects; likewise.
        scenes: how many have a picture in which all objects are seen.
    """

    named: Estimate
    margin: Estimate
    changed: Estimate
    scenes: int


def overlaps(
    grid: CameraTokens, pixel: NDArray[np.floating], reach: float = REACH
) -> NDArray[np.float64]:
    """The part [0, 1] of each cell that lies in the square round a pixel, (rows, cols) float64.

    Args:
        grid: of the camera.
        pixel: (2,) column and row of the middle.
        reach: half the square's side, in cells.
    """
    column, row = (
        _covered(count, first, step, float(at), reach)
        for count, first, step, at in (
            (grid.cols, grid.x0, grid.dx, pixel[0]),
            (grid.rows, grid.y0, grid.dy, pixel[1]),
        )
    )
    return row[:, None] * column


def _covered(count: int, first: float, step: float, at: float, reach: float) -> NDArray[np.float64]:
    """The part of each of some cells in a row that lies within `reach` of a place."""
    middle = (at - first) / step
    cells = np.arange(count)
    right = np.minimum(cells + 0.5, middle + reach)
    left = np.maximum(cells - 0.5, middle - reach)
    return np.clip(right - left, 0.0, 1.0)


def share_on(cells: NDArray[np.floating], squares: NDArray[np.float64]) -> NDArray[np.float64]:
    """The part of a map on each of N squares, (N,); NaN where the map has no mass.

    Args:
        cells: (rows, cols) mass.
        squares: (N, rows, cols) as overlaps() gives them.
    """
    whole = float(cells.sum(dtype=np.float64))
    if not whole > 0:
        return np.full(len(squares), np.nan)
    return np.asarray((squares * cells).sum(axis=(1, 2)) / whole, np.float64)


def named_is_strongest(shares: NDArray[np.floating]) -> NDArray[np.float64]:
    """How often, by scene: (scenes,), NaN for a scene without a picture that counts."""
    told = np.arange(shares.shape[2])
    right = (_strongest(shares) == told).astype(np.float64)
    return _by_scene(np.where(_seen(shares), right, np.nan))


def margins(shares: NDArray[np.floating]) -> NDArray[np.float64]:
    """Share on the named object minus the mean of the others, by scene: (scenes,)."""
    objects = shares.shape[3]
    named = np.diagonal(shares, axis1=2, axis2=3)
    others = (shares.sum(axis=3) - named) / (objects - 1)
    return _by_scene(named - others)


def changes(shares: NDArray[np.floating]) -> NDArray[np.float64]:
    """How often two instructions have different strongest objects, by scene: (scenes,)."""
    strongest, seen = _strongest(shares), _seen(shares)
    pairs = [
        np.where(seen[..., a] & seen[..., b], strongest[..., a] != strongest[..., b], np.nan)
        for a, b in combinations(range(shares.shape[2]), 2)
    ]
    return _by_scene(np.stack(pairs, axis=2))


def score(shares: NDArray[np.floating]) -> Score:
    """What shares say of a view.

    Raises:
        ValueError: there is no picture in which all objects are seen.
    """
    named = named_is_strongest(shares)
    scenes = int(np.isfinite(named).sum())
    if not scenes:
        raise ValueError("no picture shows all objects: use more scenes")
    rate = float(np.nanmean(named))
    wilson = interval_of_rate(rate, scenes)
    return Score(
        named=Estimate(rate, *wilson),
        margin=mean_over_scenes(margins(shares)),
        changed=mean_over_scenes(changes(shares)),
        scenes=scenes,
    )


def interval_of_rate(rate: float, scenes: int) -> tuple[float, float]:
    """Wilson's interval of a rate, as if it were one of so many trials."""
    return interval(rate * scenes, scenes)


def mean_over_scenes(values: NDArray[np.float64], seed: int = 0) -> Estimate:
    """The mean of the finite ones of (scenes,) values, with its bootstrap interval."""
    there = values[np.isfinite(values)]
    picks = np.random.default_rng(seed).integers(0, len(there), (RESAMPLES, len(there)))
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(there[picks].mean(axis=1), [tail, 1 - tail])
    return Estimate(float(there.mean()), float(low), float(high))


def _seen(shares: NDArray[np.floating]) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(shares).all(axis=3))


def _strongest(shares: NDArray[np.floating]) -> NDArray[np.int64]:
    return np.asarray(np.nan_to_num(shares, nan=0.0).argmax(axis=3), np.int64)


def _by_scene(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of each scene's finite values; NaN where it has none."""
    flat = values.reshape(len(values), -1)
    finite = np.isfinite(flat)
    count = finite.sum(axis=1)
    total = np.where(finite, flat, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
