# SPDX-License-Identifier: Apache-2.0
"""A thread that works on messages in their order, and drops the oldest where it falls behind."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


CLOSING_SECONDS = 8.0
"""Enough for a full queue; `ros2 launch` kills a node ten seconds after it asked it to end."""


class FeatureThread:
    """Calls `work` with one message at a time, away from the thread that receives them.

    `dropped` counts messages that were pushed out of the full queue of `depth`, and those that were
    left when the time to close was over; `longest` is the most that ever waited.
    """

    def __init__(self, work: Callable[[Any], None], depth: int) -> None:
        self._work = work
        self._depth = depth
        self._queue: deque[Any] = deque()
        self._changed = threading.Condition()
        self._closing = self._closed = False
        self.dropped = self.longest = 0
        self._thread = threading.Thread(target=self._run, name="features", daemon=True)
        self._thread.start()

    def put(self, message: Any) -> None:
        """Add a message; returns at once."""
        with self._changed:
            if self._closed:
                self.dropped += 1
                return
            if len(self._queue) >= self._depth:
                self._queue.popleft()
                self.dropped += 1
            self._queue.append(message)
            self.longest = max(self.longest, len(self._queue))
            self._changed.notify()

    def waiting(self) -> int:
        """Messages in the queue."""
        return len(self._queue)

    def close(self, seconds: float = CLOSING_SECONDS) -> int:
        """Work off the queue for so long at most [s], then end; returns how many were left."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout=seconds)
        with self._changed:
            left = len(self._queue)
            self._queue.clear()
            self.dropped += left
            self._closed = True
        return left

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._closing)
                if not self._queue:
                    return
                message = self._queue.popleft()
            self._work(message)
