# SPDX-License-Identifier: Apache-2.0
"""Which of the policy's weights are shown, and their maps."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pam_ros.attention.errors import AttentionError
from pam_ros.attention.maps import CROSS_ATTENTION, ROLLOUT, AttentionMaps
from pam_ros.attention.methods import ATTENTION_METHODS, Weights

if TYPE_CHECKING:
    from pam_ros.policy.interface import Policy, PolicyOutput, PolicySpec

METHODS = tuple(ATTENTION_METHODS)


@dataclass(frozen=True)
class Selection:
    """Method, layer, head and query.

    The layer counts from 0 in the encoder for encoder_attention, otherwise in the decoder;
    `encoder_layers` are those whose weights the policy has to show.
    """

    method: str
    layer: int
    head: int | None
    query: int | tuple[int, int] | None
    encoder_layers: tuple[int, ...]

    def ask(self, policy: Policy) -> None:
        """Have later passes of the policy hold the weights that maps() reads."""
        # Rollout averages the encoder's heads anyway.
        averaged = self.method == ROLLOUT
        policy.show_encoder_layers(self.encoder_layers, mean_over_heads=averaged)

    def maps(self, output: PolicyOutput, spec: PolicySpec) -> AttentionMaps:
        """The maps of a forward pass.

        Raises:
            AttentionError: the weights are not finite, or were not asked for in time.
        """
        weights = output.encoder_attention
        missing = [layer for layer in self.encoder_layers if layer not in weights]
        if missing:
            raise AttentionError(f"this pass kept no weights of encoder layers {missing}")
        kept = {layer: weights[layer] for layer in self.encoder_layers}
        method = ATTENTION_METHODS[self.method]
        return method.maps(
            Weights(output.attention, kept), spec.layout, self.layer, self.head, self.query
        )


def make_selection(method: str, layer: int, head: str, query: str, spec: PolicySpec) -> Selection:
    """A selection as people write it.

    Args:
        method: one of METHODS.
        layer: of the encoder or (other methods) decoder; -1 is the last.
        head: "mean", or a head's number.
        query: "mean", a number, or a range "a:b".
        spec: of the policy.

    Raises:
        AttentionError: a value that cannot be taken; the sentence begins with the parameter's name
            and says which ones can.
    """
    if method not in METHODS:
        raise AttentionError(f"'attention_method' is '{method}': use {', '.join(METHODS)}")
    if method != CROSS_ATTENTION and spec.encoder_layers == 0:
        raise AttentionError(
            f"'attention_method' is '{method}': this policy has no encoder layers; use "
            f"{CROSS_ATTENTION}"
        )
    in_encoder = ATTENTION_METHODS[method].in_encoder
    layers = spec.encoder_layers if in_encoder else spec.layers
    queries = spec.layout.size if in_encoder else spec.chunk_size
    if not -layers <= layer < layers:
        stack = "encoder" if in_encoder else "decoder"
        raise AttentionError(
            f"'attention_layer' is {layer}: for {method} the {stack} has layers 0 to "
            f"{layers - 1}, or -1 for the last"
        )
    layer %= layers
    shown = ATTENTION_METHODS[method].encoder_layers(layer, spec.encoder_layers)
    chosen = None if head == "mean" else _number("attention_head", head, spec.heads)
    return Selection(method, layer, chosen, _query(query, queries), shown)


def _query(text: str, queries: int) -> int | tuple[int, int] | None:
    if text == "mean":
        return None
    if ":" not in text:
        return _number("attention_query", text, queries)
    start_text, _, stop_text = text.partition(":")
    start = _number("attention_query", start_text, queries)
    stop = _number("attention_query", stop_text, queries + 1)
    if stop <= start:
        raise AttentionError(
            f"'attention_query' is '{text}': the range is empty; write a:b with "
            f"0 <= a < b <= {queries}"
        )
    return start, stop


def _number(name: str, text: str, end: int) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text) or int(text) >= end:
        example = ' or a range "a:b"' if name == "attention_query" else ""
        raise AttentionError(
            f"'{name}' has '{text}': use \"mean\", a number from 0 to {end - 1}{example}"
        )
    return int(text)
