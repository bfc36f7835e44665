# SPDX-License-Identifier: Apache-2.0
"""What the passes of the last ticks predicted: what the target `change` is measured from."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from pam_ros.attention.contribution import Before

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pam_ros.tick.outcome import TickOutcome

KEPT = 64
"""So many chunks; a map that comes later than so many passes finds none."""


class ChunkHistory:
    """Chunks by episode and tick. Of any thread, in any order."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._chunks: dict[tuple[int, int], NDArray[np.float32]] = {}

    def note(self, outcome: TickOutcome) -> None:
        """Take a tick's chunk, if its pass gave one."""
        if not outcome.valid or outcome.output is None:
            return
        with self._lock:
            self._chunks[outcome.episode, outcome.tick] = outcome.output.chunk
            while len(self._chunks) > KEPT:
                del self._chunks[min(self._chunks)]

    def before(self, outcome: TickOutcome) -> Before | None:
        """The newest chunk of an earlier tick of the same episode."""
        with self._lock:
            ticks = [
                tick
                for episode, tick in self._chunks
                if episode == outcome.episode and tick < outcome.tick
            ]
            if not ticks:
                return None
            newest = max(ticks)
            return Before(self._chunks[outcome.episode, newest], outcome.tick - newest)
