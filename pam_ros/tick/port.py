# SPDX-License-Identifier: Apache-2.0
"""How a tick's messages are made, live and replayed: the one thing in which the two differ."""

from __future__ import annotations

from typing import Any, Protocol


class MessagePort(Protocol):
    """Makes messages: of ROS 2's classes in a node, by their definitions without ROS."""

    def new(self, name: str) -> Any:
        """An empty message of a type such as "pam_ros/msg/AttentionMap"."""
