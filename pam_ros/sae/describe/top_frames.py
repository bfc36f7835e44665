# SPDX-License-Identifier: Apache-2.0
"""The strongest ticks of many features at once, from ticks that come in any number of pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class TopFrames:
    """Keeps `count` ticks per feature.

    value: (F, count) float32, falling; 0 where there are fewer. episode, frame, token: (F, count)
    int64: the tick, and the token where the feature peaks in it; -1 where there are fewer.

    Args:
        features: F.
        count: of ticks.
        one_per_episode: keep the strongest tick of each episode alone; an episode's ticks must then
            come one after the other.
    """

    def __init__(self, features: int, count: int, *, one_per_episode: bool = False) -> None:
        self._count, self._single = count, one_per_episode
        self.value: NDArray[np.float32] = np.zeros((features, count), np.float32)
        self.episode, self.frame, self.token = (
            np.full((features, count), -1, np.int64) for _ in range(3)
        )
        self._open_episode = -1
        self._open: tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]] | None = None

    def add(
        self,
        peak: NDArray[np.float32],
        episode: NDArray[np.integer],
        frame: NDArray[np.integer],
        token: NDArray[np.integer],
    ) -> None:
        """Take ticks: peak and token (ticks, F), episode and frame (ticks,)."""
        if not self._single:
            shape = peak.shape
            self._merge(
                peak,
                np.broadcast_to(episode[:, None], shape),
                np.broadcast_to(frame[:, None], shape),
                token,
            )
            return
        for number in dict.fromkeys(episode.tolist()):
            chosen = np.flatnonzero(episode == number)
            best = peak[chosen].argmax(axis=0)
            columns = np.arange(peak.shape[1])
            value = peak[chosen][best, columns]
            where = frame[chosen][best].astype(np.int64)
            at = token[chosen][best, columns].astype(np.int64)
            if number == self._open_episode and self._open is not None:
                # The episode began in the piece before.
                stronger = value > self._open[0]
                self._open = (
                    np.where(stronger, value, self._open[0]),
                    np.where(stronger, where, self._open[1]),
                    np.where(stronger, at, self._open[2]),
                )
            else:
                self._close()
                self._open_episode, self._open = number, (value, where, at)

    def finish(self) -> TopFrames:
        """Itself, with the last episode taken in."""
        self._close()
        return self

    def _close(self) -> None:
        if self._open is not None:
            value, frame, token = self._open
            episode = np.full((1, len(value)), self._open_episode)
            self._merge(value[None], episode, frame[None], token[None])
            self._open = None

    def _merge(
        self,
        value: NDArray[np.float32],
        episode: NDArray[np.integer],
        frame: NDArray[np.integer],
        token: NDArray[np.integer],
    ) -> None:
        values = np.concatenate([self.value, value.T], axis=1)
        # Stable: of equal ones the first to come stays.
        order = np.argsort(-values, axis=1, kind="stable")[:, : self._count]
        for name, new in (("episode", episode), ("frame", frame), ("token", token)):
            joined = np.concatenate([getattr(self, name), new.T], axis=1)
            setattr(self, name, np.take_along_axis(joined, order, axis=1))
        self.value = np.take_along_axis(values, order, axis=1)
        for name in ("episode", "frame", "token"):
            getattr(self, name)[self.value <= 0] = -1
