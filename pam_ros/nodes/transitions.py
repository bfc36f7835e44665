# SPDX-License-Identifier: Apache-2.0
"""What Jazzy's rclpy leaves to the author of a managed node: bad requests, and words for errors."""

from __future__ import annotations

from functools import partial, wraps
from typing import TYPE_CHECKING, Any

from lifecycle_msgs.srv import ChangeState
from rclpy._rclpy_pybind11 import RCLError
from rclpy.lifecycle import TransitionCallbackReturn

if TYPE_CHECKING:
    from collections.abc import Callable

    from rclpy.node import Node


def answer_impossible_requests(node: Node) -> None:
    """Let `change_state` refuse what does not fit the state; rclpy would end the node's spin."""
    for service in node.services:
        if service.srv_type is ChangeState:
            service.callback = partial(_change_state, node, service.callback)


def _change_state(node: Node, callback: Callable[..., Any], request: Any, response: Any) -> Any:
    try:
        return callback(request, response)
    except RCLError as error:
        wanted = request.transition
        node.get_logger().error(f"no change of state ({wanted.label or wanted.id}): {error}")
        response.success = False
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
