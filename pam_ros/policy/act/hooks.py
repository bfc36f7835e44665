# SPDX-License-Identifier: Apache-2.0
"""lerobot's own forward pass, its attention weights and tokens taken by hooks.

For ACT modules that the written-out pass does not cover, and as its reference. The hooks live for
one pass and are removed on every way out.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import torch

from pam_ros.policy.act.passes import Edit, Pass

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from torch import Tensor, nn

    from pam_ros.policy.act.passes import Prepared

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
        prepared: Prepared,
        encoder_layers: Collection[int] = (),
        edit: Edit | None = None,
        *,
        mean_over_heads: bool = False,
    ) -> Pass:
        """The pass of any batch size; see act_pass.Forward."""
        model = self._model
        weights: list[Tensor] = []
        shown: dict[int, list[Tensor]] = {layer: [] for layer in encoder_layers}
        places: list[Tensor] = []
        with ExitStack() as hooks:
            encoder = model.encoder
            take_input = encoder.register_forward_pre_hook(_input_taker(places, edit))
            hooks.callback(take_input.remove)
            for module in (*encoder.layers, encoder):
                hooks.callback(module.register_forward_hook(_output_taker(places, edit)).remove)
            for layer in model.decoder.layers:
                _collect(layer.multihead_attn, weights, hooks)
            for index, taken in shown.items():
                _collect(encoder.layers[index].self_attn, taken, hooks)
            chunk = model(self._batch(prepared))[0]  # (B, C, A)
        return Pass(
            chunk,
            torch.stack(weights, dim=1),
            tuple(places),
            {
                index: taken[0].mean(dim=1, keepdim=True) if mean_over_heads else taken[0]
                for index, taken in shown.items()
            },
        )

    def _batch(self, prepared: Prepared) -> dict[str, Any]:
        state = prepared.state
        if state is None:
            # lerobot reads its device off the joint state even where the policy has none.
            anywhere = next(self._model.parameters())
            state = anywhere.new_zeros(prepared.batch_size, 1)
        batch: dict[str, Any] = {STATE: state}
        if prepared.images:
            batch[IMAGES] = list(prepared.images)
        if prepared.environment is not None:
            batch[ENVIRONMENT] = prepared.environment
        return batch


def _input_taker(places: list[Tensor], edit: Edit | None) -> Callable[..., Any]:
    def take(_module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        places.append(_edited(inputs[0], len(places), edit))
        return (places[-1].transpose(0, 1), *inputs[1:])

    return take


def _output_taker(places: list[Tensor], edit: Edit | None) -> Callable[..., Any]:
    def take(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        places.append(_edited(output, len(places), edit))
        return places[-1].transpose(0, 1)

    return take


def _edited(tokens: Tensor, place: int, edit: Edit | None) -> Tensor:
    """(T, B, D), as lerobot has them, to (B, T, D), and edited."""
    tokens = tokens.transpose(0, 1)
    return tokens if edit is None else edit(place, tokens)


def _collect(attention: nn.Module, weights: list[Tensor], hooks: ExitStack) -> None:
    """Append the weights (B, H, queries, T) of the next pass to the list."""
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
