# SPDX-License-Identifier: Apache-2.0
"""A log that says a state once and then how often it came: no flood of messages floods it."""

from __future__ import annotations

import math
import re
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_S, LONGEST_S = 10.0, 60.0
"""After so long [s] the count is said for the first time; then after longer and longer."""
MOST = 32
"""States that are told apart; a sender who invents new ones gets one line for all the others."""
_NUMBER = re.compile(r"[-+]?\d[\d.]*")


def by_magnitude(text: str) -> str:
    """A `state` for Said in which a number counts by its order of magnitude.

    A robot that was held for 5 s is another case than one that was held for 0.2 s.
    """

    def magnitude(number: re.Match[str]) -> str:
        try:
            value = abs(float(number.group().rstrip(".")))
        except ValueError:  # such as a version's
            return "#"
        return f"#e{math.floor(math.log10(value))}" if value else "#"

    return _NUMBER.sub(magnitude, text)


class Logger(Protocol):
    """A node's logger."""

    def info(self, message: str) -> object:
        """Log."""

    def warning(self, message: str) -> object:
        """Log."""

    def error(self, message: str) -> object:
        """Log."""


@dataclass
class _State:
    said_s: float
    came_s: float
    wait_s: float = FIRST_S
    count: int = 0


class Said:
    """Says what is said again and again. Of any thread.

    A sentence whose numbers alone differ is the same state. It is logged at once; while it comes
    again, its count is logged after FIRST_S, later each LONGEST_S, with the newest numbers. If it
    has not come for LONGEST_S it is new.

    Args:
        logger: of the node.
        clock: in seconds, for tests.
    """

    def __init__(self, logger: Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._logger = logger
        self._clock = clock
        self._lock = threading.Lock()
        self._states: dict[str, _State] = {}

    def info(self, text: str, state: str = "") -> None:
        """Log; state: what this text is a case of, if its words come from outside."""
        line = self._line(text, state)
        if line:
            self._logger.info(line)

    def warning(self, text: str, state: str = "") -> None:
        """Likewise."""
        line = self._line(text, state)
        if line:
            self._logger.warning(line)

    def error(self, text: str, state: str = "") -> None:
        """Likewise."""
        line = self._line(text, state)
        if line:
            self._logger.error(line)

    # Each severity has a line of its own that logs: rclpy refuses another at the same place.
    def _line(self, text: str, state: str) -> str:
        """What to log now; empty for nothing."""
        key = state or _NUMBER.sub("#", text)
        with self._lock:
            now = self._clock()
            for old in [k for k, each in self._states.items() if now - each.came_s > LONGEST_S]:
                del self._states[old]
            if key not in self._states and len(self._states) >= MOST:
                key = ""
            known = self._states.get(key)
            if known is None:
                self._states[key] = _State(now, now)
                return text
            known.came_s = now
            known.count += 1
            passed = now - known.said_s
            if passed < known.wait_s:
                return ""
            count, known.count = known.count, 0
            known.said_s, known.wait_s = now, LONGEST_S
        times = "once more" if count == 1 else f"{count} times"
        return f"{text} ({times} in {passed:.0f} s)"
