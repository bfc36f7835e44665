# SPDX-License-Identifier: Apache-2.0
"""What Jazzy's rclpy leaves to the author of a managed node: bad requests, and words for errors."""

from __future__ import annotations

from functools import partial, wraps
from typing import TYPE_CHECKING, Any

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy._rclpy_pybind11 import RCLError
from rclpy.lifecycle import TransitionCallbackReturn

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from rclpy.node import Node


_IDS = range(Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVE_SHUTDOWN + 1)
_LABELS = frozenset({"configure", "cleanup", "activate", "deactivate", "shutdown"})


def guard_requests(node: Node, changing: threading.Lock) -> None:
    """Let `change_state` refuse what it cannot do; rclpy would end the node's spin.

    That is what does not fit the state, the transitions that are rcl's own, as
    "on_configure_success", and any while another one is under way. `changing` is held during each.
    """
    for service in node.services:
        if service.srv_type is ChangeState:
            service.callback = partial(_change_state, node, changing, service.callback)


def _change_state(
    node: Node, changing: threading.Lock, callback: Callable[..., Any], request: Any, response: Any
) -> Any:
    label, number = request.transition.label, request.transition.id
    response.success = False
    reason = ""
    if label not in _LABELS if label else number not in _IDS:
        reason = "there is no such transition from outside"
    elif not changing.acquire(blocking=False):
        reason = "another one is under way"
    else:
        try:
            return callback(request, response)
        except RCLError as error:
            reason = str(error)
        finally:
            changing.release()
    node.get_logger().error(f"no change of state '{label or number}': {reason}")
    return response


def logged(
    callback: Callable[[Any, Any], TransitionCallbackReturn],
) -> Callable[[Any, Any], TransitionCallbackReturn]:
    """Log what a transition's callback raises; rclpy makes an error of it without a word."""

    @wraps(callback)
    def run(node: Any, state: Any) -> TransitionCallbackReturn:
        try:
            return callback(node, state)
        except Exception as error:  # noqa: BLE001  (on_error deals with whatever it is)
            node.get_logger().error(f"{callback.__name__}: {type(error).__name__}: {error}")
            return TransitionCallbackReturn.ERROR

    return run
