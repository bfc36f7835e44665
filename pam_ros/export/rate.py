# SPDX-License-Identifier: Apache-2.0
"""Whether observations come at the rate that the dataset states.

LeRobot has no time of its own for a frame: it is the frame's number by fps.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from pam_ros.export.errors import ExportError

if TYPE_CHECKING:
    from pathlib import Path

_SECOND = 1_000_000_000
_ENOUGH = 50
_LEAST = 5
_TOLERANCE = 0.2


class RateCheck:
    """Looks at the times between observations of one episode.

    missing: frames that lie in gaps, by the dataset's rate.

    Args:
        bag: for the error.
        fps: frames per second that the dataset states.
    """

    def __init__(self, bag: Path, fps: int) -> None:
        self._bag = bag
        self._fps = fps
        self._first: list[int] = []
        self.missing = 0

    def take(self, gap_ns: int) -> None:
        """One more time between two observations [ns].

        Raises:
            ExportError: it is known by now that they come at another rate.
        """
        self.missing += max(0, round(gap_ns * self._fps / _SECOND) - 1)
        if len(self._first) < _ENOUGH:
            self._first.append(gap_ns)
            if len(self._first) == _ENOUGH:
                self._check()

    def end(self) -> None:
        """There are no more of them.

        Raises:
            ExportError: as `take`.
        """
        if _LEAST <= len(self._first) < _ENOUGH:
            self._check()

    def _check(self) -> None:
        rate = _SECOND / median(self._first)
        nearest = round(rate)
        # Below three a second the nearest whole number may lie further off: there is no better.
        if self._fps == nearest or abs(rate / self._fps - 1) <= _TOLERANCE:
            return
        remedy = (
            f"--fps {nearest} takes them at that rate"
            if nearest
            else "a LeRobot dataset has at least one frame a second"
        )
        raise ExportError(
            f"bag {self._bag}: its observations come {rate:.3g} a second, and the dataset "
            f"would say {self._fps}: {remedy}"
        )
