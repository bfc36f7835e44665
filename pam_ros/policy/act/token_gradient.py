# SPDX-License-Identifier: Apache-2.0
"""The gradient of a chunk with respect to the tokens that the encoder reads, without autograd.

The transformer of graph.py forwards, then each operation's pullback in reverse order; see
pullbacks.py. The weights are those of a written-out pass with plain kernels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from pam_ros.policy.act.kernels import PlainKernels
from pam_ros.policy.act.pullbacks import (
    Affine,
    Norm,
    activate,
    attend,
    join_heads,
    split_heads,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from pam_ros.policy.act.graph import ActGraph
    from pam_ros.policy.act.kernels import Kernels
    from pam_ros.policy.act.pullbacks import Pullback

    DecoderPullback = Callable[[Tensor], tuple[Tensor | None, Tensor]]


class TokenGradient(nn.Module):
    """From tokens and a direction to the gradient of the chunk along it, and the chunk.

    Args:
        graph: a pass of PlainKernels.
        kernels: what multiplies; plain ones in float32 to begin with.
    """

    def __init__(self, graph: ActGraph, kernels: Kernels | None = None) -> None:
        super().__init__()
        kernels = PlainKernels() if kernels is None else kernels
        self._encoder = nn.ModuleList(_Encoder(layer, kernels) for layer in graph.encoder)
        self._decoder = nn.ModuleList(_Decoder(layer, kernels) for layer in graph.decoder)
        self._norms = nn.ModuleList([Norm(graph.encoder_norm), Norm(graph.decoder_norm)])
        self._head = _affine(graph.head, kernels)

    def forward(self, tokens: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
        """The gradient (1, T, D) of sum(chunk * direction), and the chunk (1, C, A).

        Args:
            tokens: (1, T, D) float32, what the encoder reads.
            direction: (C, A) float32.
        """
        chunk, back = self.chunk_and_pullback(tokens)
        return back(direction[None]), chunk

    def chunk_and_pullback(self, tokens: Tensor) -> tuple[Tensor, Pullback]:
        """The chunk (1, C, A), and from its gradient to that of the tokens."""
        encoder_norm, decoder_norm = self._norms
        pullbacks: list[Pullback] = []
        for step in (*self._encoder, encoder_norm):
            tokens, back_of_step = step(tokens)
            pullbacks.append(back_of_step)
        x: Tensor | None = None
        decoding: list[DecoderPullback] = []
        for layer in self._decoder:
            x, back_of_layer = layer(x, tokens)
            decoding.append(back_of_layer)
        assert x is not None  # there is a decoder layer at least
        x, back_of_norm = decoder_norm(x)
        chunk, back_of_head = self._head(x)

        def back(gradient: Tensor) -> Tensor:
            of_x: Tensor | None = back_of_norm(back_of_head(gradient).float())
            of_tokens: Tensor | None = None
            for pullback in reversed(decoding):
                assert of_x is not None
                of_x, more = pullback(of_x)
                of_tokens = more if of_tokens is None else of_tokens + more
            assert of_tokens is not None
            for step_back in reversed(pullbacks):
                of_tokens = step_back(of_tokens)
            return of_tokens

        return chunk.float(), back


class _FeedForward(nn.Module):
    def __init__(self, layer: Any, kernels: Kernels) -> None:
        super().__init__()
        self._first = _affine(layer.linear1, kernels)
        self._second = _affine(layer.linear2, kernels)
        self._activation = layer.linear1.activation

    def forward(self, x: Tensor) -> tuple[Tensor, Pullback]:
        hidden, back_of_first = self._first(x)
        active, back_of_activation = activate(hidden, self._activation)
        y, back_of_second = self._second(active)

        def back(gradient: Tensor) -> Tensor:
            return back_of_first(back_of_activation(back_of_second(gradient)))  # type: ignore[no-any-return]

        return y, back


class _SelfAttention(nn.Module):
    """graph._SelfAttention without its skip connection."""

    def __init__(self, attention: Any, kernels: Kernels) -> None:
        super().__init__()
        self._heads = attention.heads
        weight, bias = attention.project.weight.float(), attention.project.bias.float()
        dim = weight.shape[1]
        scale = weight.new_ones(3 * dim)
        scale[:dim] = (dim // self._heads) ** -0.5
        self._project = Affine(weight * scale[:, None], bias * scale, kernels)
        self._out = _affine(attention.out, kernels)

    def forward(self, x: Tensor) -> tuple[Tensor, Pullback]:
        projected, back_of_project = self._project(x)
        parts = (split_heads(part, self._heads) for part in projected.chunk(3, dim=-1))
        mixed, back_of_attention = attend(*parts)
        y, back_of_out = self._out(join_heads(mixed))

        def back(gradient: Tensor) -> Tensor:
            mixed_gradient = split_heads(back_of_out(gradient), self._heads)
            found = [join_heads(part) for part in back_of_attention(mixed_gradient)]
            return back_of_project(torch.cat(found, dim=-1))  # type: ignore[no-any-return]

        return y, back


class _Encoder(nn.Module):
    """graph.EncoderLayer."""

    def __init__(self, layer: Any, kernels: Kernels) -> None:
        super().__init__()
        self._pre_norm = layer.pre_norm
        self._attention = _SelfAttention(layer.attention, kernels)
        self._norms = nn.ModuleList([Norm(layer.norm1), Norm(layer.norm2)])
        self._feed_forward = _FeedForward(layer, kernels)

    def forward(self, x: Tensor) -> tuple[Tensor, Pullback]:
        first, second = self._norms
        if self._pre_norm:
            x, back_of_attention = _residual_of_normed(x, first, self._attention)
            x, back_of_rest = _residual_of_normed(x, second, self._feed_forward)
        else:
            x, back_of_attention = _normed_residual(x, first, self._attention)
            x, back_of_rest = _normed_residual(x, second, self._feed_forward)
        return x, lambda gradient: back_of_attention(back_of_rest(gradient))


class _Decoder(nn.Module):
    """graph.DecoderLayer; the pullback gives that of x, None if it is fixed, and of the tokens."""

    fixed_skip: Tensor
    fixed_query: Tensor

    def __init__(self, layer: Any, kernels: Kernels) -> None:
        super().__init__()
        self._pre_norm, self._heads = layer.pre_norm, layer.heads
        self._norms = nn.ModuleList(Norm(norm) for norm in layer.norms)
        self._key, self._value, self._out = (
            _affine(linear, kernels) for linear in (layer.key, layer.value, layer.out)
        )
        self._feed_forward = _FeedForward(layer, kernels)
        self._attention = self._query = None
        if layer.attention is not None:
            self._attention = _SelfAttention(layer.attention, kernels)
            self._query = _affine(layer.query, kernels)
        for name in ("fixed_skip", "fixed_query"):
            fixed = getattr(layer, name)
            self.register_buffer(name, None if fixed is None else fixed.float())

    def forward(self, x: Tensor | None, tokens: Tensor) -> tuple[Tensor, DecoderPullback]:
        skip, query, back_before = self._before(x)
        key, back_of_key = self._key(tokens)
        value, back_of_value = self._value(tokens)
        mixed, back_of_attention = attend(
            query.to(key.dtype), split_heads(key, self._heads), split_heads(value, self._heads)
        )
        out, back_of_out = self._out(join_heads(mixed))
        _, norm2, norm3 = self._norms
        x = skip + out
        if self._pre_norm:
            x, back_of_rest = _residual_of_normed(x, norm3, self._feed_forward)
        else:
            x, back_of_norm = norm2(x)
            x, back_of_feed = _normed_residual(x, norm3, self._feed_forward)

            def back_of_rest(gradient: Tensor) -> Tensor:
                return back_of_norm(back_of_feed(gradient))  # type: ignore[no-any-return]

        def back(gradient: Tensor) -> tuple[Tensor | None, Tensor]:
            gradient = back_of_rest(gradient)
            of_mixed = split_heads(back_of_out(gradient), self._heads)
            of_query, of_key, of_value = back_of_attention(of_mixed)
            of_tokens = back_of_key(join_heads(of_key)).float()
            of_tokens = of_tokens + back_of_value(join_heads(of_value))
            of_x = None if back_before is None else back_before(gradient, of_query)
            return of_x, of_tokens

        return x, back

    def _before(
        self, x: Tensor | None
    ) -> tuple[Tensor, Tensor, Callable[[Tensor, Tensor], Tensor] | None]:
        """The skip connection, the queries (B, H, C, d), and from both gradients to that of x."""
        if self._attention is None or self._query is None:
            return self.fixed_skip, self.fixed_query, None
        assert x is not None
        norm1, norm2, _ = self._norms
        if self._pre_norm:
            skip, back_of_attention = _residual_of_normed(x, norm1, self._attention)
            read, back_of_norm = norm2(skip)
        else:
            skip, back_of_attention = _normed_residual(x, norm1, self._attention)
            read, back_of_norm = skip, None
        query, back_of_query = self._query(read)

        def back(of_skip: Tensor, of_query: Tensor) -> Tensor:
            of_read = back_of_query(join_heads(of_query)).float()
            if back_of_norm is not None:
                of_read = back_of_norm(of_read)
            return back_of_attention(of_skip + of_read)

        return skip, split_heads(query, self._heads), back


def _residual_of_normed(x: Tensor, norm: nn.Module, branch: nn.Module) -> tuple[Tensor, Pullback]:
    """X + branch(norm(x))."""
    normed, back_of_norm = norm(x)
    y, back_of_branch = branch(normed)
    return x + y, lambda g: g + back_of_norm(back_of_branch(g).float())


def _normed_residual(x: Tensor, norm: nn.Module, branch: nn.Module) -> tuple[Tensor, Pullback]:
    """norm(x + branch(x))."""
    y, back_of_branch = branch(x)
    normed, back_of_norm = norm(x + y)

    def back(gradient: Tensor) -> Tensor:
        gradient = back_of_norm(gradient)
        return gradient + back_of_branch(gradient)  # type: ignore[no-any-return]

    return normed, back


def _affine(linear: Any, kernels: Kernels) -> Affine:
    return Affine(linear.weight.float(), linear.bias.float(), kernels)
