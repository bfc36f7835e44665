# SPDX-License-Identifier: Apache-2.0
"""ACT's inference pass, written out from the weights of a lerobot ACT module.

The same function as `lerobot.policies.act.modeling_act.ACT.forward` in evaluation mode, to float
precision, and the decoder's cross-attention weights with it:

- BatchNorm is folded into the convolutions, channels come last, cameras of one size are one batch.
- What does not depend on the observation is computed once: the latent token (zero latent), all
  position embeddings times the query and key weights, and the first decoder layer up to its
  cross-attention, since the decoder's input is zero.
- The cross-attention is written out, so its weights cost nothing extra. Those of an encoder layer
  are computed from that layer's input, when somebody asks.

    images -> ResNet -> 1x1 conv --+
    state  -> linear --------------+-> tokens (B, T, D) -> encoder -> decoder -> (B, C, A)
    latent (constant) -------------+                                  weights (B, L, H, C, T)

With kernels in bfloat16 the matrix products are in bfloat16; the tokens between the layers, the
norms and the cross-attention's softmax stay float32.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pam_ros.policy.act.kernels import FoldedConvolution
from pam_ros.policy.act.resnet import FoldedResNet

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pam_ros.policy.act.kernels import Kernels
    from pam_ros.policy.act.passes import Edit


_LARGE = 256
"""Tokens above which the weights of several heads do not fit into a processor's cache."""


class ActGraph(nn.Module):
    """The written-out pass. It holds its own copy of the weights.

    Args:
        model: a lerobot ACT module that act_supported.why_unsupported() passes, in evaluation mode,
            float32.
        sizes: (rows, cols) of the feature map of each camera, in the policy's order.
        kernels: what it computes with.
    """

    latent: Tensor

    @torch.no_grad()
    def __init__(self, model: Any, sizes: Sequence[tuple[int, int]], kernels: Kernels) -> None:
        super().__init__()
        self.register_buffer("latent", model.encoder_latent_input_proj.bias[None, None].clone())
        embeddings = [model.encoder_1d_feature_pos_embed.weight]
        for rows, cols in sizes:
            grid = self.latent.new_zeros(1, 1, rows, cols)
            embeddings.append(model.encoder_cam_feat_pos_embed(grid)[0].flatten(1).T)
        positions = torch.cat(embeddings)  # (T, D)
        queries = model.decoder_pos_embed.weight  # (C, D)
        self.resnet: FoldedResNet | None = None
        self.project: nn.Module | None = None
        self.state: nn.Module | None = None
        self.environment: nn.Module | None = None
        if model.config.robot_state_feature:
            self.state = _affine(kernels, model.encoder_robot_state_input_proj)
        if model.config.env_state_feature:
            self.environment = _affine(kernels, model.encoder_env_state_input_proj)
        if sizes:
            self.resnet = FoldedResNet(model.backbone, kernels)
            project = model.encoder_img_feat_input_proj
            geometry = project.stride, project.padding, project.dilation, project.groups
            folded = FoldedConvolution(project.weight, project.bias, *geometry)
            self.project = kernels.convolution(folded, relu=False)
        self.encoder = nn.ModuleList(
            EncoderLayer(layer, positions, kernels) for layer in model.encoder.layers
        )
        self.encoder_norm = model.encoder.norm
        start = torch.zeros_like(queries)[None]
        self.decoder = nn.ModuleList(
            DecoderLayer(layer, queries, positions, kernels, start if index == 0 else None)
            for index, layer in enumerate(model.decoder.layers)
        )
        self.decoder_norm = model.decoder.norm
        self.head = _affine(kernels, model.action_head)

    def forward(
        self,
        images: Sequence[Tensor],
        state: Tensor | None,
        environment: Tensor | None,
        edit: Edit | None = None,
    ) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """Chunk, attention and places of passes.Pass, from the inputs of passes.Prepared."""
        return self.with_weights(images, state, environment, edit, {})

    def with_weights(
        self,
        images: Sequence[Tensor],
        state: Tensor | None,
        environment: Tensor | None,
        edit: Edit | None,
        shown: dict[int, Tensor],
        *,
        mean_over_heads: bool = False,
    ) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """As forward, and fills `shown`, by encoder layer, with what encoder_attentions gives.

        Computing the weights on the way saves their queries, keys and products, which
        encoder_attentions has to compute again from the tokens.
        """
        tokens = self.embed(images, state, environment)
        places = self._encode(tokens, edit, shown, mean_over_heads=mean_over_heads)
        chunk, weights = self._decode(places[-1])
        return chunk, torch.stack(weights, dim=1), places

    def chunk_of(self, tokens: Tensor) -> Tensor:
        """The chunk (B, C, A) of the tokens (B, T, D) that the encoder reads; see embed."""
        for step in (*self.encoder, self.encoder_norm):
            tokens = step(tokens)
        return self._decode(tokens)[0]

    def _decode(self, tokens: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The chunk, and each layer's weights, of the encoder's output."""
        x = None
        weights = []
        for layer in self.decoder:
            x, attention = layer(x, tokens)
            weights.append(attention)
        return self.head(self.decoder_norm(x)).float(), weights

    def encoder_attentions(
        self, layers: Collection[int], places: Sequence[Tensor], *, mean_over_heads: bool = False
    ) -> dict[int, Tensor]:
        """{layer: self-attention weights (B, H, T, T), or their mean (B, 1, T, T)}."""
        chosen: dict[int, Any] = {layer: self.encoder[layer] for layer in layers}
        return {
            index: layer.weights(places[index], mean_over_heads=mean_over_heads)
            for index, layer in chosen.items()
        }

    def embed(
        self, images: Sequence[Tensor], state: Tensor | None, environment: Tensor | None
    ) -> Tensor:
        """The tokens (B, T, D) that the encoder reads, float32."""
        parts: list[Tensor] = []
        if self.state is not None:
            assert state is not None
            parts.append(self.state(state[:, None]).float())
        if self.environment is not None:
            assert environment is not None
            parts.append(self.environment(environment[:, None]).float())
        parts.extend(self._camera_tokens(images))
        return torch.cat([self.latent.expand(parts[0].shape[0], -1, -1), *parts], dim=1)

    def _camera_tokens(self, images: Sequence[Tensor]) -> list[Tensor]:
        if self.resnet is None or self.project is None:
            return []
        by_size: dict[tuple[int, ...], list[int]] = {}
        for index, image in enumerate(images):
            by_size.setdefault(tuple(image.shape), []).append(index)
        blocks: dict[int, Tensor] = {}
        for indices in by_size.values():
            alike = [images[index] for index in indices]
            batch = alike[0] if len(alike) == 1 else torch.cat(alike)
            features = self.project(self.resnet(batch))
            rows = features.flatten(2).transpose(1, 2).float()  # (cameras * B, cells, D)
            blocks.update(zip(indices, rows.chunk(len(indices)), strict=True))
        return [blocks[index] for index in range(len(images))]

    def _encode(
        self,
        tokens: Tensor,
        edit: Edit | None,
        shown: dict[int, Tensor],
        *,
        mean_over_heads: bool,
    ) -> tuple[Tensor, ...]:
        """The tokens at every place; the values of `shown` are replaced by weights."""
        places: list[Tensor] = []
        for index, step in enumerate((None, *self.encoder, self.encoder_norm)):
            layer = index - 1
            if step is not None and layer in shown:
                tokens, shown[layer] = step.with_weights(tokens, mean_over_heads=mean_over_heads)
            elif step is not None:
                tokens = step(tokens)
            if edit is not None:
                tokens = edit(index, tokens)
            places.append(tokens)
        return tuple(places)


class EncoderLayer(nn.Module):
    """(B, T, D) to (B, T, D)."""

    def __init__(self, layer: Any, positions: Tensor, kernels: Kernels) -> None:
        super().__init__()
        self.pre_norm = layer.pre_norm
        self.attention = _SelfAttention(layer.self_attn, positions, kernels)
        self.norm1, self.norm2 = layer.norm1, layer.norm2
        self.linear1 = _affine(kernels, layer.linear1, layer.activation)
        self.linear2 = _affine(kernels, layer.linear2)

    def forward(self, x: Tensor) -> Tensor:
        """The layer's output."""
        return self._after(self.attention(self._read(x), x))

    def with_weights(self, x: Tensor, *, mean_over_heads: bool) -> tuple[Tensor, Tensor]:
        """The layer's output, and what weights gives."""
        attended, weights = self.attention.with_weights(self._read(x), x, mean_over_heads)
        return self._after(attended), weights

    def weights(self, x: Tensor, *, mean_over_heads: bool) -> Tensor:
        """Its self-attention weights (B, H, T, T) on an input, or their mean (B, 1, T, T)."""
        return self.attention.weights(self._read(x), mean_over_heads)

    def _read(self, x: Tensor) -> Tensor:
        """What the attention reads."""
        return self.norm1(x) if self.pre_norm else x

    def _after(self, attended: Tensor) -> Tensor:
        if self.pre_norm:
            out: Tensor = self.linear2(self.linear1(self.norm2(attended)), attended)
            return out
        x = self.norm1(attended)
        normed: Tensor = self.norm2(self.linear2(self.linear1(x), x))
        return normed


class DecoderLayer(nn.Module):
    """Self-attention among the queries, cross-attention to the encoder's tokens.

    fixed: this layer's input (1, C, D) where it never changes: what comes before the
        cross-attention is then computed once.
    """

    def __init__(
        self,
        layer: Any,
        queries: Tensor,
        positions: Tensor,
        kernels: Kernels,
        fixed: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.pre_norm = layer.pre_norm
        self.norms = nn.ModuleList([layer.norm1, layer.norm2, layer.norm3])
        cross = layer.multihead_attn
        dim, self.heads = cross.embed_dim, cross.num_heads
        weight, bias = cross.in_proj_weight, cross.in_proj_bias
        # The softmax' 1/sqrt(head dim) is folded into the queries' weights.
        scale = 1 / math.sqrt(dim // self.heads)
        query_bias = functional.linear(queries, weight[:dim], bias[:dim]) * scale  # (C, D)
        key_bias = functional.linear(positions, weight[dim : 2 * dim], bias[dim : 2 * dim])
        self.attention: nn.Module | None = _SelfAttention(layer.self_attn, queries, kernels)
        self.query: nn.Module | None = kernels.affine(weight[:dim] * scale, query_bias)
        self.key = kernels.affine(weight[dim : 2 * dim], key_bias)
        self.value = kernels.affine(weight[2 * dim :], bias[2 * dim :])
        self.out = _affine(kernels, cross.out_proj)
        self.linear1 = _affine(kernels, layer.linear1, layer.activation)
        self.linear2 = _affine(kernels, layer.linear2)
        self.fixed_skip: Tensor | None
        self.fixed_query: Tensor | None
        skip = query = None
        if fixed is not None:
            skip, query = self._before_cross_attention(fixed)
            self.attention = self.query = None
        self.register_buffer("fixed_skip", skip)
        self.register_buffer("fixed_query", query)

    def forward(self, x: Tensor | None, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """The layer's output (B, C, D) and its cross-attention weights (B, H, C, T).

        x: (B, C, D); None where the input is fixed.
        """
        skip, query = self.fixed_skip, self.fixed_query
        if skip is None or query is None:
            assert x is not None
            skip, query = self._before_cross_attention(x)
        key, value = (_heads(linear(tokens), self.heads) for linear in (self.key, self.value))
        weights = torch.softmax(query @ key.transpose(2, 3), dim=-1, dtype=torch.float32)
        mixed = (weights.to(value.dtype) @ value).transpose(1, 2).flatten(2)  # (B, C, D)
        norm2, norm3 = self.norms[1:]
        x = self.out(mixed) + skip
        if self.pre_norm:
            return self.linear2(self.linear1(norm3(x)), x), weights
        x = norm2(x)
        return norm3(self.linear2(self.linear1(x), x)), weights

    def _before_cross_attention(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The skip connection (B, C, D) and the scaled queries (B, H, C, D / H)."""
        assert self.attention is not None
        assert self.query is not None
        norm1, norm2 = self.norms[:2]
        if self.pre_norm:
            skip = self.attention(norm1(x), x)
            x = norm2(skip)
        else:
            skip = x = norm1(self.attention(x, x))
        return skip, _heads(self.query(x), self.heads)


class _SelfAttention(nn.Module):
    """nn.MultiheadAttention(x + positions, x + positions, x) + skip."""

    def __init__(
        self, attention: nn.MultiheadAttention, positions: Tensor, kernels: Kernels
    ) -> None:
        super().__init__()
        dim = attention.embed_dim
        weight, bias = attention.in_proj_weight, attention.in_proj_bias
        assert weight is not None
        self.heads = attention.num_heads
        biases = bias.repeat(len(positions), 1)  # (S, 3D)
        biases[:, : 2 * dim] += positions @ weight[: 2 * dim].T
        self.project = kernels.affine(weight, biases)
        self.out = _affine(kernels, attention.out_proj)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        query, key, value = self._split(x)
        mixed = functional.scaled_dot_product_attention(query, key, value)
        out: Tensor = self.out(mixed.transpose(1, 2).flatten(2), skip)
        return out

    def with_weights(self, x: Tensor, skip: Tensor, mean_over_heads: bool) -> tuple[Tensor, Tensor]:
        """What forward gives, and what weights gives."""
        query, key, value = self._split(x)
        mixed = torch.empty_like(query)
        shown = _weights(query, key, mean_over_heads, value, mixed)
        out: Tensor = self.out(mixed.transpose(1, 2).flatten(2), skip)
        return out, shown

    def weights(self, x: Tensor, mean_over_heads: bool) -> Tensor:
        """(B, H, S, S), or the mean over heads (B, 1, S, S)."""
        query, key, _ = self._split(x)
        return _weights(query, key, mean_over_heads)

    def _split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values (B, H, S, D / H)."""
        projected = self.project(x)
        query, key, value = (_heads(part, self.heads) for part in projected.chunk(3, dim=-1))
        return query, key, value


def _weights(
    query: Tensor,
    key: Tensor,
    mean_over_heads: bool,
    value: Tensor | None = None,
    mixed: Tensor | None = None,
) -> Tensor:
    """Softmax weights (B, H, S, S) float32, or their mean (B, 1, S, S).

    query, key, value: (B, H, S, D / H). mixed: of that shape, filled with weights @ value.
    """
    heads, tokens = query.shape[1:3]
    query, key = query / math.sqrt(key.shape[-1]), key.transpose(2, 3)

    def of(some: slice) -> Tensor:
        weights = torch.softmax(query[:, some] @ key[:, some], dim=-1, dtype=torch.float32)
        if value is not None and mixed is not None:
            mixed[:, some] = weights.to(value.dtype) @ value[:, some]
        return weights

    if not mean_over_heads:
        return of(slice(None))
    if query.is_cuda or tokens <= _LARGE:
        return of(slice(None)).mean(dim=1, keepdim=True)
    total = of(slice(0, 1))
    for head in range(1, heads):
        total += of(slice(head, head + 1))
    return total.div_(heads)


def _heads(x: Tensor, heads: int) -> Tensor:
    """(B, S, D) to (B, H, S, D / H)."""
    batch, tokens, dim = x.shape
    return x.view(batch, tokens, heads, dim // heads).transpose(1, 2)


def _affine(kernels: Kernels, linear: nn.Linear, activation: Any = None) -> nn.Module:
    bias = linear.weight.new_zeros(linear.out_features) if linear.bias is None else linear.bias
    return kernels.affine(linear.weight, bias, activation)
