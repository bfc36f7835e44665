# SPDX-License-Identifier: Apache-2.0
"""rclpy.context: the life between init and shutdown, and the DDS participant that goes with it."""

from __future__ import annotations

import sys
import threading
import weakref
from inspect import ismethod
from typing import TYPE_CHECKING, Any

from rclpy_cyclone.arguments.ros_args import Arguments
from rclpy_cyclone.dds.discovery import Discovery, domain_id_from_environment
from rclpy_cyclone.dds.endpoints import Participant, runtime_name
from rclpy_cyclone.errors.exceptions import NotInitializedException
from rclpy_cyclone.errors.middleware import RCLError
from rclpy_cyclone.graph.graph import Graph
from rclpy_cyclone.logging import loggers

if TYPE_CHECKING:
    from collections.abc import Callable


class Context:
    """One participant in the graph, from init() to shutdown(); also a context manager."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._callbacks: list[Callable[[], Any]] = []
        self._participant: Participant | None = None
        self._graph: Graph | None = None
        self._valid = False
        self._executors: weakref.WeakSet[Any] = weakref.WeakSet()
        self.arguments = Arguments()

    def init(
        self,
        args: list[str] | None = None,
        *,
        initialize_logging: bool = True,
        domain_id: int | None = None,
    ) -> None:
        """Join the graph.

        Raises:
            RuntimeError: the domain id is negative, or init() was called before.
            RCLError: no participant can be made.

        """
        with self._lock:
            if domain_id is not None and domain_id < 0:
                raise RuntimeError(f"Domain id ({domain_id}) should not be lower than zero.")
            if self._participant is not None:
                raise RuntimeError("Context.init() must only be called once")
            self.arguments = Arguments.parse(sys.argv if args is None else args)
            if initialize_logging:
                stdout = self.arguments.switches.get("stdout", True)
                try:
                    loggers.configure(self.arguments.log_levels, stdout=stdout)
                except RuntimeError as error:
                    raise RCLError(f"failed to initialize rcl: {error}") from error
            if domain_id is None:
                try:
                    domain_id = domain_id_from_environment()
                except ValueError as error:
                    raise RCLError(f"failed to initialize rcl: {error}") from error
            discovery = Discovery.from_environment()
            self._participant = Participant(domain_id, discovery, self.arguments.enclave)
            self._graph = Graph(self._participant)
            self._valid = True
            _open_contexts.add(self)
            logger = loggers.get_logger("rclpy")
            if discovery.warning:
                logger.warning(discovery.warning)
            logger.info(
                f"embedded ROS 2 runtime on {runtime_name()}, domain {domain_id}, "
                f"{discovery.describe()}"
            )

    @property
    def handle(self) -> Context | None:
        """This context once it is initialised."""
        return self if self._participant is not None else None

    @property
    def participant(self) -> Participant:
        """The DDS participant.

        Raises:
            NotInitializedException: init() has not been called.

        """
        if self._participant is None:
            raise NotInitializedException
        return self._participant

    @property
    def graph(self) -> Graph:
        """The graph as seen from here."""
        if self._graph is None:
            raise NotInitializedException
        return self._graph

    def ok(self) -> bool:
        """Whether init() was called, and shutdown() was not."""
        return self._valid

    def interrupt(self) -> None:
        """Make ok() false and wake every spin; takes no lock, for signal handlers.

        As in rclpy, the shutdown callbacks do not run then.
        """
        self._valid = False
        for executor in list(self._executors):
            executor.wake()

    def wake_on_interrupt(self, executor: Any) -> None:
        """Wake this executor when a signal comes."""
        self._executors.add(executor)

    def shutdown(self) -> None:
        """Leave the graph.

        Raises:
            RuntimeError: init() has not been called, or shutdown() has.

        """
        if self._participant is None:
            raise RuntimeError("Context must be initialized before it can be shutdown")
        if not self._valid:
            raise RCLError("failed to shutdown: rcl_shutdown already called on the given context")
        self.shutdown_now()

    def try_shutdown(self) -> None:
        """Leave the graph, unless that has been done."""
        if self._participant is not None:
            self.shutdown_now()

    def shutdown_now(self) -> None:
        """Run the shutdown callbacks and leave the graph; a second call does nothing."""
        with self._lock:
            self._valid = False
            callbacks, self._callbacks = self._callbacks, []
            for reference in callbacks:
                callback = reference() if isinstance(reference, weakref.WeakMethod) else reference
                if callback is not None:
                    callback()
            if self._participant is not None:
                self._participant.close()
            _open_contexts.discard(self)

    def destroy(self) -> None:
        """Leave the graph, unless that has been done."""
        self.try_shutdown()

    def on_shutdown(self, callback: Callable[[], Any]) -> None:
        """Call back at shutdown; at once where that has been. Methods are held weakly."""
        if not callable(callback):
            raise TypeError("callback should be a callable, got {}", type(callback))
        with self._lock:
            if self._participant is not None and not self._valid:
                callback()
            elif ismethod(callback):
                # Forget those whose objects are gone: every sleep of a clock adds one.
                self._callbacks = [
                    c
                    for c in self._callbacks
                    if not (isinstance(c, weakref.WeakMethod) and not c())
                ]
                self._callbacks.append(weakref.WeakMethod(callback))
            else:
                self._callbacks.append(callback)

    def get_domain_id(self) -> int:
        """The DDS domain."""
        if self._participant is None:
            raise RuntimeError("Context must be initialized before it can have a domain id")
        return self._participant.domain_id

    def __enter__(self) -> Context:
        if self._participant is None:
            self.init()
        return self

    def __exit__(self, *_: object) -> None:
        self.try_shutdown()


_open_contexts: weakref.WeakSet[Context] = weakref.WeakSet()


def open_contexts() -> list[Context]:
    """Every context between init() and shutdown()."""
    return list(_open_contexts)
