# SPDX-License-Identifier: Apache-2.0
"""Whether the written-out pass of graph.py covers an ACT module."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from pam_ros.policy.act.resnet import STAGES


def why_unsupported(model: Any) -> str | None:
    """What of this ACT module the written-out pass does not cover; None if it covers all."""
    for name, module in model.named_modules():
        if hasattr(module, "parametrizations"):
            return f"{name or 'the model'} is parametrised"
    reason = _why_projection_unsupported(model)
    if reason is not None:
        return reason
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


def _why_projection_unsupported(model: Any) -> str | None:
    """What turns inputs into tokens, and the decoder's output into actions."""
    config = model.config
    linears = ["encoder_latent_input_proj", "action_head"]
    if config.robot_state_feature:
        linears.append("encoder_robot_state_input_proj")
    if config.env_state_feature:
        linears.append("encoder_env_state_input_proj")
    for name in linears:
        if type(getattr(model, name)) is not nn.Linear:
            return f"{name} is a {type(getattr(model, name)).__name__}"
    if model.encoder_latent_input_proj.bias is None:
        return "encoder_latent_input_proj has no bias"
    if not config.image_features:
        return None
    return _why_convolution_unsupported(
        "encoder_img_feat_input_proj", model.encoder_img_feat_input_proj
    )


def _why_convolution_unsupported(name: str, convolution: nn.Module) -> str | None:
    if type(convolution) is not nn.Conv2d:
        return f"{name} is a {type(convolution).__name__}"
    if convolution.padding_mode != "zeros" or isinstance(convolution.padding, str):
        return f"{name} pads by {convolution.padding_mode} {convolution.padding}"
    return None


def _why_layer_unsupported(layer: Any, attentions: tuple[str, ...]) -> str | None:
    for attention in attentions:
        module = getattr(layer, attention)
        if type(module) is not nn.MultiheadAttention or module.in_proj_bias is None:
            return f"{attention} is a {type(module).__name__}"
        if module.bias_k is not None or module.add_zero_attn or module.in_proj_weight is None:
            return f"{attention} has keys or values of its own"
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
        if name.split(".")[-1].startswith("conv") or name.endswith("downsample.0"):
            reason = _why_convolution_unsupported(f"{name} of the backbone", module)
            if reason is not None:
                return reason
    return None


def feature_map_size(model: Any, height: int, width: int) -> tuple[int, int]:
    """(rows, cols) of the backbone's feature map, from a pass on zeros of that size."""
    parameter = next(model.parameters())
    zeros = torch.zeros(1, 3, height, width, device=parameter.device, dtype=parameter.dtype)
    with torch.inference_mode():
        rows, cols = model.backbone(zeros)["feature_map"].shape[-2:]
    return int(rows), int(cols)
