# SPDX-License-Identifier: Apache-2.0
"""Rolling percentiles of durations."""

from __future__ import annotations

from collections import deque

import numpy as np


class RollingLatency:
    """Keeps the last ``window`` durations [s] and answers with their percentiles."""

    def __init__(self, window: int = 300) -> None:
        if window < 1:
            raise ValueError(f"window is {window}; it must be at least 1")
        self._values: deque[float] = deque(maxlen=window)
        self.count = 0

    def add(self, seconds: float) -> None:
        """Takes one duration [s]."""
        self._values.append(seconds)
        self.count += 1

    def percentile(self, percent: float) -> float:
        """The percentile [s] over the window, linearly interpolated; NaN before the first value."""
        if not self._values:
            return float("nan")
        return float(np.percentile(np.fromiter(self._values, dtype=np.float64), percent))

    @property
    def p50(self) -> float:
        """The median [s]."""
        return self.percentile(50)

    @property
    def p99(self) -> float:
        """The 99th percentile [s]."""
        return self.percentile(99)

    def clear(self) -> None:
        """Forgets the window; ``count`` goes on."""
        self._values.clear()
