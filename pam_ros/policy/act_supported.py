# SPDX-License-Identifier: Apache-2.0
"""Whether the written-out pass of act_graph.py covers an ACT module."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from pam_ros.policy.resnet import STAGES


def why_unsupported(model: Any) -> str | None:
    """What of this ACT module the written-out pass does not cover; None if it covers all."""
    for name, module in model.named_modules():
        if hasattr(module, "parametrizations"):
            return f"{name or 'the model'} is parametrised"
    stacks = (
        (model.encoder, "ACTEncoder", "ACTEncoderLayer", ("self_attn",)),
        (model.decoder, "ACTDecoder", "ACTDecoderLayer", ("self_attn", "multihead_attn")),
    )
    for stack, stack_type, layer_type, attentions in stacks:
        if type(stack).__name__ != stack_type:
            return f"a {type(stack).__name__} stands for {stack_type}"
        if type(stack.norm) not in {nn.LayerNorm, nn.Identity}:
            return f"the norm of {stack_type} is a {type(stack.norm).__name__}"
        for layer in stack.layers.children():
            if type(layer).__name__ != layer_type:
                return f"a {type(layer).__name__} stands for {layer_type}"
            reason = _why_layer_unsupported(layer, attentions)
            if reason is not None:
                return reason
    backbone = getattr(model, "backbone", None)
    return None if backbone is None else _why_backbone_unsupported(backbone)


def _why_layer_unsupported(layer: Any, attentions: tuple[str, ...]) -> str | None:
    for attention in attentions:
        module = getattr(layer, attention)
        if type(module) is not nn.MultiheadAttention or module.in_proj_bias is None:
            return f"{attention} is a {type(module).__name__}"
    if any(type(linear) is not nn.Linear for linear in (layer.linear1, layer.linear2)):
        return "a feed-forward layer is not nn.Linear"
    if any(
        type(norm) is not nn.LayerNorm
        for name, norm in layer.named_children()
        if name.startswith("norm")
    ):
        return "a layer's norm is not nn.LayerNorm"
    return None


def _why_backbone_unsupported(backbone: nn.Module) -> str | None:
    names = [name for name, _ in backbone.named_children()]
    if names != ["conv1", "bn1", "relu", "maxpool", *STAGES]:
        return f"the backbone is not a ResNet cut after layer4 but has {', '.join(names)}"
    for stage in STAGES:
        for block in backbone.get_submodule(stage).children():
            if type(block).__name__ not in {"BasicBlock", "Bottleneck"}:
                return f"{stage} of the backbone has a {type(block).__name__}"
    for name, module in backbone.named_modules():
        if name.endswith(("bn1", "bn2", "bn3", "downsample.1")) and not (
            type(module) is nn.BatchNorm2d or type(module).__name__ == "FrozenBatchNorm2d"
        ):
            return f"{name} of the backbone is a {type(module).__name__}"
    return None


def feature_map_size(model: Any, height: int, width: int) -> tuple[int, int]:
    """(rows, cols) of the backbone's feature map, from a pass on zeros of that size."""
    parameter = next(model.parameters())
    zeros = torch.zeros(1, 3, height, width, device=parameter.device, dtype=parameter.dtype)
    with torch.inference_mode():
        rows, cols = model.backbone(zeros)["feature_map"].shape[-2:]
    return int(rows), int(cols)
