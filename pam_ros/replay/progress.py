# SPDX-License-Identifier: Apache-2.0
"""One line in a terminal that says how far a replay is."""

from __future__ import annotations

import sys
import time

_WIDTH = 30


class ProgressLine:
    """Rewrites its line in a terminal; elsewhere it says a line every ten seconds."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._terminal = sys.stderr.isatty()
        self._begin = time.monotonic()
        self._shown = 0.0
        self._first: int | None = None

    def __call__(self, part: float, ticks: int) -> None:
        """Show the part that is done, 0 to 1, and the ticks so far."""
        now = time.monotonic()
        if self._first is None:
            self._first = ticks
        if part < 1.0 and now - self._shown < (0.2 if self._terminal else 10.0):
            return
        self._shown = now
        rate = (ticks - self._first) / max(now - self._begin, 1e-9)
        done = "#" * round(part * _WIDTH)
        text = f"{self._title} [{done:<{_WIDTH}}] {part:4.0%}  {ticks} ticks  {rate:.1f}/s"
        end = "\n" if part >= 1.0 or not self._terminal else ""
        sys.stderr.write(("\r\x1b[K" if self._terminal else "") + text + end)
        sys.stderr.flush()
