# SPDX-License-Identifier: Apache-2.0
"""The methods that make maps of a pass's own attention weights: one entry each.

A new one is a file beside this one and an entry here; node, replay and faithfulness find it. Those
that need passes of their own (gradients) are in attribution.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from pam_ros.attention.maps import (
    CROSS_ATTENTION,
    ENCODER_ATTENTION,
    ROLLOUT,
    attention_maps,
    encoder_attention_maps,
)
from pam_ros.attention.rollout import rollout_maps

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from pam_ros.attention.layout import TokenLayout
    from pam_ros.attention.maps import AttentionMaps


class Weights(NamedTuple):
    """The softmax weights of one pass.

    Attributes:
        decoder: (layers, heads, queries, tokens), what the decoder reads of the tokens.
        encoder: layer to (heads, tokens, tokens), what the tokens read of each other.
    """

    decoder: NDArray[np.float32]
    encoder: Mapping[int, NDArray[np.float32]]


class MapsOf(Protocol):
    """Makes the maps of one method."""

    def __call__(
        self,
        weights: Weights,
        layout: TokenLayout,
        layer: int,
        head: int | None,
        query: int | tuple[int, int] | None,
    ) -> AttentionMaps:
        """Maps of one layer; head, query: None for the mean over all."""
        ...


@dataclass(frozen=True)
class AttentionMethod:
    """One method.

    Attributes:
        name: for parameters, options and messages.
        in_encoder: whether its layers are the encoder's; otherwise they are the decoder's.
        reads: the encoder layers whose weights it reads: none, its own layer's, or all.
        maps: makes its maps.
    """

    name: str
    in_encoder: bool
    reads: Literal["none", "layer", "all"]
    maps: MapsOf

    def encoder_layers(self, layer: int, count: int) -> tuple[int, ...]:
        """The encoder layers, of `count`, whose weights the maps of a layer need."""
        if self.reads == "all":
            return tuple(range(count))
        return (layer,) if self.reads == "layer" else ()


def _cross(
    weights: Weights,
    layout: TokenLayout,
    layer: int,
    head: int | None,
    query: int | tuple[int, int] | None,
) -> AttentionMaps:
    return attention_maps(weights.decoder, layout, layer=layer, head=head, query=query)


def _encoder(
    weights: Weights,
    layout: TokenLayout,
    layer: int,
    head: int | None,
    query: int | tuple[int, int] | None,
) -> AttentionMaps:
    return encoder_attention_maps(weights.encoder[layer], layout, layer, head=head, query=query)


def _rollout(
    weights: Weights,
    layout: TokenLayout,
    layer: int,
    head: int | None,
    query: int | tuple[int, int] | None,
) -> AttentionMaps:
    return rollout_maps(
        weights.encoder,
        layout,
        decoder=weights.decoder[layer],
        decoder_layer=layer % len(weights.decoder),
        head=head,
        query=query,
    )


ATTENTION_METHODS = {
    method.name: method
    for method in (
        AttentionMethod(CROSS_ATTENTION, False, "none", _cross),
        AttentionMethod(ENCODER_ATTENTION, True, "layer", _encoder),
        AttentionMethod(ROLLOUT, False, "all", _rollout),
    )
}
"""By name, in the order in which people are told them."""
