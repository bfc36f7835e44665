# SPDX-License-Identifier: Apache-2.0
"""Subscriptions that are there only while somebody subscribes to what is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rclpy.node import Node
    from rclpy.publisher import Publisher
    from rclpy.subscription import Subscription


class WhileHeard:
    """So nothing is computed for nobody, here and in the nodes that publish for subscribers alone.

    Args:
        node: has the subscriptions.
        publisher: of what is made.
        subscribe: makes them, when somebody begins to listen.
    """

    def __init__(
        self,
        node: Node,
        publisher: Publisher[Any],
        subscribe: Callable[[], Sequence[Subscription]],
    ) -> None:
        self._node = node
        self._publisher = publisher
        self._subscribe = subscribe
        self._made: list[Subscription] = []

    def look(self) -> bool:
        """Subscribe or let go, as there are subscribers; whether there are."""
        heard = self._publisher.get_subscription_count() > 0
        if heard and not self._made:
            self._made = list(self._subscribe())
        elif not heard and self._made:
            for subscription in self._made:
                self._node.destroy_subscription(subscription)
            self._made = []
        return heard
