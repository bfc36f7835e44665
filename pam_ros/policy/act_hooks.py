# SPDX-License-Identifier: Apache-2.0
"""lerobot's own forward pass, its attention weights taken by hooks.

For ACT modules that act_forward.py does not cover, and as its reference. The hooks live for one
pass and are removed on every way out.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import torch

from pam_ros.policy.act_forward import ForwardResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

# lerobot's names, the same since 0.4.
IMAGES = "observation.images"
STATE = "observation.state"
ENVIRONMENT = "observation.environment_state"


class HookedForward:
    """Calls an ACT module that this object may hook: its owner's copy, in evaluation mode."""

    def __init__(self, model: Any) -> None:
        self._model = model

    @torch.inference_mode()
    def __call__(
        self,
        images: Sequence[Tensor],
        state: Tensor | None,
        environment: Tensor | None,
        encoder_layer: int | None = None,
    ) -> ForwardResult:
        """Normalised inputs: images (1, 3, H, W) in the policy's order, vectors (1, dim)."""
        # lerobot reads its device off the joint state even where the policy has none.
        anywhere = next(self._model.parameters())
        batch: dict[str, Any] = {STATE: anywhere.new_zeros(1, 1) if state is None else state}
        if images:
            batch[IMAGES] = list(images)
        if environment is not None:
            batch[ENVIRONMENT] = environment
        weights: list[Tensor] = []
        encoder_weights: list[Tensor] = []
        tokens: list[Tensor] = []
        with ExitStack() as hooks:
            encoder = self._model.encoder.register_forward_hook(
                lambda _module, _inputs, output: tokens.append(output)
            )
            hooks.callback(encoder.remove)
            for layer in self._model.decoder.layers:
                _collect(layer.multihead_attn, weights, hooks)
            if encoder_layer is not None:
                attention = self._model.encoder.layers[encoder_layer].self_attn
                _collect(attention, encoder_weights, hooks)
            chunk = self._model(batch)[0][0]  # (C, A)
        shown = encoder_weights[0][0] if encoder_weights else None
        return ForwardResult(chunk, torch.cat(weights), tokens[0][:, 0], shown)


def _collect(attention: nn.Module, weights: list[Tensor], hooks: ExitStack) -> None:
    """Append the weights (1, H, queries, T) of the next pass to the list."""
    ask = attention.register_forward_pre_hook(_ask_for_heads, with_kwargs=True)
    hooks.callback(ask.remove)
    take = attention.register_forward_hook(
        lambda _module, _inputs, output: weights.append(output[1])
    )
    hooks.callback(take.remove)


def _ask_for_heads(
    _module: nn.Module, inputs: tuple[Any, ...], options: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Have nn.MultiheadAttention return its weights, per head; its output stays the same."""
    return inputs, {**options, "need_weights": True, "average_attn_weights": False}
