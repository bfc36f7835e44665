# SPDX-License-Identifier: Apache-2.0
"""What goes into a forward pass of ACT and what comes out, whoever computes it.

A place is a point of the encoder where the tokens (B, T, D) can be read or replaced:

    [encoder_input] -> layer 0 -> [encoder.layers.0] -> ... -> norm -> [encoder] -> decoder
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from torch import Tensor

    EditTokens = Callable[[Tensor], Tensor]


class Prepared(NamedTuple):
    """Normalised float32 inputs of B observations, on the policy's device.

    images: (B, 3, H, W) per camera, in the policy's order.
    state, environment: (B, dim); None where the policy reads none.
    """

    images: tuple[Tensor, ...]
    state: Tensor | None
    environment: Tensor | None

    @property
    def batch_size(self) -> int:
        """B."""
        tensors = (*self.images, self.state, self.environment)
        return next((len(tensor) for tensor in tensors if tensor is not None), 1)


class Pass(NamedTuple):
    """What one pass computed, float32.

    chunk: (B, C, A) normalised.
    attention: (B, L, H, C, T), the decoder's cross-attention weights.
    places: the tokens (B, T, D) at each place, as place_names has them.
    encoder_attention: {layer: (B, H, T, T)} for the encoder layers asked for; with mean_over_heads
        H is 1.
    """

    chunk: Tensor
    attention: Tensor
    places: tuple[Tensor, ...]
    encoder_attention: Mapping[int, Tensor]


class Edit(NamedTuple):
    """Replaces the tokens at a place by change(tokens), for all that follows and for the result."""

    place: int
    change: EditTokens

    def __call__(self, place: int, tokens: Tensor) -> Tensor:
        """The tokens that the pass goes on with.

        Raises:
            PolicyError: the change returned another shape.
        """
        if place != self.place:
            return tokens
        changed = self.change(tokens)
        if changed.shape != tokens.shape:
            message = (
                f"the edit of the tokens returned shape {tuple(changed.shape)}: it must keep "
                f"{tuple(tokens.shape)}"
            )
            raise PolicyError(message)
        return changed.to(tokens)


class Engine(Protocol):
    """Computes passes of batch size 1."""

    def __call__(
        self,
        prepared: Prepared,
        encoder_layers: Collection[int] = (),
        *,
        mean_over_heads: bool = False,
    ) -> Pass:
        """The pass, and the self-attention of these encoder layers, or its mean over heads."""
        ...


class Forward(Protocol):
    """An Engine in float32 that takes any batch size and edits."""

    def __call__(
        self,
        prepared: Prepared,
        encoder_layers: Collection[int] = (),
        edit: Edit | None = None,
        *,
        mean_over_heads: bool = False,
    ) -> Pass:
        """The pass, and the self-attention of these encoder layers, or its mean over heads."""
        ...


def place_names(encoder_layers: int) -> tuple[str, ...]:
    """The places of an encoder of so many layers, in the order of Pass.places."""
    layers = (f"encoder.layers.{index}" for index in range(encoder_layers))
    return ("encoder_input", *layers, "encoder")


def index_of_place(places: Sequence[str], layer: str) -> int:
    """Where a layer's tokens are in Pass.places.

    Raises:
        PolicyError: there is no such layer.
    """
    if layer not in places:
        *first, last = places
        message = f"there is no tokens layer {layer!r}: it must be {', '.join(first)} or {last}"
        raise PolicyError(message)
    return places.index(layer)


def valid_layers(layers: Collection[int], count: int) -> tuple[int, ...]:
    """These layers of an encoder of so many, each once, in order.

    Raises:
        PolicyError: one is not there.
    """
    for layer in layers:
        if layer not in range(count):
            message = f"encoder layer {layer} is out of range: it must be from 0 to {count - 1}"
            raise PolicyError(message)
    return tuple(sorted(set(layers)))
