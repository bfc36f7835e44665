# SPDX-License-Identifier: Apache-2.0
"""rclpy.task: futures, and tasks that executors run."""

from __future__ import annotations

import inspect
import sys
import threading
import warnings
import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


class Future:
    """A result that comes later; awaitable in a coroutine that an executor runs."""

    def __init__(self, *, executor: Any = None) -> None:
        self._done = False
        self._cancelled = False
        self._result: Any = None
        self._exception: BaseException | None = None
        self._exception_fetched = False
        self._callbacks: list[Callable[[Future], Any]] = []
        self._waiting: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._executor: Any = None
        self._set_executor(executor)

    def __del__(self) -> None:
        if self._exception is not None and not self._exception_fetched:
            sys.stderr.write(f"The following exception was never retrieved: {self._exception}\n")

    def __await__(self) -> Generator[Future, None, Any]:
        while not self._done:
            yield self
        return self.result()

    def cancel(self) -> None:
        """Give up on the result, unless it is there."""
        with self._lock:
            if not self._done:
                self._cancelled = True
        self._run_callbacks()

    def cancelled(self) -> bool:
        """Whether it was given up."""
        return self._cancelled

    def done(self) -> bool:
        """Whether there is a result or an exception."""
        return self._done

    def result(self) -> Any:
        """The result, None while there is none; raises the exception that was set."""
        if self._exception:
            raise self.exception()  # type: ignore[misc]
        return self._result

    def exception(self) -> BaseException | None:
        """The exception that was set, or None."""
        self._exception_fetched = True
        return self._exception

    def set_result(self, result: Any) -> None:
        """Set the result and run the callbacks."""
        with self._lock:
            self._result = result
            self._done = True
            self._cancelled = False
        self._run_callbacks()

    def set_exception(self, exception: BaseException) -> None:
        """Set an exception and run the callbacks."""
        with self._lock:
            self._exception = exception
            self._exception_fetched = False
            self._done = True
            self._cancelled = False
        self._run_callbacks()

    def _run_callbacks(self) -> None:
        with self._lock:
            executor = self._executor() if self._executor else None
            callbacks, self._callbacks = self._callbacks, []
            waiting, self._waiting = self._waiting, []
        for resume in waiting:
            resume()
        for callback in callbacks:
            if executor is not None:
                executor.create_task(callback, self)
                continue
            try:
                callback(self)
            except Exception as error:  # noqa: BLE001  (as rclpy: a callback must not break others)
                warnings.warn(f"Unhandled exception in done callback: {error}", stacklevel=2)

    def _set_executor(self, executor: Any) -> None:
        with self._lock:
            self._executor = None if executor is None else weakref.ref(executor)

    def _resume_when_done(self, resume: Callable[[], None]) -> None:
        with self._lock:
            if not self._done:
                self._waiting.append(resume)
                return
        resume()

    def add_done_callback(self, callback: Callable[[Future], Any]) -> None:
        """Call back with this future once it is done; at once where it is."""
        invoke = False
        with self._lock:
            if self._done:
                executor = self._executor() if self._executor else None
                if executor is not None:
                    executor.create_task(callback, self)
                else:
                    invoke = True
            else:
                self._callbacks.append(callback)
        if invoke:
            callback(self)


class Task(Future):
    """A function or coroutine to run; calling the task runs it until it finishes or awaits."""

    def __init__(
        self,
        handler: Any,
        args: Any = None,
        kwargs: dict[str, Any] | None = None,
        executor: Any = None,
    ) -> None:
        super().__init__(executor=executor)
        self._args = args or ()
        self._kwargs = kwargs or {}
        self._handler = handler
        if inspect.iscoroutinefunction(handler):
            self._handler = handler(*self._args, **self._kwargs)
        self._executing = False
        # False from the moment an executor takes it until what it awaits is done.
        self._runnable = True
        self._task_lock = threading.Lock()

    def _resume(self) -> None:
        self._runnable = True
        executor = self._executor() if self._executor else None
        if executor is not None:
            executor.wake()

    def __call__(self) -> None:
        """Run until it finishes or awaits; does nothing where it is running or done."""
        if self._done or self._executing or not self._task_lock.acquire(blocking=False):
            return
        awaited: Any = None
        try:
            if self._done:
                return
            self._executing = True
            try:
                if inspect.iscoroutine(self._handler):
                    try:
                        awaited = self._handler.send(None)
                    except StopIteration as stop:
                        result = stop.value
                    else:
                        return
                else:
                    result = self._handler(*self._args, **self._kwargs)
            except Exception as error:  # noqa: BLE001  (kept for whoever asks for the result)
                self._finish()
                self.set_exception(error)
            else:
                self._finish()
                self.set_result(result)
        finally:
            self._executing = False
            self._task_lock.release()
            if isinstance(awaited, Future):
                awaited._resume_when_done(self._resume)
            elif not self._done:
                self._resume()

    def _finish(self) -> None:
        self._handler = None
        self._args = ()
        self._kwargs = {}

    def executing(self) -> bool:
        """Whether it is running right now."""
        return self._executing
