# SPDX-License-Identifier: Apache-2.0
"""What showing the attention costs: the same policy's tick with it and without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn
from torch.nn import functional

from bench import ticks
from bench.interleave import Row
from pam_ros.policy import wrap

if TYPE_CHECKING:
    from bench.sizes import Subject
    from pam_ros.policy.act.policy import ActPolicy

ON, ON_ROLLOUT, OFF = "capture_on", "capture_rollout", "capture_off"


def rows(subject: Subject) -> list[Row]:
    """policy.step with maps and overlays, and the same step without weights to show."""
    shown, blind, rolled = (
        wrap(subject.policy, subject.preprocessor, subject.postprocessor, engine="eager")
        for _ in range(3)
    )
    without_weights(blind)
    return [
        Row(ON, "ours, eager float32: step, maps, overlays", ticks.from_images(shown, subject)),
        Row(
            ON_ROLLOUT,
            "ours, eager float32: step, maps of the rollout, overlays",
            ticks.rollout_from_images(rolled, subject),
        ),
        Row(
            OFF,
            "ours, eager float32: step without weights",
            lambda: blind.step(subject.observation),
        ),
    ]


def without_weights(policy: ActPolicy) -> None:
    """Make an eager policy's cross-attention a fused one, whose weights never exist.

    A policy has no such switch, since nobody runs this package to see nothing.
    """
    engine: Any = policy._engine  # noqa: SLF001
    graph = engine._graph  # noqa: SLF001
    graph.decoder = nn.ModuleList(_FusedDecoderLayer(layer) for layer in graph.decoder)


class _FusedDecoderLayer(nn.Module):
    """An act_graph.DecoderLayer that gives no weights."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self._layer = layer

    def forward(self, x: Tensor | None, tokens: Tensor) -> tuple[Tensor, Tensor]:
        layer = self._layer
        skip, query = layer.fixed_skip, layer.fixed_query
        if skip is None:
            skip, query = layer._before_cross_attention(x)  # noqa: SLF001
        shape = (*tokens.shape[:2], layer.heads, -1)
        key, value = (
            linear(tokens).view(shape).transpose(1, 2) for linear in (layer.key, layer.value)
        )
        # The scale is folded into the queries.
        mixed = functional.scaled_dot_product_attention(query, key, value, scale=1.0)
        norm2, norm3 = layer.norms[1:]
        x = layer.out(mixed.transpose(1, 2).flatten(2)) + skip
        nothing = x.new_empty(len(x), 0)
        if layer.pre_norm:
            return layer.linear2(layer.linear1(norm3(x)), x), nothing
        x = norm2(x)
        return norm3(layer.linear2(layer.linear1(x), x)), nothing
