# SPDX-License-Identifier: Apache-2.0
"""The demo on a machine that has no time for contributions beside the commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pam_ros.attention.maps import ROLLOUT

if TYPE_CHECKING:
    from collections.abc import Callable

JUDGED_AFTER_S = 4.0
"""Each stretch of so long is judged by itself: a machine may get other work meanwhile."""
LEAST_SHARE = 0.25
"""Of the ticks, with a map: fewer are not worth looking at."""
SAID = (
    "too few ticks have a map: this machine has no time for contributions beside the commands. "
    f"Attention ({ROLLOUT}) is shown instead; --method contribution keeps them"
)


class Pace:
    """Looks whether maps come, and once they do not, has another method shown.

    Args:
        show: has the node show this method from now on.
        say: prints a line.
    """

    def __init__(self, show: Callable[[str], object], say: Callable[[str], object]) -> None:
        self._show = show
        self._say = say
        self._replaced = False
        # When the stretch that is judged began, with how many ticks and maps.
        self._begin = (0.0, 0, 0)

    def look(self, passed: float, ticks: int, shown: int) -> None:
        """After so long [s], with so many ticks of which so many have a map."""
        begin, ticks_before, shown_before = self._begin
        if self._replaced or passed - begin < JUDGED_AFTER_S or ticks == ticks_before:
            return
        self._begin = (passed, ticks, shown)
        if shown - shown_before < LEAST_SHARE * (ticks - ticks_before):
            self._replaced = True
            self._say(SAID)
            self._show(ROLLOUT)
