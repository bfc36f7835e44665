# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C and `kill` end an export, whenever they come.

Python drops what a signal's handler raises while an object is deleted; it is raised again then.
"""

from __future__ import annotations

import signal


class Stop:
    """Raises KeyboardInterrupt in the main thread at SIGINT and SIGTERM, and at `check` after."""

    def __init__(self) -> None:
        self._asked = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)

    def check(self) -> None:
        """Go on, or not.

        Raises:
            KeyboardInterrupt: a signal came.
        """
        if self._asked:
            raise KeyboardInterrupt

    def _on_signal(self, *_: object) -> None:
        self._asked = True
        raise KeyboardInterrupt
