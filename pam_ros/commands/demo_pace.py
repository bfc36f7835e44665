# SPDX-License-Identifier: Apache-2.0
"""The demo on a machine that has no time for contributions beside the commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pam_ros.attention.maps import ROLLOUT

if TYPE_CHECKING:
    from collections.abc import Callable

JUDGED_AFTER_S = 4.0
LEAST_SHARE = 0.25
"""Of the ticks, with a map: fewer are not worth looking at."""
SAID = (
    "too few ticks have a map: this machine has no time for contributions beside the commands. "
    f"Attention ({ROLLOUT}) is shown instead; --method contribution keeps them"
)


class Pace:
    """Looks once whether maps come, and has another method shown if they do not.

    Args:
        show: has the node show this method from now on.
        say: prints a line.
    """

    def __init__(self, show: Callable[[str], object], say: Callable[[str], object]) -> None:
        self._show = show
        self._say = say
        self._judged = False

    def look(self, passed: float, ticks: int, shown: int) -> None:
        """After so long [s], with so many ticks of which so many have a map."""
        if self._judged or passed < JUDGED_AFTER_S or not ticks:
            return
        self._judged = True
        if shown < LEAST_SHARE * ticks:
            self._say(SAID)
            self._show(ROLLOUT)
