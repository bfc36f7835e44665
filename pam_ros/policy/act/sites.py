# SPDX-License-Identifier: Apache-2.0
"""Hook points of ACT, in lerobot's own modules.

backbone.CAMERA       (B, channels, rows, cols), the ResNet's last feature map
encoder_input         (B, tokens, dim), in the order of the spec's groups
encoder.K.attn        what a layer's attention adds; .pattern its weights, .heads each head's
encoder.K.mlp         what its feed-forward part adds
encoder.K             the layer's output
encoder               the tokens that the decoder reads
decoder.K.self_attn, decoder.K.attn, decoder.K.mlp, decoder.K
the same of the chunk's actions; attn is the cross-attention
decoder, actions      (B, chunk, dim), and (B, chunk, action_dim) normalised
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pam_ros.policy.hooks.multihead import InsideSite
from pam_ros.policy.hooks.points import HEADS, PATTERN, HookPoint
from pam_ros.policy.hooks.sites import InputSite, OutputSite
from pam_ros.policy.short_names import short_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

    from pam_ros.policy.hooks.sites import Site
    from pam_ros.policy.interface import PolicySpec

TOKENS, CHUNK = ("batch", "tokens", "dim"), ("batch", "chunk", "dim")


def act_sites(model: Any, spec: PolicySpec) -> Iterator[Site]:
    """Every site of a lerobot ACT module, in the order of its pass."""
    count = len(spec.cameras)
    names = short_names(camera.feature for camera in spec.cameras)
    for number, camera in enumerate(spec.cameras):
        name = f"backbone.{names[camera.feature]}"
        axes = ("batch", "channels", "rows", "cols")
        yield OutputSite(
            HookPoint(name, axes), model.backbone, _feature_map, _with_map, count, number
        )
    yield InputSite(HookPoint("encoder_input", TOKENS), model.encoder, _swapped, _swapped_back)
    for number, layer in enumerate(model.encoder.layers):
        name = f"encoder.{number}"
        yield from _attention(f"{name}.attn", layer.self_attn, TOKENS)
        yield from _rest(name, layer, TOKENS)
    yield _output("encoder", model.encoder, TOKENS)
    for number, layer in enumerate(model.decoder.layers):
        name = f"decoder.{number}"
        yield from _attention(f"{name}.self_attn", layer.self_attn, CHUNK)
        yield from _attention(f"{name}.attn", layer.multihead_attn, CHUNK)
        yield from _rest(name, layer, CHUNK)
    yield _output("decoder", model.decoder, CHUNK)
    yield OutputSite(HookPoint("actions", ("batch", "chunk", "action")), model.action_head)


def _attention(name: str, attention: Any, axes: tuple[str, ...]) -> Iterator[Site]:
    queries, heads = axes[1], attention.num_heads
    pattern = HookPoint(f"{name}{PATTERN}", ("batch", "heads", queries, "keys"), heads=heads)
    yield InsideSite(pattern, attention, "pattern")
    by_head = HookPoint(f"{name}{HEADS}", ("batch", "heads", queries, "head_dim"), heads=heads)
    yield InsideSite(by_head, attention, "heads")
    yield OutputSite(HookPoint(name, axes), attention, _first_swapped, _with_first)


def _rest(name: str, layer: Any, axes: tuple[str, ...]) -> Iterator[Site]:
    yield _output(f"{name}.mlp", layer.linear2, axes)
    yield _output(name, layer, axes)


def _output(name: str, module: nn.Module, axes: tuple[str, ...]) -> Site:
    return OutputSite(HookPoint(name, axes), module, _swapped, _swapped_back)


def _swapped(tokens: Tensor) -> Tensor:
    """(T, B, D), as lerobot has them, to (B, T, D)."""
    return tokens.transpose(0, 1)


def _swapped_back(_old: Tensor, new: Tensor) -> Tensor:
    return new.transpose(0, 1)


def _first_swapped(output: tuple[Tensor, Any]) -> Tensor:
    return output[0].transpose(0, 1)


def _with_first(output: tuple[Tensor, Any], new: Tensor) -> tuple[Tensor, Any]:
    return (new.transpose(0, 1), *output[1:])


def _feature_map(output: dict[str, Tensor]) -> Tensor:
    return output["feature_map"]


def _with_map(output: dict[str, Tensor], new: Tensor) -> dict[str, Tensor]:
    return {**output, "feature_map": new}
