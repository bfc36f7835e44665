# SPDX-License-Identifier: Apache-2.0
"""From start to exit status: what the nodes' main functions share."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import rclpy
from rclpy.exceptions import InvalidHandle
from rclpy.executors import (
    ExternalShutdownException,
    MultiThreadedExecutor,
    SingleThreadedExecutor,
)

from pam_ros.nodes.kit.said import Said
from pam_ros.share.errors import PamRosError, ReceivedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rclpy.executors import Executor
    from rclpy.node import Node

N = TypeVar("N", bound="Node")
_PAUSE_S = 0.01
"""An error that comes again and again leaves time for other work."""


class _Starting(threading.Thread, Generic[N]):
    """Lets a node start while it spins already; where it cannot, the spin ends."""

    def __init__(self, start: Callable[[N], None], node: N) -> None:
        super().__init__(name="start", daemon=True)
        self._start_node = start
        self._node = node
        self.error: Exception | None = None

    def check(self) -> None:
        """Raise what the start has raised."""
        if self.error is not None:
            raise self.error

    def run(self) -> None:
        try:
            self._start_node(self._node)
        except Exception as error:  # noqa: BLE001  (raised again where the node is spun)
            self.error = error
            rclpy.try_shutdown()


def run_node(
    factory: Callable[[], N],
    arguments: Sequence[str] | None,
    threads: int,
    start: Callable[[N], None] | None = None,
) -> int:
    """Spin a node until it is told to stop.

    What a user can mend (a missing checkpoint, a wrong parameter) ends in one sentence on stderr
    and exit status 1, without a traceback. `start` runs in a thread of its own, so that the node
    answers meanwhile; what it raises ends the node.
    """
    try:
        rclpy.init(args=None if arguments is None else list(arguments))
    except Exception as error:  # noqa: BLE001  (rclpy raises several types for unusable arguments)
        return _fail(error)
    node: N | None = None
    starting: _Starting[N] | None = None
    mendable: tuple[type[Exception], ...] = (PamRosError, *_parameter_errors())
    try:
        node = factory()
        if start is not None:
            starting = _Starting(start, node)
        _spin(node, threads, starting)
    except (KeyboardInterrupt, ExternalShutdownException):
        return 0
    except mendable as error:
        return _fail(error)
    except Exception:
        # A signal while the node is being made shuts ROS down under it.
        if rclpy.ok() or (starting is not None and starting.error is not None):
            raise
        return 0
    finally:
        # An impatient second Ctrl-C must not cost the recording.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        if node is not None:
            close = getattr(node, "close", None)
            if close is not None:
                close()
            node.destroy_node()
        rclpy.try_shutdown()
        signal.signal(signal.SIGINT, before)
        if starting is not None and starting.is_alive():
            # Stopped while it loads a policy, which nothing can interrupt; nothing is to be saved.
            sys.stderr.flush()
            os._exit(0)
    return 0


def leave_within(seconds: float, status: int) -> int:
    """End this process by then, with this status, whatever its threads still do.

    Python waits for them, and so for a policy that hangs. Returns the status.
    """

    def leave() -> None:
        sys.stderr.flush()
        os._exit(status)

    timer = threading.Timer(seconds, leave)
    timer.daemon = True
    timer.start()
    return status


class _Tolerant:
    """An executor for which a message that cannot be taken is one that has not come.

    rclpy would end the spin, and leave the callback group of that subscription busy for ever.
    """

    _said: Said | None = None

    def _make_handler(self, entity: Any, node: Any, *takes: Callable[[Any], Any]) -> Any:
        def tolerant(take: Callable[[Any], Any], entity: Any) -> Any:
            try:
                return take(entity)
            except Exception as error:  # noqa: BLE001  (what the middleware raises differs)
                name = getattr(entity, "topic_name", getattr(entity, "srv_name", ""))
                if self._said is None:
                    self._said = Said(node.get_logger())
                self._said.error(f"nothing taken from {name}: {error}", state=name)
                return None

        make: Any = super()._make_handler  # type: ignore[misc]
        # The embedded runtime gives none: it drops such messages itself.
        return make(entity, node, *(partial(tolerant, take) for take in takes))


class _SingleThreaded(_Tolerant, SingleThreadedExecutor):
    pass


class _MultiThreaded(_Tolerant, MultiThreadedExecutor):
    pass


def _spin(node: N, threads: int, starting: _Starting[N] | None) -> None:
    executor = _SingleThreaded() if threads == 1 else _MultiThreaded(num_threads=threads)
    executor.add_node(node)
    if starting is not None:
        starting.start()
    try:
        said = Said(node.get_logger())
        while not _spun(executor, node, said):
            time.sleep(_PAUSE_S)
    finally:
        executor.shutdown(timeout_sec=5.0)
        if starting is not None:
            starting.check()


def _spun(executor: Executor, node: Node, said: Said) -> bool:
    """Spin; false where an exception of a callback has ended it, and the node stays."""
    try:
        executor.spin()
    except ExternalShutdownException:
        raise
    except InvalidHandle as error:
        # A callback was under way while what it uses was destroyed, as at a clean-up.
        if not rclpy.ok():
            raise
        node.get_logger().debug(str(error))
        return False
    except Exception as error:
        # Of this package, or of rclpy over a strange request: what comes from outside ends no node.
        for_user = isinstance(error, PamRosError) and not isinstance(error, ReceivedError)
        if for_user or not rclpy.ok():
            raise
        said.error("".join(traceback.format_exception(error)), state=repr(type(error)))
        return False
    return True


def _parameter_errors() -> tuple[type[Exception], ...]:
    from rclpy import exceptions  # noqa: PLC0415

    return (
        exceptions.InvalidParameterTypeException,
        exceptions.InvalidParameterValueException,
        exceptions.ParameterException,
    )


def _fail(error: Exception) -> int:
    sentence = " ".join(str(error).split())
    sys.stderr.write(f"pam_ros: {sentence}\n")
    return 1
