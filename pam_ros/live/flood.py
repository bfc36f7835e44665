# SPDX-License-Identifier: Apache-2.0
"""How much one page may send."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PER_SECOND = 80.0
"""A page says that it has drawn at most once a frame of its screen, and little else."""
AT_ONCE = 240.0
MESSAGE_BYTES = 4096
"""The longest message that is read [bytes]; an instruction fits in easily."""


class Allowance:
    """A bucket of messages that fills up again.

    Args:
        clock: in seconds, for tests.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left = AT_ONCE
        self._last = clock()

    def take(self) -> bool:
        """Whether one more message may come."""
        now = self._clock()
        self._left = min(AT_ONCE, self._left + (now - self._last) * PER_SECOND)
        self._last = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True
