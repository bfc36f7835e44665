# SPDX-License-Identifier: Apache-2.0
"""Which page holds the robot: one at a time, and no longer than it is there.

A page that does not answer for LEASE_S has let go. What it had enabled ends with it: nobody is
there who meant the robot to move.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pam_ros.live.robot import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

LEASE_S = 10.0


class Holding:
    """Who holds the robot. Pages are known by what nobody else knows of them.

    Args:
        clock: in seconds, for tests.

    Attributes:
        holder: the page that holds it; None: none does.
        described: how that page is told to others.
        enabled_by_holder: whether the robot was enabled by that page.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.holder: str | None = None
        self.described = ""
        self.enabled_by_holder = False
        self._gone_since: float | None = None

    def holds(self, page: str) -> bool:
        """Whether this page holds the robot, and is there."""
        return self.holder == page and self._gone_since is None

    def take(self, page: str, described: str, *, over: bool = False) -> Answer:
        """Hold it, if no other page does, or all the same: `over`."""
        if self.holder not in {None, page} and not over:
            gone = ", which is gone for the moment" if self._gone_since is not None else ""
            return Answer(False, f"another page holds the robot: {self.described}{gone}")
        self.holder, self.described, self._gone_since = page, described, None
        return Answer(True, "this page holds the robot")

    def gone(self, page: str) -> None:
        """The connection to a page has ended; it may come back within its lease."""
        if self.holder == page:
            self._gone_since = self._clock()

    def back(self, page: str) -> bool:
        """Whether a page that has come back holds the robot still."""
        if self.holder != page or self.over():
            return False
        self._gone_since = None
        return True

    def over(self) -> bool:
        """Whether the holder has been gone for too long."""
        return self._gone_since is not None and self._clock() - self._gone_since >= LEASE_S

    def release(self) -> bool:
        """Nobody holds it now. Whether what was held had been enabled by its page."""
        enabled, self.enabled_by_holder = self.enabled_by_holder, False
        self.holder, self.described, self._gone_since = None, "", None
        return enabled
