# SPDX-License-Identifier: Apache-2.0
"""rclpy.wait_for_message: the next message of a topic, without spinning."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from rclpy_cyclone.dds.endpoints import FOREVER, Waiter

if TYPE_CHECKING:
    from rclpy_cyclone.node.node import Node
    from rclpy_cyclone.qos.profile import QoSProfile


def wait_for_message(
    msg_type: Any,
    node: Node,
    topic: str,
    *,
    qos_profile: QoSProfile | int = 1,
    time_to_wait: float = -1,
) -> tuple[bool, Any]:
    """Whether a message came within time_to_wait seconds (negative: for ever), and the message."""
    subscription = node.create_subscription(msg_type, topic, lambda _: None, qos_profile)
    waiter = Waiter(node.context.participant)
    end = None if time_to_wait < 0 else time.monotonic_ns() + int(time_to_wait * 1e9)
    node.context.wake_on_interrupt(waiter)
    try:
        waiter.watch(set(subscription._references()))
        while node.context.ok():
            taken = subscription.take()
            if taken is not None:
                return True, taken[0]
            left = FOREVER if end is None else end - time.monotonic_ns()
            if left <= 0 or not waiter.wait(left):
                break
        return False, None
    finally:
        waiter.close()
        node.destroy_subscription(subscription)
