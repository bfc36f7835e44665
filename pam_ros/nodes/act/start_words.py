# SPDX-License-Identifier: Apache-2.0
"""The last line of a start: whether the robot may move, how to change that, where to look."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rclpy.node import Node


def start_words(node: Node, cameras: Sequence[str], *, enabled: bool) -> str:
    """One line.

    Args:
        node: its names are resolved, so that the line can be copied.
        cameras: by their names in the contract.
        enabled: whether it commands the robot.
    """
    heat = ", ".join(node.resolve_topic_name(f"~/attention/{name}/image") for name in cameras)
    state = (
        "enabled, it commands the robot from its first observation on"
        if enabled
        else "disabled, it moves nothing"
    )
    change = "disables" if enabled else "enables"
    return f"ready: {state}; {_how(node, not enabled)} {change} it. Heat: {heat or 'no camera'}"


def _how(node: Node, wanted: bool) -> str:
    name = node.get_fully_qualified_name()
    service = node.resolve_service_name("~/enable")
    if os.environ.get("AMENT_PREFIX_PATH"):  # a ROS 2 is sourced
        data = str(wanted).lower()
        return f'`ros2 service call {service} std_srvs/srv/SetBool "{{data: {data}}}"`'
    named = f"--node {name}" if service == f"{name}/enable" else f"--service {service}"
    return f"`pam_ros {'enable' if wanted else 'disable'} {named}`"
