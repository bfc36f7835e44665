# SPDX-License-Identifier: Apache-2.0
"""Numbers with units, for people."""

from __future__ import annotations

import math

_SMALL = 0.1
_SYMBOLS = {"percent": "%", "none": ""}


def figures(value: float) -> str:
    """Two significant figures, without an exponent where that reads better."""
    if math.isnan(value):
        return ""
    rounded = float(f"{value:.1e}")
    size = abs(rounded)
    if size == 0:
        return "0"
    if size < 1e-4:
        return f"{rounded:.0e}"
    if size >= 100:
        return f"{value:.0f}"
    return f"{rounded:.{max(0, 1 - math.floor(math.log10(size)))}f}"


def unit_of(word: str) -> str:
    """A contract's word for a unit as people write it."""
    return _SYMBOLS.get(word, word)


def amount(value: float, unit: str) -> str:
    """A number with its unit; lengths below a decimetre in millimetres."""
    if unit == "m" and abs(value) < _SMALL:
        value, unit = 1000 * value, "mm"
    return f"{figures(value)} {unit}".strip()


def times(value: float, floor: float) -> str:
    """How many times the floor."""
    if floor <= 0:
        return "more than" if value > 0 else "just"
    return f"{figures(value / floor)} times"
