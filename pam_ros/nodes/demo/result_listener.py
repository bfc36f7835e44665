# SPDX-License-Identifier: Apache-2.0
"""Collects the demo robot's episode results, spinning beside the caller."""

from __future__ import annotations

import json
import threading
from typing import Any

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.signals import SignalHandlerOptions
from std_msgs.msg import String

from pam_ros.robot.topics import DEMO_RESULT

RESULT_QOS = QoSProfile(depth=1000, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class SpinningNode:
    """A node of this process and the thread that spins it."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(node)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except ExternalShutdownException:
            return

    def close(self) -> None:
        """Leave the graph."""
        self._executor.shutdown(timeout_sec=2.0)
        self._node.destroy_node()
        rclpy.try_shutdown()
        self._thread.join(timeout=2.0)


class ResultListener:
    """The results so far, in the order of the episodes."""

    def __init__(self) -> None:
        rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
        node = Node("result_listener")
        self._lock = threading.Lock()
        self._results: list[dict[str, Any]] = []
        node.create_subscription(String, DEMO_RESULT, self._on_result, RESULT_QOS)
        self._spinning = SpinningNode(node)

    def results(self) -> list[dict[str, Any]]:
        """Every result that has arrived."""
        with self._lock:
            return list(self._results)

    def close(self) -> None:
        """Leave the graph."""
        self._spinning.close()

    def _on_result(self, message: String) -> None:
        with self._lock:
            self._results.append(json.loads(message.data))
