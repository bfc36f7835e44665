# SPDX-License-Identifier: Apache-2.0
"""Hidden activations of one layer as TokenActivations, made only for whoever subscribes."""

from __future__ import annotations

import array
from typing import TYPE_CHECKING

import numpy as np
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy

from pam_ros.msg import TokenActivations
from pam_ros.nodes.attention_messages import short_name
from pam_ros.nodes.parameters import ParameterError
from pam_ros.sae.errors import SaeError
from pam_ros.sae.halves import all_finite, to_halves
from pam_ros.sae.tokens import parse_sampler, token_table

if TYPE_CHECKING:
    from rclpy.node import Node
    from std_msgs.msg import Header

    from pam_ros.policy.interface import PolicySpec
    from pam_ros.tick import TickOutcome

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
            self._sampler = parse_sampler(sampler)
        except SaeError as error:
            raise ParameterError(f"parameter 'tokens_sampler': {error}") from error
        self._spec = spec
        self._layer = layer
        self._table = token_table(spec.layout)
        self._publisher = node.create_publisher(TokenActivations, "~/tokens", TOKEN_QOS)
        self.published = 0

    def wanted(self) -> bool:
        """Whether anybody listens."""
        return bool(self._publisher.get_subscription_count() > 0)

    def publish(self, outcome: TickOutcome, header: Header) -> None:
        """Publish one tick, also one without tokens: its number tells that none was lost.

        Args:
            outcome: of the tick; where it has tokens, (tokens, dim) float32.
            header: that of the tick's AttentionMap.
        """
        if self.wanted():
            self._publisher.publish(self._message(outcome, header))
            self.published += 1

    def _message(self, outcome: TickOutcome, header: Header) -> TokenActivations:
        message = TokenActivations(header=header)
        message.episode, message.tick = outcome.episode, outcome.tick
        message.policy_name = short_name(self._spec.name)
        message.policy_sha256 = self._spec.sha256
        message.layer, message.sampler = self._layer, str(self._sampler)
        message.camera_names = list(self._table.camera_names)
        output = outcome.output
        if output is None or output.tokens is None:
            message.invalid_reason = outcome.invalid_reason or "this tick has no tokens"
            return message
        try:
            rows, table = self._sampler.sample(output.tokens, self._table, output.step)
        except SaeError as error:
            message.invalid_reason = str(error)
            return message
        halves = to_halves(rows)
        message.tokens, message.width = halves.shape
        message.block_rows, message.block_cols = table.block_rows, table.block_cols
        for field, code, dtype in _COLUMNS:
            column = np.ascontiguousarray(getattr(table, field), dtype=dtype)
            setattr(message, field, array.array(code, column.tobytes()))
        message.valid = all_finite(halves)
        if message.valid:
            message.data = array.array("H", halves.tobytes())
        else:
            message.invalid_reason = (
                f"an activation of layer {self._layer} is not finite in 16-bit floats"
            )
        return message


_COLUMNS = (
    ("token", "I", np.uint32),
    ("kind", "B", np.uint8),
    ("camera", "h", np.int16),
    ("row", "h", np.int16),
    ("col", "h", np.int16),
)
