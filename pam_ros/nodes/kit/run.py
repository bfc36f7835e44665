# SPDX-License-Identifier: Apache-2.0
"""`pam_ros run NODE --ros-args ...`: what `ros2 run pam_ros NODE` does, also without ROS 2."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

NODES = {
    "act_attention": "pam_ros.nodes.act.node",
    "command_guard": "pam_ros.nodes.guard.node",
    "demo_robot": "pam_ros.nodes.demo.robot_node",
    "displays": "pam_ros.nodes.displays.node",
    "recorder": "pam_ros.nodes.recorders.bag_node",
    "sae_recorder": "pam_ros.nodes.recorders.sae_node",
}


def main(argv: Sequence[str]) -> int:
    """Start one node by name; the other arguments go to rclpy.init."""
    if not argv or argv[0] in {"-h", "--help"}:
        sys.stdout.write(f"usage: pam_ros run {{{','.join(NODES)}}} [--ros-args ...]\n")
        return 0
    name, arguments = argv[0], [argv[0], *argv[1:]]
    if name not in NODES:
        sys.stderr.write(f"pam_ros: node '{name}' is not one of {', '.join(NODES)}\n")
        return 1
    result: int = importlib.import_module(NODES[name]).main(arguments)
    return result
