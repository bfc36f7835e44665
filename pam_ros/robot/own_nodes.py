# SPDX-License-Identifier: Apache-2.0
"""Which nodes of a graph are no part of the robot: ours, and those by which people look on."""

from __future__ import annotations

from pam_ros.robot.topics import NODE, RECORDER

_NODES = (
    "recorder",
    RECORDER.strip("/"),
    "contract_check",
    "demo_monitor",
    "displays",
    "result_listener",
)
_PREFIXES = (NODE.strip("/"), "pam_ros_", "rosbag2_", "ros2cli", "_ros2cli", "rviz", "rqt")


def is_robots(node: str) -> bool:
    """Whether a node of this name, without its namespace, may be one of the robot's.

    A recorder, a page or a viewer that listens to commands moves nothing.
    """
    return node not in _NODES and not node.startswith(_PREFIXES)
