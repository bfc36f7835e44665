# SPDX-License-Identifier: Apache-2.0
"""How far apart the messages of a set are, and which tolerance they would need."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

_FITS = 0.99
"""A tolerance fits if so many sets lie within it."""


@dataclass(frozen=True)
class Skew:
    """What came of some seconds.

    Attributes:
        reference: the source that sets are counted by: the trigger, or the slowest one.
        apart_s: of each other source, the median time from the reference to the message nearest to
            it; negative for one that is older [s].
        share: of the sets, how many lie within the tolerance, 0 to 1.
        tolerance_s: within which 99% of them would, rounded up to milliseconds.
    """

    reference: str
    apart_s: Mapping[str, float]
    share: float
    tolerance_s: float


def measure_skew(
    times: Mapping[str, Sequence[int]], tolerance_s: float, trigger: str | None = None
) -> Skew | None:
    """The skew of sources; None if there is nothing to compare.

    Args:
        times: what time the messages are of, by source [ns]; 0 for those that do not tell.
        tolerance_s: of the contract.
        trigger: the source of which each message makes a set.
    """
    known = {
        name: np.sort(np.array([time for time in each if time > 0], np.int64))
        for name, each in times.items()
    }
    if len(known) < 2 or not all(map(len, known.values())):
        return None
    reference = trigger or min(known, key=lambda name: len(known[name]))
    # Beyond the first or last message of another source there is nothing to be near to.
    begin = max(int(each[0]) for each in known.values())
    end = min(int(each[-1]) for each in known.values())
    at = known[reference]
    inside = at[(at >= begin) & (at <= end)]
    at = inside if len(inside) else at
    apart = {
        name: (_nearest(each, at) - at) * 1e-9 for name, each in known.items() if name != reference
    }
    offsets = np.array([np.zeros(len(at)), *apart.values()])
    spans = np.ptp(offsets, axis=0)
    wanted = float(np.quantile(spans, _FITS, method="higher"))
    return Skew(
        reference,
        {name: float(np.median(each)) for name, each in apart.items()},
        # Half a microsecond: stamps are whole nanoseconds, the tolerance a decimal number.
        float((spans <= tolerance_s + 5e-7).mean()),
        math.ceil(round(wanted * 1e3, 3)) * 1e-3,
    )


def _nearest(times: npt.NDArray[np.int64], at: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Of sorted times, the nearest to each."""
    after = np.clip(np.searchsorted(times, at), 1, max(len(times) - 1, 1))
    before = times[after - 1]
    later = times[np.minimum(after, len(times) - 1)]
    nearest: npt.NDArray[np.int64] = np.where(at - before <= later - at, before, later)
    return nearest
