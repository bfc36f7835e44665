# SPDX-License-Identifier: Apache-2.0
"""`pam_ros topics`: what is on the graph, where there is no `ros2 topic`."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from pam_ros.commands.graph import GraphError, visit
from pam_ros.share.commands import Parser

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pam_ros.commands.graph import Visit

SECONDS = 5.0
_SETTLED_S = 1.0
"""Discovery is taken for complete if nothing new came for so long."""
_OWN = ("/rosout", "/parameter_events")
"""Every node publishes these."""


def main(argv: Sequence[str]) -> int:
    """Print each topic with its types and how many publish and subscribe.

    Raises:
        GraphError: there is none.
    """
    parser = Parser(
        prog="pam_ros topics",
        description="Topics, their types, and how many publish and subscribe.",
    )
    parser.add_argument("--all", action="store_true", help=f"also {' and '.join(_OWN)}")
    parser.add_argument(
        "--timeout", type=float, default=SECONDS, help=f"seconds to look at most, {SECONDS:g}"
    )
    options = parser.parse_args(argv)
    with visit(options.timeout) as graph:
        found = _settled(graph, options.timeout)
        rows = [
            (
                name,
                ", ".join(types),
                graph.node.count_publishers(name),
                graph.node.count_subscribers(name),
            )
            for name, types in found
            if options.all or name not in _OWN
        ]
    if not rows:
        message = (
            "no topic was found: is a node running in this ROS_DOMAIN_ID, and within "
            "ROS_AUTOMATIC_DISCOVERY_RANGE?"
        )
        raise GraphError(message)
    longest = max(len(name) for name, *_ in rows)
    widest = max(len(types) for _, types, *_ in rows)
    for name, types, publishers, subscribers in rows:
        sys.stdout.write(
            f"{name:{longest}}  {types:{widest}}  {publishers} out  {subscribers} in\n"
        )
    return 0


def _settled(graph: Visit, seconds: float) -> list[tuple[str, list[str]]]:
    """The topics when discovery has come to rest, or after so long [s]."""
    found: list[tuple[str, list[str]]] = []
    since = time.monotonic()

    def rests() -> bool:
        nonlocal found, since
        now = sorted(graph.node.get_topic_names_and_types())
        if now != found:
            found, since = now, time.monotonic()
        return time.monotonic() - since >= _SETTLED_S and any(name not in _OWN for name, _ in found)

    graph.wait(rests, seconds)
    return found
