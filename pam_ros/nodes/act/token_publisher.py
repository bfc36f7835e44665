# SPDX-License-Identifier: Apache-2.0
"""Hidden activations of one layer as TokenActivations, made only for whoever subscribes."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy

from pam_ros.msg import TokenActivations
from pam_ros.nodes.kit.messages import RosMessages
from pam_ros.nodes.kit.parameters import ParameterError
from pam_ros.sae.errors import SaeError
from pam_ros.sae.store.tokens import parse_sampler
from pam_ros.tick.token_activations import TokenMaker

if TYPE_CHECKING:
    from rclpy.node import Node
    from std_msgs.msg import Header

    from pam_ros.attention.layout import TokenLayout
    from pam_ros.policy.interface import PolicySpec
    from pam_ros.tick.outcome import TickOutcome

TOKEN_QOS = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=8, reliability=ReliabilityPolicy.BEST_EFFORT
)
"""Best effort: a subscriber that is slow or gone must never hold up the policy."""


class TokenPublisher:
    """`~/tokens` of one node.

    Raises:
        ParameterError: the text names no sampler.
    """

    def __init__(self, node: Node, spec: PolicySpec, layer: str, sampler: str) -> None:
        try:
            chosen = parse_sampler(sampler)
        except SaeError as error:
            raise ParameterError(f"parameter 'tokens_sampler': {error}") from error
        self._maker = TokenMaker(RosMessages(), spec, layer, chosen)
        self._publisher = node.create_publisher(TokenActivations, "~/tokens", TOKEN_QOS)
        self._counting = threading.Lock()
        self.published = 0

    def wanted(self) -> bool:
        """Whether anybody listens."""
        return bool(self._publisher.get_subscription_count() > 0)

    def publish(
        self, outcome: TickOutcome, header: Header, layout: TokenLayout | None = None
    ) -> None:
        """Publish one tick, also one without tokens: its number tells that none was lost.

        Of any thread: ticks whose pass was left out come by another one.

        Args:
            outcome: of the tick; where it has tokens, (tokens, dim) float32.
            header: that of the tick's AttentionMap.
            layout: of the policy at this tick, which words may change; None: as it was first.
        """
        if self.wanted():
            self._publisher.publish(self._maker.make(outcome, header, layout))
            with self._counting:
                self.published += 1
