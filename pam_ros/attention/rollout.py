# SPDX-License-Identifier: Apache-2.0
"""Attention rollout: which input tokens the information that is read came from.

Abnar and Zuidema, "Quantifying Attention Flow in Transformers", ACL 2020: each encoder layer mixes
its tokens by A = identity * I + (1 - identity) * mean over heads, where I stands for the residual
connection and every row sums to 1; the product of these over the layers says how much of each
input token is in each output token. It takes every layer's mixing for linear and equal for all
channels: value vectors, feed-forward blocks and normalisation are left out.

Only what is read is carried backwards through the layers, averaged over the queries and heads that
are shown: one vector-matrix product per layer instead of a product of matrices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pam_ros.attention.errors import AttentionError
from pam_ros.attention.maps import ROLLOUT, AttentionMaps, in_range, maps_of_mass, query_range

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pam_ros.attention.layout import TokenLayout


def rollout_maps(
    encoder_attention: Mapping[int, NDArray[np.float32]],
    layout: TokenLayout,
    *,
    query: int | tuple[int, int] | None = None,
    upto: int = -1,
    identity: float = 0.5,
    decoder: NDArray[np.float32] | None = None,
    decoder_layer: int = 0,
    head: int | None = None,
    decoder_path: str = "decoder.layers.{layer}.multihead_attn",
    encoder_prefix: str = "encoder.layers.",
    decoder_keys: tuple[int, int] | None = None,
    encoder_keys: tuple[int, int] | None = None,
) -> AttentionMaps:
    """What the chosen tokens, or actions of the chunk, read of the encoder's input tokens.

    Args:
        encoder_attention: (heads, tokens, tokens) softmax weights of each encoder layer from 0, or
            (1, tokens, tokens), their mean.
        layout: which token is what.
        query: one token that reads, a range (start, stop), or None for the mean over all; with
            `decoder` one step of the chunk, a range of them, or all.
        upto: the last encoder layer that takes part; negative counts from the last one given.
        identity: the residual connection's part in a layer's output, 0 to 1.
        decoder: (heads, queries, tokens) softmax weights of a decoder layer's cross-attention, to
            go through: then the actions of the chunk are what reads, and head_entropy and
            head_latent_share are those of its heads on the encoder's output, not carried back.
        decoder_layer: number of that layer, for the label.
        head: one head of `decoder`, or None for the mean over all. Encoder heads are averaged.
        decoder_path: what the result calls the decoder's layer; ACT's by default.
        encoder_prefix: what it calls the encoder's layers.
        decoder_keys: (start, stop), the tokens that `decoder` reads; None for all. What it reads of
            tokens that the encoder does not mix, such as the chunk's own actions, stays there.
        encoder_keys: the tokens that the encoder mixes; None for all.

    Raises:
        AttentionError: a layer is missing, an array does not fit or is not finite, or a selection
            is out of range.
    """
    layers = len(encoder_attention)
    if sorted(encoder_attention) != list(range(layers)) or layers == 0:
        message = (
            f"rollout needs the weights of every encoder layer from 0; given are "
            f"{sorted(encoder_attention)}"
        )
        raise AttentionError(message)
    if not 0 <= identity <= 1:
        message = f"identity {identity} must be from 0 to 1"
        raise AttentionError(message)
    last = in_range("upto", upto, -layers, layers) % layers
    first_key, end_key = encoder_keys or (0, layout.size)
    size = end_key - first_key
    name = f"{encoder_prefix}0:{last + 1}"
    chosen_head = None
    by_head: NDArray[np.float32] | None = None
    if decoder is None:
        if head is not None:
            message = "rollout has heads only where it goes through the decoder"
            raise AttentionError(message)
        start, stop, label = query_range(query, size)
        reading: NDArray[np.float32] = np.zeros(layout.size, np.float32)
        reading[first_key + start : first_key + stop] = 1 / (stop - start)
    else:
        start_key, stop_key = decoder_keys or (0, layout.size)
        if decoder.ndim != 3 or decoder.shape[2] != stop_key - start_key:
            message = (
                f"decoder attention of shape {decoder.shape} does not fit: it must be "
                f"(heads, queries, {stop_key - start_key} tokens)"
            )
            raise AttentionError(message)
        chosen_head = None if head is None else in_range("head", head, 0, decoder.shape[0])
        start, stop, label = query_range(query, decoder.shape[1])
        by_head = decoder[:, start:stop].mean(axis=1)
        if by_head.shape[1] != layout.size:
            by_head = np.pad(by_head, ((0, 0), (start_key, layout.size - stop_key)))
        reading = by_head.mean(axis=0) if chosen_head is None else by_head[chosen_head]
        name = f"{decoder_path.format(layer=decoder_layer)}, {name}"
    mixed = reading[first_key:end_key]
    for layer in range(last, -1, -1):
        mixed = _back_through(mixed, encoder_attention[layer], layer, identity)
    mass = reading.astype(np.float64)
    mass[first_key:end_key] = mixed
    heads = None if by_head is None else by_head.astype(np.float64)
    if not np.isfinite(mass).all() or (heads is not None and not np.isfinite(heads).all()):
        message = f"the attention weights of {name} are not all finite"
        raise AttentionError(message)
    keys = decoder_keys if decoder is not None else encoder_keys
    return maps_of_mass(ROLLOUT, name, mass, chosen_head, label, layout, heads, keys)


def _back_through(
    reading: NDArray[np.float32], weights: NDArray[np.float32], layer: int, identity: float
) -> NDArray[np.float32]:
    """(tokens,) mass on a layer's output tokens, carried to its input tokens."""
    size = len(reading)
    if weights.ndim != 3 or weights.shape[1:] != (size, size) or weights.shape[0] == 0:
        message = (
            f"attention of encoder layer {layer} of shape {weights.shape} does not fit: it must be "
            f"(heads, {size} tokens, {size} tokens)"
        )
        raise AttentionError(message)
    # Not by BLAS: its threads would wait for those of the policy.
    read: NDArray[np.float32] = np.einsum("i,hij->j", reading, weights)
    read *= (1 - identity) / weights.shape[0]
    read += identity * reading
    return read
