# SPDX-License-Identifier: Apache-2.0
"""What a tick shows, on its topics: map, tokens, overlays and the planned chunk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pam_ros.msg import AttentionMap
from pam_ros.nodes.act.command_publisher import ChunkPublisher
from pam_ros.nodes.act.explained_by import ExplainedBy
from pam_ros.nodes.act.further_maps import FurtherMaps
from pam_ros.nodes.act.overlay_publisher import OverlayPublisher
from pam_ros.nodes.act.token_publisher import TokenPublisher
from pam_ros.nodes.kit.messages import RosMessages
from pam_ros.nodes.kit.said import Said
from pam_ros.robot.topics import WORDS_IMAGE
from pam_ros.tick.attention_map import AttentionMapMaker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rclpy.node import Node

    from pam_ros.attention.layout import TokenLayout
    from pam_ros.nodes.act.health import Health
    from pam_ros.nodes.act.parameters import DrawnLook
    from pam_ros.policy.interface import PolicySpec
    from pam_ros.robot import Contract
    from pam_ros.tick.explained import ExplainedTick


class TickPublisher:
    """The topics that explain a policy; commands have their own.

    Args:
        node: that has them.
        spec: of the policy.
        contract: bound to the policy.
        period_s: of the ticks [s].
        values: of the parameters tokens_layer and tokens_sampler.
        health: counts pictures that could not be drawn.

    Raises:
        ParameterError: there is no such sampler.
    """

    def __init__(
        self,
        node: Node,
        spec: PolicySpec,
        contract: Contract,
        period_s: float,
        values: Mapping[str, Any],
        health: Health,
    ) -> None:
        self._node = node
        self._said = Said(node.get_logger())
        self._health = health
        self._maps = node.create_publisher(AttentionMap, "~/attention", 10)
        self._map_maker = AttentionMapMaker(RosMessages(), spec, contract)
        self.further = FurtherMaps(node, self._map_maker)
        self._explained_by = ExplainedBy()
        self._chunks = ChunkPublisher(node, contract.command, period_s)
        words = WORDS_IMAGE if spec.instruction else ""
        self._overlays = OverlayPublisher(node, contract, words=words)
        self.tokens = TokenPublisher(node, spec, values["tokens_layer"], values["tokens_sampler"])

    def publish(self, tick: ExplainedTick, look: DrawnLook, layout: TokenLayout) -> None:
        """Show a tick; one without maps says why, and has neither pictures nor a chunk.

        Args:
            tick: that ran.
            look: how it is shown.
            layout: of the policy's tokens at this tick.
        """
        message = self._map_maker.make(tick)
        self._maps.publish(message)
        self.tokens.publish(tick.outcome, message.header, layout)
        if tick.maps is None:
            return
        self._explained_by.note(tick.maps)
        self.further.publish(tick)
        self._draw(tick, look)
        if tick.outcome.output is not None:
            self._chunks.publish(tick.outcome.output.chunk, tick.inputs.stamp_ns)

    def values(self) -> dict[str, object]:
        """Messages so far, who listens to overlays, and what explains them, for /diagnostics."""
        overlays = self._overlays.published.items()
        return {
            **self._explained_by.values(),
            "tokens": self.tokens.published,
            **{f"overlays_{camera or 'of_words'}": count for camera, count in overlays},
            "overlay_subscribers": self._overlays.subscribers(),
        }

    def _draw(self, tick: ExplainedTick, look: DrawnLook) -> None:
        """Overlays, whatever happens: a picture that cannot be drawn must not end the node."""
        if not self._overlays.wanted():
            return
        try:
            self._overlays.publish(look, tick)
        except Exception as error:  # noqa: BLE001  (OpenCV and NumPy raise many types)
            self._health.counts["overlay_errors"] += 1
            self._said.error(f"overlay: {error}")
