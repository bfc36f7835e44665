# SPDX-License-Identifier: Apache-2.0
"""Operations of a transformer, each with its gradient written out: no autograd.

An operation gives its value and a pullback: from the gradient of some number with respect to the
value to that with respect to the input. Pullbacks run in reverse order are reverse-mode
differentiation (Griewank and Walther, "Evaluating Derivatives", 2008, chapter 3). Nothing is
differentiated with respect to weights, which half of a usual backward pass is for.

All is made of operations that tracers and compilers understand.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable

    from pam_ros.policy.act.kernels import Kernels

    Pullback = Callable[[Tensor], Tensor]


class Affine(nn.Module):
    """x W^T + b; its pullback is g W.

    Args:
        weight: (out, in).
        bias: (out) or one per token, (T, out).
        kernels: what multiplies.
    """

    def __init__(self, weight: Tensor, bias: Tensor, kernels: Kernels) -> None:
        super().__init__()
        self._there = kernels.affine(weight, bias)
        self._back = kernels.affine(weight.T.contiguous(), bias.new_zeros(weight.shape[1]))

    def forward(self, x: Tensor) -> tuple[Tensor, Pullback]:
        """Of x (B, T, in)."""
        return self._there(x), self._back


class Norm(nn.Module):
    """Layer normalisation (Ba, Kiros and Hinton, 2016): h = (x - mean) / deviation; y = w h + b.

    The pullback of g, with g' = w g: (g' - mean(g') - h mean(g' h)) / deviation.

    Args:
        norm: nn.LayerNorm over the last axis, or nn.Identity.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, norm: Any) -> None:
        super().__init__()
        self._identity = isinstance(norm, nn.Identity)
        if self._identity:
            return
        self._eps: float = norm.eps
        size = norm.normalized_shape[0]
        weight = torch.ones(size) if norm.weight is None else norm.weight.detach()
        bias = torch.zeros_like(weight) if norm.bias is None else norm.bias.detach()
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)

    def forward(self, x: Tensor) -> tuple[Tensor, Pullback]:
        """Of x (..., D)."""
        if self._identity:
            return x, _same
        centred = x - x.mean(-1, keepdim=True)
        inverse = torch.rsqrt((centred * centred).mean(-1, keepdim=True) + self._eps)
        normed = centred * inverse

        def back(gradient: Tensor) -> Tensor:
            scaled = gradient * self.weight
            along = normed * (scaled * normed).mean(-1, keepdim=True)
            return (scaled - scaled.mean(-1, keepdim=True) - along) * inverse

        return normed * self.weight + self.bias, back


def activate(x: Tensor, activation: Callable[[Tensor], Tensor]) -> tuple[Tensor, Pullback]:
    """relu, or gelu by the normal distribution's Phi: x Phi(x), whose slope is Phi(x) + x phi(x).

    Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016.

    Raises:
        ValueError: another activation.
    """
    if activation is functional.relu:
        y = functional.relu(x)
        return y, lambda gradient: gradient * (y > 0).to(gradient.dtype)
    if activation is not functional.gelu:
        message = f"there is no written-out gradient of {activation}"
        raise ValueError(message)
    below = 0.5 * (1 + torch.erf(x * math.sqrt(0.5)))
    density = torch.exp(-0.5 * x * x) * (1 / math.sqrt(2 * math.pi))
    return x * below, lambda gradient: gradient * (below + x * density)


def attend(
    query: Tensor, key: Tensor, value: Tensor
) -> tuple[Tensor, Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]]:
    """P V with P = softmax(Q K^T), and from its gradient to those of Q, K and V.

    dV = P^T G; dS = P (G V^T - rowsum(G O)) with the output O; dQ = dS K; dK = dS^T Q: appendix B.2
    of Dao et al., "FlashAttention", NeurIPS 2022, without its tiles.

    Args:
        query: (B, H, S, d), scaled by 1 / sqrt(d).
        key: (B, H, T, d).
        value: (B, H, T, d).
    """
    weights = torch.softmax(query @ key.transpose(2, 3), dim=-1)
    mixed = weights @ value

    def back(gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        along = (gradient * mixed).sum(-1, keepdim=True)
        scores = weights * (gradient @ value.transpose(2, 3) - along)
        of_key = scores.transpose(2, 3) @ query
        return scores @ key, of_key, weights.transpose(2, 3) @ gradient

    return mixed, back


def split_heads(x: Tensor, heads: int) -> Tensor:
    """(B, S, D) to (B, H, S, D / H)."""
    batch, tokens, dim = x.shape
    return x.reshape(batch, tokens, heads, dim // heads).transpose(1, 2)


def join_heads(x: Tensor) -> Tensor:
    """(B, H, S, D / H) to (B, S, D)."""
    return x.transpose(1, 2).flatten(2)


def _same(gradient: Tensor) -> Tensor:
    return gradient
