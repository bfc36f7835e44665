# SPDX-License-Identifier: Apache-2.0
"""Degrees or -100..100? The grid on which an encoder's values lie tells them apart.

For an SO-101 the two units have almost the same size, so that no range decides between them. But
lerobot makes both from whole encoder steps (MotorsBus._normalize, lerobot/motors/motors_bus.py):

    degrees   (step - (first + last) / 2) * 360 / 4095     multiples of 180/4095, for every joint
    -100..100 (step - first) / (last - first) * 200 - 100  the joint's own last - first = steps

and min and max of a data set are two of its values. Before mid-2025 degrees were multiples of
360/4096. Values that passed through something else, such as a policy or a filter, lie on no grid;
nothing follows from that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEGREE_GRIDS = (180 / 4095, 360 / 4096)
"""Distances [degrees] between values of one encoder."""
STEPS = np.arange(300, 4096)
"""How many steps a joint's calibrated travel may have."""
ON_DEGREES = 5e-4
"""So near to the grid, in units of it, a value lies on it: float32 is 2e-4 exact at 180 degrees. By
chance a value does with probability 1e-3, a pair of them with 1e-6."""
ON_PERCENT = 2e-4
"""Likewise for -100..100. By chance a pair lies on one of the 3796 grids with probability 6e-4."""
DEGREE_PAIRS, PERCENT_PAIRS = 2, 3
"""So many joints have to agree, and two thirds of those that can tell."""


def grid_unit(
    lowest: NDArray[np.float64], highest: NDArray[np.float64]
) -> Literal["deg", "percent"] | None:
    """The unit on whose grid the joints' extremes lie, each (joints,) float64; None: on neither."""
    pairs = [
        (low, high)
        for low, high in zip(lowest.tolist(), highest.tolist(), strict=True)
        if low != high and _telling(low) and _telling(high)
    ]
    degrees = [_on_degrees(pair) for pair in pairs]
    percent = [_on_percent(pair) and not on for pair, on in zip(pairs, degrees, strict=True)]
    if sum(degrees) >= max(DEGREE_PAIRS, 2 / 3 * len(pairs)):
        return "deg"
    if sum(percent) >= max(PERCENT_PAIRS, 2 / 3 * len(pairs)):
        return "percent"
    return None


def _telling(value: float) -> bool:
    """Not so for numbers with two decimals or fewer, such as 0 and 100: they are on many grids."""
    return abs(value * 100 - round(value * 100)) > 1e-3


def _on_degrees(pair: tuple[float, float]) -> bool:
    values = np.array(pair)
    return any(bool((_off(values / step) < ON_DEGREES).all()) for step in DEGREE_GRIDS)


def _on_percent(pair: tuple[float, float]) -> bool:
    parts = (np.array(pair) + 100) / 200
    off = _off(STEPS[:, np.newaxis] * parts).max(axis=1)
    return max(map(abs, pair)) < 100 and bool((off < ON_PERCENT).any())


def _off(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far from the next whole number."""
    off: NDArray[np.float64] = np.abs(values - np.round(values))
    return off
