# SPDX-License-Identifier: Apache-2.0
"""`pam_ros topics`: what is on the graph, where there is no `ros2 topic`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pam_ros.commands.graph import OWN_TOPICS, GraphError, visit
from pam_ros.share.commands import Parser

if TYPE_CHECKING:
    from collections.abc import Sequence

SECONDS = 5.0
_SETTLED_S = 1.0


def main(argv: Sequence[str]) -> int:
    """Print each topic with its types and how many publish and subscribe.

    Raises:
        GraphError: there is none.
    """
    parser = Parser(
        prog="pam_ros topics",
        description="Topics, their types, and how many publish and subscribe.",
    )
    parser.add_argument("--all", action="store_true", help=f"also {' and '.join(OWN_TOPICS)}")
    parser.add_argument(
        "--timeout", type=float, default=SECONDS, help=f"seconds to look at most, {SECONDS:g}"
    )
    options = parser.parse_args(argv)
    with visit(options.timeout) as graph:
        found = graph.topics(_SETTLED_S, options.timeout)
        rows = [
            (
                name,
                ", ".join(types),
                graph.node.count_publishers(name),
                graph.node.count_subscribers(name),
            )
            for name, types in found
            if options.all or name not in OWN_TOPICS
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
