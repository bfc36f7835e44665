# SPDX-License-Identifier: Apache-2.0
"""A short visit to a ROS graph: a node of its own that calls services and goes."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions

from pam_ros.share.errors import PamRosError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from rclpy.node import Node

SECONDS = 10.0
OWN_TOPICS = ("/rosout", "/parameter_events")
"""Every node publishes these."""


class GraphError(PamRosError):
    """What is asked for is not on the graph, or does not answer."""


class Visit:
    """A node on the graph for one command.

    Args:
        node: it.
        seconds: how long to wait for anything [s].
    """

    def __init__(self, node: Node, seconds: float) -> None:
        self.node = node
        self._seconds = seconds
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(node)

    def wait(self, condition: Callable[[], bool], seconds: float | None = None) -> bool:
        """Whether the condition holds within so long [s]."""
        end = time.monotonic() + (self._seconds if seconds is None else seconds)
        while not condition():
            if time.monotonic() >= end:
                return False
            self._executor.spin_once(timeout_sec=0.05)
        return True

    def topics(self, rest_s: float, most_s: float) -> list[tuple[str, list[str]]]:
        """Topics with their types, once others than OWN_TOPICS are there and nothing new came.

        Args:
            rest_s: discovery is taken for complete if nothing new came for so long [s].
            most_s: what is known after so long is given in any case [s].
        """
        found: list[tuple[str, list[str]]] = []
        since = time.monotonic()

        def rests() -> bool:
            nonlocal found, since
            now = sorted(self.node.get_topic_names_and_types())
            if now != found:
                found, since = now, time.monotonic()
            others = any(name not in OWN_TOPICS for name, _ in found)
            return others and time.monotonic() - since >= rest_s

        self.wait(rests, most_s)
        return found

    def expect(self, ready: Callable[[], bool], what: str) -> None:
        """Wait until something is there.

        Raises:
            GraphError: it is not, within the time; the sentence says where was looked.
        """
        if not self.wait(ready):
            domain = os.environ.get("ROS_DOMAIN_ID", "0")
            message = (
                f"nobody offers {what} in ROS_DOMAIN_ID {domain} after {self._seconds:g} s: is the "
                "node running there, under this name (--node), and is its machine reached "
                "(ROS_AUTOMATIC_DISCOVERY_RANGE)?"
            )
            raise GraphError(message)

    def answer(self, future: Any, what: str) -> Any:
        """The result of a call.

        Raises:
            GraphError: there is none within the time.
        """
        if not self.wait(future.done):
            message = f"{what} has not answered within {self._seconds:g} s: it may yet act on this"
            raise GraphError(message)
        return future.result()

    def call(self, service: type[Any], name: str, request: Any) -> Any:
        """Call a service and return what it answers.

        Raises:
            GraphError: it is not there, or does not answer.
        """
        client = self.node.create_client(service, name)
        self.expect(client.service_is_ready, f"the service {name}")
        return self.answer(client.call_async(request), f"the service {name}")

    def close(self) -> None:
        """Leave the graph."""
        self._executor.shutdown()
        self.node.destroy_node()


@contextmanager
def visit(seconds: float) -> Iterator[Visit]:
    """Be on the graph, and wait so long for anything [s]."""
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    try:
        found = Visit(rclpy.create_node(f"pam_ros_{os.getpid()}"), seconds)
        try:
            yield found
        finally:
            found.close()
    finally:
        rclpy.try_shutdown()


def add_seconds(parser: argparse.ArgumentParser) -> None:
    """The option for how long to wait."""
    parser.add_argument(
        "--timeout", type=float, default=SECONDS, help=f"seconds to wait, {SECONDS:g}"
    )
