# SPDX-License-Identifier: Apache-2.0
"""rclpy.executors: callbacks run in one thread or in several."""

from __future__ import annotations

import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from .base import (
    ConditionReachedException,
    Executor,
    ExternalShutdownException,
    ShutdownException,
    TimeoutException,
    TimeoutObject,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from rclpy_cyclone.process.context import Context

    from .task import Task


class SingleThreadedExecutor(Executor):
    """Runs callbacks in the thread that spins."""

    def _spin_once(
        self, timeout_sec: float | TimeoutObject | None, condition: Callable[[], bool]
    ) -> None:
        try:
            task, _, _ = self.wait_for_ready_callbacks(timeout_sec, condition)
        except (ShutdownException, TimeoutException, ConditionReachedException):
            return
        task()
        if task.done():
            task.result()  # raises what the callback raised


class MultiThreadedExecutor(Executor):
    """Runs callbacks in num_threads threads; one per usable core by default."""

    def __init__(self, num_threads: int | None = None, *, context: Context | None = None) -> None:
        super().__init__(context=context)
        if num_threads is None:
            affinity = getattr(os, "sched_getaffinity", None)
            num_threads = (len(affinity(0)) if affinity else os.cpu_count()) or 2
        if num_threads == 1:
            warnings.warn(
                "MultiThreadedExecutor is used with a single thread.\n"
                "Use the SingleThreadedExecutor instead.",
                stacklevel=2,
            )
        self._futures: list[Task] = []
        self._executor = ThreadPoolExecutor(num_threads)

    def _others_wait(self) -> bool:
        return True

    def _spin_once(
        self, timeout_sec: float | TimeoutObject | None, condition: Callable[[], bool]
    ) -> None:
        try:
            task, _, _ = self.wait_for_ready_callbacks(
                timeout_sec, lambda: condition() or self._failed()
            )
        except (
            ExternalShutdownException, ShutdownException, TimeoutException,
            ConditionReachedException,
        ):  # fmt: skip
            pass
        else:
            self._executor.submit(task)
            self._futures.append(task)
        for future in self._futures[:]:
            if future.done():
                self._futures.remove(future)
                future.result()  # raises what the callback raised

    def _failed(self) -> bool:
        return any(f.done() and f._exception is not None for f in self._futures)

    def shutdown(self, timeout_sec: float | None = None) -> bool:
        """Stop, and wait for running callbacks; False where they take longer."""
        finished = super().shutdown(timeout_sec)
        self._executor.shutdown(wait=False)
        return finished
