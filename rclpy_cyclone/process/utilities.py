# SPDX-License-Identifier: Apache-2.0
"""rclpy.utilities: the default context."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

from rclpy_cyclone.arguments.ros_args import Arguments
from rclpy_cyclone.time.duration import S_TO_NS

from .context import Context

if TYPE_CHECKING:
    from collections.abc import Sequence

_lock = threading.RLock()
_default: list[Context] = []


def get_default_context(*, shutting_down: bool = False) -> Context:
    """The context that is used where none is given; a new one after it was shut down."""
    with _lock:
        if not _default:
            _default.append(Context())
        return _default.pop() if shutting_down else _default[0]


def remove_ros_args(args: Sequence[str] | None = None) -> list[str]:
    """The arguments that are not ROS's."""
    return Arguments.parse(sys.argv if args is None else args).rest


def ok(*, context: Context | None = None) -> bool:
    """Whether the context is initialised and not shut down."""
    return (get_default_context() if context is None else context).ok()


def shutdown(*, context: Context | None = None) -> None:
    """Shut the context down."""
    (get_default_context(shutting_down=True) if context is None else context).shutdown()


def try_shutdown(*, context: Context | None = None) -> None:
    """Shut the context down, unless that has been done."""
    if context is not None:
        context.try_shutdown()
        return
    with _lock:
        default = get_default_context()
        default.try_shutdown()
        if default in _default:
            _default.remove(default)


def get_rmw_implementation_identifier() -> str:
    """The middleware whose wire form this runtime has."""
    return "rmw_cyclonedds_cpp"


def get_available_rmw_implementations() -> set[str]:
    """The only middleware there is here."""
    return {"rmw_cyclonedds_cpp"}


def timeout_sec_to_nsec(timeout_sec: float | None) -> int:
    """Seconds as whole nanoseconds; -1, for ever, where there are none or they are negative."""
    if timeout_sec is None or timeout_sec < 0:
        return -1
    return int(float(timeout_sec) * S_TO_NS)
