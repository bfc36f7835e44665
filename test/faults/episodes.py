# SPDX-License-Identifier: Apache-2.0
"""When one episode went over into the next, by the maps of a policy that may come late."""

from __future__ import annotations


class Episodes:
    """Takes results and AttentionMaps as they arrive. All times in seconds, monotonic.

    A map of a pass that ran beside the commands may come after those of later ticks, and of an
    episode that is over: it is of an older observation than the newest. Episodes of a node that was
    started again count from 0; its observations are newer all the same.

    between: from the end of each episode, or a period before, to the next one's first map.

    Args:
        period_s: of the ticks [s].
        now: the time.
    """

    def __init__(self, period_s: float, now: float) -> None:
        self._period_s = period_s
        self._ended = now
        self._episode: int | None = None
        self._newest_ns = -1
        self.between: list[tuple[float, float]] = []

    @property
    def newest_s(self) -> float:
        """The newest stamp of a map so far [s]; negative before the first one."""
        return self._newest_ns * 1e-9

    def take_result(self, now: float) -> None:
        """An episode has ended."""
        self._ended = now

    def take_map(self, episode: int, stamp_ns: int, now: float) -> None:
        """A map has come; stamp_ns: of the observation that it explains."""
        if stamp_ns <= self._newest_ns:
            return
        self._newest_ns = stamp_ns
        if episode != self._episode:
            self.between.append((min(self._ended, now - self._period_s), now))
            self._episode = episode
