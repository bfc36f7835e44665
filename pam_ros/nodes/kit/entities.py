# SPDX-License-Identifier: Apache-2.0
"""What a managed node made while it was configured, so that cleaning up leaves nothing behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rclpy.node import Node

_KINDS = {
    "timers": "destroy_timer",
    "subscriptions": "destroy_subscription",
    "guards": "destroy_guard_condition",
    "clients": "destroy_client",
    "services": "destroy_service",
    "publishers": "destroy_publisher",
}
_CLOCK = "/clock"
"""Its subscription comes and goes with use_sim_time, which outlives a clean-up."""


class Entities:
    """The publishers, subscriptions, timers and services of a node from here on."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._before = {kind: list(getattr(node, kind)) for kind in _KINDS}

    def destroy(self) -> None:
        """Destroy all of them but those that were there before."""
        for kind, destroy in _KINDS.items():
            for entity in list(getattr(self._node, kind)):
                if entity in self._before[kind] or getattr(entity, "topic_name", "") == _CLOCK:
                    continue
                getattr(self._node, destroy)(entity)
