# SPDX-License-Identifier: Apache-2.0
"""How long something took lately, for estimates of the next time. Of any thread."""

from __future__ import annotations

import statistics
import threading
from collections import deque

_WINDOW = 20


class Durations:
    """The last twenty [s]."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds: deque[float] = deque(maxlen=_WINDOW)

    def add(self, seconds: float) -> None:
        """It took so long."""
        with self._lock:
            self._seconds.append(seconds)

    @property
    def longest(self) -> float:
        """The longest; 0 before the first."""
        with self._lock:
            return max(self._seconds, default=0.0)

    @property
    def typical(self) -> float:
        """The median; 0 before the first."""
        with self._lock:
            return statistics.median(self._seconds) if self._seconds else 0.0

    def age(self) -> None:
        """Forget the oldest, but never the last one: one slow time must not count for long."""
        with self._lock:
            if len(self._seconds) > 1:
                self._seconds.popleft()
