# SPDX-License-Identifier: Apache-2.0
"""The inside of torch's nn.MultiheadAttention, which its own forward keeps to itself.

While a visitor is there, the attention is written out as torch computes it where it also gives its
weights, operation by operation, so that a visitor that changes nothing changes no bit:

    pattern = softmax(q k^T / sqrt(dim)),   heads = pattern v,   output = heads W_o + b_o
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch.nn import functional

from pam_ros.policy.hooks.sites import Counter

if TYPE_CHECKING:
    from torch import Tensor, nn

    from pam_ros.policy.hooks.points import HookPoint
    from pam_ros.policy.hooks.sites import Passes, Remove, Visitor

Inside = Literal["pattern", "heads"]


@dataclass(frozen=True, eq=False)
class InsideSite:
    """The pattern (B, heads, queries, keys) or the heads (B, heads, queries, dim) of an attention.

    Its inputs have the batch second and there is no mask, as in lerobot's ACT.
    """

    point: HookPoint
    attention: nn.MultiheadAttention
    inside: Inside

    def attach(self, visit: Visitor, passes: Passes) -> Remove:
        """See Site."""
        counter = Counter(passes)

        def counted(activation: Tensor) -> Tensor:
            return visit(activation, counter.next() % self.point.steps)

        written = vars(self.attention).get("forward")
        if not isinstance(written, _WrittenOut):
            written = _WrittenOut(self.attention)
            self.attention.forward = written  # type: ignore[method-assign,assignment]
        visitors = written.visitors[self.inside]
        visitors.append(counted)

        def remove() -> None:
            visitors.remove(counted)
            if not any(written.visitors.values()):
                vars(self.attention).pop("forward", None)

        return remove


class _WrittenOut:
    """Takes the place of an attention's forward."""

    def __init__(self, attention: nn.MultiheadAttention) -> None:
        self._attention = attention
        self.visitors: dict[Inside, list[Any]] = {"pattern": [], "heads": []}

    def __call__(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
    ) -> tuple[Tensor, Tensor | None]:
        """As nn.MultiheadAttention.forward of inputs (tokens, B, dim)."""
        assert key_padding_mask is None  # lerobot masks in training alone
        assert attn_mask is None
        module = self._attention
        weights = module.in_proj_weight.chunk(3)
        biases = (None,) * 3 if module.in_proj_bias is None else module.in_proj_bias.chunk(3)
        q, k, v = (
            self._by_head(functional.linear(each, weight, bias))
            for each, weight, bias in zip((query, key, value), weights, biases, strict=True)
        )
        length, batch, dim = query.shape
        scores = torch.bmm(q * math.sqrt(1.0 / q.shape[2]), k.transpose(1, 2))
        pattern = functional.softmax(scores, dim=-1)
        pattern = self._visited("pattern", pattern, batch)
        heads = self._visited("heads", torch.bmm(pattern, v), batch)
        joined = heads.transpose(0, 1).contiguous().view(length * batch, dim)
        output = functional.linear(joined, module.out_proj.weight, module.out_proj.bias)
        output = output.view(length, batch, dim)
        if not need_weights:
            return output, None
        by_head = pattern.view(batch, module.num_heads, *pattern.shape[1:])
        return output, by_head.mean(dim=1) if average_attn_weights else by_head

    def _by_head(self, projected: Tensor) -> Tensor:
        """(tokens, B, dim) to (B * heads, tokens, dim / heads)."""
        length, batch, dim = projected.shape
        heads = self._attention.num_heads
        return projected.view(length, batch * heads, dim // heads).transpose(0, 1)

    def _visited(self, inside: Inside, activation: Tensor, batch: int) -> Tensor:
        for visit in self.visitors[inside]:
            given = activation.view(batch, self._attention.num_heads, *activation.shape[1:])
            new = visit(given)
            if new is not given:
                activation = new.reshape(activation.shape)
        return activation
