# SPDX-License-Identifier: Apache-2.0
"""The base of the executors: nodes, tasks, and the wait for work."""

from __future__ import annotations

import inspect
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rclpy_cyclone.dds.endpoints import FOREVER, Waiter
from rclpy_cyclone.logging.loggers import get_logger
from rclpy_cyclone.process.utilities import get_default_context

from .task import Future, Task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rclpy_cyclone.process.context import Context

SHUTDOWN_S = 5.0
"""shutdown() without a timeout waits no longer for running callbacks."""


class TimeoutException(Exception):
    """Nothing became ready in time."""


class ShutdownException(Exception):
    """The executor was shut down."""


class ExternalShutdownException(Exception):
    """The context was shut down."""


class ConditionReachedException(Exception):
    """The future is done."""


class TimeoutObject:
    """A timeout that can be changed while it is waited for."""

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout


async def await_or_execute(callback: Any, *args: Any) -> Any:
    """The result of a function, awaited where it is a coroutine."""
    result = callback(*args)
    return await result if inspect.isawaitable(result) else result


class _WorkTracker:
    """Counts the callbacks that are running."""

    def __init__(self) -> None:
        self._running: list[int] = []
        self._condition = threading.Condition()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Around a callback; a coroutine may end in another thread than it began in."""
        thread = threading.get_ident()
        with self._condition:
            self._running.append(thread)
        try:
            yield
        finally:
            with self._condition:
                self._running.remove(thread)
                self._condition.notify_all()

    def wait(self, timeout_sec: float) -> bool:
        """Wait for all of them; False after the timeout, and where the caller is one of them."""
        with self._condition:
            if self.is_mine():
                return False
            return self._condition.wait_for(lambda: not self._running, timeout_sec)

    def is_mine(self) -> bool:
        """Whether one of them runs in the calling thread."""
        return threading.get_ident() in self._running


class Executor:
    """Base of the executors; also a context manager that shuts it down."""

    def __init__(self, *, context: Context | None = None) -> None:
        self._context = get_default_context() if context is None else context
        self._waiter = Waiter(self._context.participant)
        self._nodes: list[Any] = []
        self._nodes_lock = threading.RLock()
        self._tasks: list[tuple[Task, Any, Any]] = []
        self._tasks_lock = threading.RLock()
        self._is_shutdown = False
        self._condition: Callable[[], bool] = lambda: False
        self._tracker = _WorkTracker()
        self._iterator: Iterator[tuple[Task, Any, Any]] | None = None
        self._context.on_shutdown(self.wake)
        self._context.wake_on_interrupt(self)

    @property
    def context(self) -> Context:
        """The context."""
        return self._context

    def create_task(self, callback: Any, *args: Any, **kwargs: Any) -> Task:
        """Run a function or coroutine in spin(); the task is the future of its result."""
        task = Task(callback, args, kwargs, executor=self)
        with self._tasks_lock:
            self._tasks.append((task, None, None))
        self.wake()
        return task

    def shutdown(self, timeout_sec: float | None = None) -> bool:
        """Stop, and wait for running callbacks; False where they take longer.

        Without a timeout the wait ends after SHUTDOWN_S: a callback may be waiting for the caller.
        """
        if not self._is_shutdown:
            self._is_shutdown = True
            self.wake()
        with self._nodes_lock:
            self._nodes = []
        endless = timeout_sec is None or timeout_sec < 0
        finished = self._tracker.wait(SHUTDOWN_S if endless else timeout_sec or 0.0)
        if endless and not finished and not self._tracker.is_mine():
            get_logger("rclpy").warning(
                f"an executor was shut down {SHUTDOWN_S:g} s ago, and a callback is still running"
            )
        self._iterator = None
        return finished

    def add_node(self, node: Any) -> bool:
        """Run the node's callbacks from now on; False where that was so.

        Raises:
            AttributeError: the executor was shut down (so it is in rclpy).

        """
        if self._is_shutdown:
            raise AttributeError("the executor was shut down: it takes no nodes")
        with self._nodes_lock:
            if node in self._nodes:
                return False
            self._nodes.append(node)
        node.executor = self
        self.wake()
        return True

    def remove_node(self, node: Any) -> None:
        """Run the node's callbacks no more."""
        with self._nodes_lock:
            if node in self._nodes:
                self._nodes.remove(node)
        self.wake()

    def wake(self) -> None:
        """Look for work again; safe from any thread."""
        self._waiter.wake()

    def get_nodes(self) -> list[Any]:
        """The nodes whose callbacks this executor runs."""
        with self._nodes_lock:
            return list(self._nodes)

    def spin(self) -> None:
        """Run callbacks until shutdown."""
        while self._context.ok() and not self._is_shutdown:
            self.spin_once()

    def spin_until_future_complete(self, future: Future, timeout_sec: float | None = None) -> None:
        """Run callbacks until the future is done, or for timeout_sec."""
        future.add_done_callback(lambda _: self.wake())
        endless = timeout_sec is None or timeout_sec < 0
        end = time.monotonic() + (timeout_sec or 0)
        while self._context.ok() and not future.done() and not self._is_shutdown:
            left = None if endless else max(end - time.monotonic(), 0)
            self.spin_once_until_future_complete(future, left)
            if not endless and time.monotonic() >= end:
                return

    def _spin_once(
        self, timeout_sec: float | TimeoutObject | None, condition: Callable[[], bool]
    ) -> None:
        raise NotImplementedError

    def spin_once(self, timeout_sec: float | None = None) -> None:
        """Run one callback, once one is ready; wait for timeout_sec at most."""
        self._spin_once(timeout_sec, lambda: False)

    def spin_once_until_future_complete(
        self, future: Future, timeout_sec: float | TimeoutObject | None = None
    ) -> None:
        """Like spin_once, and return when the future is done."""
        future.add_done_callback(lambda _: self.wake())
        self._spin_once(timeout_sec, future.done)

    def can_execute(self, entity: Any) -> bool:
        """Whether an entity's callback may start now."""
        return not entity._executor_event and entity.callback_group.can_execute(entity)

    def _make_handler(self, entity: Any, node: Any) -> tuple[Task, Any, Any]:
        entity._executor_event = True
        task = Task(self._run, (entity,), executor=self)
        task._runnable = False
        with self._tasks_lock:
            self._tasks.append((task, entity, node))
        return task, entity, node

    async def _run(self, entity: Any) -> None:
        if self._is_shutdown or not entity.callback_group.beginning_execution(entity):
            entity._executor_event = False
            self.wake()
            return
        with self._tracker.running():
            try:
                entity._executor = self
                try:
                    callback = entity._take()
                finally:
                    entity._executor_event = False
                if self._others_wait():
                    self.wake()
                if callback is not None:
                    result = callback()
                    if inspect.isawaitable(result):
                        await result
            finally:
                entity.callback_group.ending_execution(entity)
                if self._others_wait():
                    self.wake()

    def _others_wait(self) -> bool:
        """Whether another thread may be waiting for work while a callback runs in this one."""
        return False

    def _wait_for_ready_callbacks(
        self, timeout_sec: float | TimeoutObject | None = None
    ) -> Iterator[tuple[Task, Any, Any]]:
        """Yield what is ready; wait only when nothing was."""
        if isinstance(timeout_sec, TimeoutObject):
            timeout_sec = timeout_sec.timeout
        endless = timeout_sec is None or timeout_sec < 0
        end = time.monotonic_ns() + (0 if endless else int((timeout_sec or 0) * 1e9))
        yielded = False
        while not yielded and not self._is_shutdown and not self._condition():
            nodes = self.get_nodes()
            with self._tasks_lock:
                self._tasks = [entry for entry in self._tasks if not entry[0].done()]
                waiting = [e for e in self._tasks if e[2] is None or e[2] in nodes]
            for entry in reversed(waiting):  # the newest first, as in rclpy
                if entry[0]._runnable:
                    entry[0]._runnable = False
                    yielded = True
                    yield entry
            entities = [
                (entity, node)
                for node in nodes
                for entity in node._entities()
                if self.can_execute(entity)
            ]
            self._waiter.watch({r for entity, _ in entities for r in entity._references()})
            timeout_ns = FOREVER if endless else max(end - time.monotonic_ns(), 0)
            if yielded:
                timeout_ns = 0  # a task may be what the others wait for
            self._wait(entities, timeout_ns)
            if self._is_shutdown:
                raise ShutdownException
            if not self._context.ok():
                raise ExternalShutdownException
            for entity, node in entities:
                if entity._ready() and self.can_execute(entity):
                    yielded = True
                    yield self._make_handler(entity, node)
            if not yielded and not endless and time.monotonic_ns() >= end:
                raise TimeoutException
        if self._is_shutdown:
            raise ShutdownException
        if not yielded and self._condition():
            raise ConditionReachedException

    def _wait(self, entities: list[tuple[Any, Any]], timeout_ns: int) -> None:
        for entity, _ in entities:
            due = entity._due_in_ns() if hasattr(entity, "_due_in_ns") else None
            if due is not None:
                timeout_ns = min(timeout_ns, due)
            elif not entity._references() and entity._ready():
                timeout_ns = 0
        if not self._waiter.wait(max(timeout_ns, 0)) and self._context.ok():
            raise ShutdownException

    def wait_for_ready_callbacks(
        self,
        timeout_sec: float | TimeoutObject | None = None,
        condition: Callable[[], bool] = lambda: False,
    ) -> tuple[Task, Any, Any]:
        """The next ready callback, its entity and its node.

        Raises:
            TimeoutException: nothing became ready in time.
            ShutdownException: the executor was shut down.
            ExternalShutdownException: the context was shut down.
            ConditionReachedException: the condition holds.

        """
        self._condition = condition
        while True:
            if self._iterator is None:
                self._iterator = self._wait_for_ready_callbacks(timeout_sec)
            iterator = self._iterator
            try:
                task, entity, node = next(iterator)
            except StopIteration:
                self._iterator = None
            except BaseException:
                self._iterator = None
                raise
            else:
                # What was found in an earlier call may belong to a node that left meanwhile.
                if node is None or node in self.get_nodes():
                    return task, entity, node
                entity._executor_event = False
                task.cancel()
                with self._tasks_lock:
                    self._tasks = [e for e in self._tasks if e[0] is not task]

    def __enter__(self) -> Executor:
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
