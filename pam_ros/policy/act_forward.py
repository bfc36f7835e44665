# SPDX-License-Identifier: Apache-2.0
"""ACT's inference pass, written out from the weights of a lerobot ACT module.

The same function as `lerobot.policies.act.modeling_act.ACT.forward` in evaluation mode at batch
size 1, to float precision, and the decoder's cross-attention weights with it:

- BatchNorm is folded into the convolutions, channels come last, cameras of one size are one batch.
- What does not depend on the observation is computed once: the latent token (zero latent), all
  position embeddings times the query and key weights, and the first decoder layer up to its
  cross-attention, since the decoder's input is zero.
- The cross-attention is written out, so its weights cost nothing extra.

    images -> ResNet -> 1x1 conv --+
    state  -> linear --------------+-> tokens (T, D) -> encoder -> (T, D) -> decoder -> (C, A)
    latent (constant) -------------+                                  weights (L, H, C, T)
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

RESNET_STAGES = ("layer1", "layer2", "layer3", "layer4")


class ForwardResult(NamedTuple):
    """One pass: normalised chunk (C, A), attention (L, H, C, T), encoder tokens (T, D).

    encoder_attention: (H, T, T), the self-attention of the encoder layer asked for, if any.
    """

    chunk: Tensor
    attention: Tensor
    tokens: Tensor
    encoder_attention: Tensor | None = None


class Forward(Protocol):
    """A forward pass at batch size 1."""

    def __call__(
        self,
        images: Sequence[Tensor],
        state: Tensor | None,
        environment: Tensor | None,
        encoder_layer: int | None = None,
    ) -> ForwardResult:
        """Normalised inputs: images (1, 3, H, W) in the policy's order, vectors (1, dim).

        encoder_layer: the encoder layer whose self-attention the result shall hold.
        """
        ...


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
        for layer in _children(stack.layers):
            if type(layer).__name__ != layer_type:
                return f"a {type(layer).__name__} stands for {layer_type}"
            for attention in attentions:
                module = getattr(layer, attention)
                if type(module) is not nn.MultiheadAttention or module.in_proj_bias is None:
                    return f"{attention} is a {type(module).__name__}"
            if any(type(linear) is not nn.Linear for linear in (layer.linear1, layer.linear2)):
                return "a feed-forward layer is not nn.Linear"
    backbone = getattr(model, "backbone", None)
    return None if backbone is None else _why_backbone_unsupported(backbone)


def _why_backbone_unsupported(backbone: nn.Module) -> str | None:
    names = [name for name, _ in backbone.named_children()]
    if names != ["conv1", "bn1", "relu", "maxpool", *RESNET_STAGES]:
        return f"the backbone is not a ResNet cut after layer4 but has {', '.join(names)}"
    for stage in RESNET_STAGES:
        for block in _children(backbone.get_submodule(stage)):
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


class FastForward:
    """The written-out pass. It holds its own copy of the backbone and shares the rest.

    Args:
        model: a lerobot ACT module for which why_unsupported() is None, in evaluation mode,
            float32.
        sizes: (rows, cols) of the feature map of each camera, in the policy's order.
    """

    @torch.inference_mode()
    def __init__(self, model: Any, sizes: Sequence[tuple[int, int]]) -> None:
        self._model = model
        self._resnet = _FoldedResNet(model.backbone) if sizes else None
        self._latent = model.encoder_latent_input_proj.bias[None]
        embeddings = [model.encoder_1d_feature_pos_embed.weight]
        for rows, cols in sizes:
            grid = self._latent.new_zeros(1, 1, rows, cols)
            embeddings.append(model.encoder_cam_feat_pos_embed(grid)[0].flatten(1).T)
        positions = torch.cat(embeddings)  # (T, D)
        queries = model.decoder_pos_embed.weight  # (C, D)
        self._encoder = [_EncoderLayer(layer, positions) for layer in model.encoder.layers]
        self._decoder = [_DecoderLayer(layer, queries, positions) for layer in model.decoder.layers]
        self._start = torch.zeros_like(queries)
        if self._decoder:
            self._decoder[0].fix_input(self._start)

    @torch.inference_mode()
    def __call__(
        self,
        images: Sequence[Tensor],
        state: Tensor | None,
        environment: Tensor | None,
        encoder_layer: int | None = None,
    ) -> ForwardResult:
        """Normalised inputs: images (1, 3, H, W) in the policy's order, vectors (1, dim)."""
        model = self._model
        parts = [self._latent]
        if state is not None:
            parts.append(model.encoder_robot_state_input_proj(state))
        if environment is not None:
            parts.append(model.encoder_env_state_input_proj(environment))
        parts.extend(self._camera_tokens(images))
        tokens = torch.cat(parts)  # (T, D)
        encoder_attention = None
        for index, layer in enumerate(self._encoder):
            tokens, shown = layer(tokens, show=index == encoder_layer)
            if shown is not None:
                encoder_attention = shown
        tokens = model.encoder.norm(tokens)
        x, weights = self._start, []
        for decoder_layer in self._decoder:
            x, attention = decoder_layer(x, tokens)
            weights.append(attention)
        if model.decoder.norm is not None:
            x = model.decoder.norm(x)
        return ForwardResult(model.action_head(x), torch.stack(weights), tokens, encoder_attention)

    def _camera_tokens(self, images: Sequence[Tensor]) -> Iterator[Tensor]:
        if self._resnet is None:
            return
        by_size: dict[tuple[int, ...], list[int]] = {}
        for index, image in enumerate(images):
            by_size.setdefault(tuple(image.shape), []).append(index)
        blocks: dict[int, Tensor] = {}
        for indices in by_size.values():
            batch = torch.cat([images[index] for index in indices])
            features = self._model.encoder_img_feat_input_proj(self._resnet(batch))
            rows = features.flatten(2).transpose(1, 2)  # (cameras, cells, D)
            blocks.update(zip(indices, rows, strict=True))
        yield from (blocks[index] for index in range(len(images)))


class _EncoderLayer:
    def __init__(self, layer: Any, positions: Tensor) -> None:
        self._layer = layer
        self._attention = _SelfAttention(layer.self_attn, positions)

    def __call__(self, x: Tensor, *, show: bool = False) -> tuple[Tensor, Tensor | None]:
        """The layer's output (T, D), and its attention (H, T, T) if it is to be shown."""
        layer = self._layer
        mixed, weights = self._attention(layer.norm1(x) if layer.pre_norm else x, show=show)
        if layer.pre_norm:
            x = x + mixed
            return x + _feed_forward(layer, layer.norm2(x)), weights
        x = layer.norm1(x + mixed)
        return layer.norm2(x + _feed_forward(layer, x)), weights


class _DecoderLayer:
    """Self-attention among the queries, cross-attention to the encoder's tokens."""

    def __init__(self, layer: Any, queries: Tensor, positions: Tensor) -> None:
        self._layer = layer
        self._attention = _SelfAttention(layer.self_attn, queries)
        cross = layer.multihead_attn
        dim, heads = cross.embed_dim, cross.num_heads
        weight, bias = cross.in_proj_weight, cross.in_proj_bias
        # The softmax' 1/sqrt(head dim) is folded into the queries' weights.
        scale = 1 / math.sqrt(dim // heads)
        self._heads = heads
        self._query_weight = weight[:dim] * scale
        self._query_bias = functional.linear(queries, weight[:dim], bias[:dim]) * scale  # (C, D)
        self._key_value_weight = weight[dim:]
        self._key_value_bias = bias[dim:].repeat(len(positions), 1)  # (T, 2D)
        self._key_value_bias[:, :dim] += positions @ weight[dim : 2 * dim].T
        self._fixed: tuple[Tensor, Tensor] | None = None

    def fix_input(self, x: Tensor) -> None:
        """Do the part before the cross-attention once, for an input that never changes."""
        self._fixed = self._before_cross_attention(x)

    def __call__(self, x: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        layer = self._layer
        skip, query = self._before_cross_attention(x) if self._fixed is None else self._fixed
        key_value = torch.addmm(self._key_value_bias, tokens, self._key_value_weight.T)
        key, value = key_value.view(len(tokens), 2, self._heads, -1).permute(1, 2, 0, 3)
        weights = torch.softmax(query @ key.transpose(1, 2), dim=-1)  # (H, C, T)
        mixed = (weights @ value).transpose(0, 1).flatten(1)  # (C, D)
        x = skip + layer.multihead_attn.out_proj(mixed)
        if layer.pre_norm:
            return x + _feed_forward(layer, layer.norm3(x)), weights
        x = layer.norm2(x)
        return layer.norm3(x + _feed_forward(layer, x)), weights

    def _before_cross_attention(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The skip connection (C, D) and the scaled queries (H, C, D / H)."""
        layer = self._layer
        if layer.pre_norm:
            skip = x + self._attention(layer.norm1(x))[0]
            x = layer.norm2(skip)
        else:
            skip = x = layer.norm1(x + self._attention(x)[0])
        query = torch.addmm(self._query_bias, x, self._query_weight.T)
        return skip, query.view(len(x), self._heads, -1).transpose(0, 1)


class _SelfAttention:
    """nn.MultiheadAttention(x + positions, x + positions, x), with its weights if asked for."""

    def __init__(self, attention: nn.MultiheadAttention, positions: Tensor) -> None:
        dim = attention.embed_dim
        weight, bias = attention.in_proj_weight, attention.in_proj_bias
        self._heads = attention.num_heads
        self._weight = weight
        self._bias = bias.repeat(len(positions), 1)  # (S, 3D)
        self._bias[:, : 2 * dim] += positions @ weight[: 2 * dim].T
        self._out = attention.out_proj

    def __call__(self, x: Tensor, *, show: bool = False) -> tuple[Tensor, Tensor | None]:
        projected = torch.addmm(self._bias, x, self._weight.T)
        query, key, value = projected.view(len(x), 3, self._heads, -1).permute(1, 2, 0, 3)
        weights = None
        if show:
            weights = torch.softmax(query @ key.transpose(1, 2) / math.sqrt(key.shape[-1]), dim=-1)
            mixed = weights @ value
        else:
            attend = functional.scaled_dot_product_attention
            mixed = attend(query[None], key[None], value[None])[0]
        return self._out(mixed.transpose(0, 1).flatten(1)), weights


def _feed_forward(layer: Any, x: Tensor) -> Tensor:
    out: Tensor = layer.linear2(layer.activation(layer.linear1(x)))
    return out


class _FoldedResNet:
    """The backbone up to layer4, each BatchNorm folded into the convolution before it."""

    def __init__(self, backbone: Any) -> None:
        self._stem = _fold(backbone["conv1"], backbone["bn1"])
        self._maxpool = backbone["maxpool"]
        self._blocks = [
            _FoldedBlock(block) for stage in RESNET_STAGES for block in _children(backbone[stage])
        ]

    def __call__(self, x: Tensor) -> Tensor:
        x = x.contiguous(memory_format=torch.channels_last)
        x = self._maxpool(functional.relu_(self._stem(x)))
        for block in self._blocks:
            x = block(x)
        return x


class _FoldedBlock:
    """A BasicBlock or a Bottleneck of torchvision's ResNet."""

    def __init__(self, block: Any) -> None:
        last = 2 if type(block).__name__ == "BasicBlock" else 3
        self._convolutions = [
            _fold(getattr(block, f"conv{i}"), getattr(block, f"bn{i}")) for i in range(1, last + 1)
        ]
        self._shortcut = None if block.downsample is None else _fold(*block.downsample)

    def __call__(self, x: Tensor) -> Tensor:
        y = x
        for convolution in self._convolutions[:-1]:
            y = functional.relu_(convolution(y))
        y = self._convolutions[-1](y)
        return functional.relu_(y.add_(x if self._shortcut is None else self._shortcut(x)))


def _fold(convolution: nn.Conv2d, norm: Any) -> nn.Conv2d:
    """One convolution that does both; folded in float64."""
    scale = norm.weight.double() * (norm.running_var.double() + norm.eps).rsqrt()
    bias = norm.bias.double() - norm.running_mean.double() * scale
    if convolution.bias is not None:
        bias = bias + convolution.bias.double() * scale
    weight = convolution.weight.double() * scale[:, None, None, None]
    folded = nn.Conv2d(
        convolution.in_channels,
        convolution.out_channels,
        convolution.kernel_size,  # type: ignore[arg-type]
        convolution.stride,  # type: ignore[arg-type]
        convolution.padding,  # type: ignore[arg-type]
        convolution.dilation,  # type: ignore[arg-type]
        convolution.groups,
        device="meta",
    )
    dtype = convolution.weight.dtype
    contiguous = weight.to(dtype).contiguous(memory_format=torch.channels_last)
    folded.weight = nn.Parameter(contiguous, requires_grad=False)
    folded.bias = nn.Parameter(bias.to(dtype), requires_grad=False)
    return folded


def _children(module: Any) -> list[Any]:
    return list(module.children())
