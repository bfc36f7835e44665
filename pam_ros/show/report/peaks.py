# SPDX-License-Identifier: Apache-2.0
"""The moments at which a curve stands out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


def peaks(
    times: npt.NDArray[np.float64],
    values: npt.NDArray[np.float64],
    count: int = 3,
    apart_s: float = 1.0,
) -> list[int]:
    """Indices of the highest values, at least `apart_s` from each other, in the order of height.

    Only what stands out is a peak: higher than the median by three times the median distance from
    it. The highest always is, unless all are the same. Values that are not finite are none.
    """
    usable = np.isfinite(values)
    if not usable.any():
        return []
    middle = float(np.median(values[usable]))
    spread = float(np.median(np.abs(values[usable] - middle)))
    chosen: list[int] = []
    for index in np.argsort(np.where(usable, -values, np.inf), kind="stable"):
        if not usable[index] or len(chosen) == count or values[index] <= middle:
            break
        if chosen and values[index] <= middle + 3 * spread:
            break
        if all(abs(times[index] - times[other]) >= apart_s for other in chosen):
            chosen.append(int(index))
    return chosen
