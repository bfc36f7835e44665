# SPDX-License-Identifier: Apache-2.0
"""From start to exit status: what the nodes' main functions share."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import rclpy
from rclpy.executors import (
    ExternalShutdownException,
    MultiThreadedExecutor,
    SingleThreadedExecutor,
)

from pam_ros.attention.errors import AttentionError
from pam_ros.bags import BagError
from pam_ros.nodes.parameters import ParameterError
from pam_ros.policy import PolicyError
from pam_ros.robot import ContractError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rclpy.node import Node

USER_ERRORS = (
    AttentionError,
    BagError,
    ContractError,
    FileNotFoundError,
    ParameterError,
    PolicyError,
)


def run_node(
    factory: Callable[[], Node],
    arguments: Sequence[str] | None,
    threads: int,
    user_errors: tuple[type[Exception], ...] = USER_ERRORS,
) -> int:
    """Spin a node until it is told to stop.

    What a user can mend (a missing checkpoint, a wrong parameter) ends in one sentence on stderr
    and exit status 1, without a traceback.
    """
    try:
        rclpy.init(args=None if arguments is None else list(arguments))
    except Exception as error:  # noqa: BLE001  (rclpy raises several types for unusable arguments)
        return _fail(error)
    node: Node | None = None
    try:
        node = factory()
        executor = (
            SingleThreadedExecutor() if threads == 1 else MultiThreadedExecutor(num_threads=threads)
        )
        executor.add_node(node)
        try:
            executor.spin()
        finally:
            executor.shutdown(timeout_sec=5.0)
    except (KeyboardInterrupt, ExternalShutdownException):
        return 0
    except (*user_errors, *_parameter_errors()) as error:
        return _fail(error)
    except Exception:
        # A signal while the node is being made shuts ROS down under it.
        if rclpy.ok():
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
    return 0


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
