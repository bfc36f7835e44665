# SPDX-License-Identifier: Apache-2.0
"""Attention weights from the queries and keys of a pass that goes on as if nobody looked.

A tap notes what an attention was given, by reference, where that is asked for. What the attention
computes with it, and by which kernel, is its own matter: the weights are computed here afterwards,
from the same numbers, for what is shown alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from pam_ros.attention.look import Look, WeightKey
    from pam_ros.policy.interface import PolicySpec


class Seen(NamedTuple):
    """What one attention was given.

    Attributes:
        query: (B, queries, heads, dim), as it is multiplied with the keys: rotated, not scaled.
        key: (B, keys, key heads, dim); each of them serves heads / key heads neighbouring heads.
        mask: (B, queries, keys) bool, True where the query reads the key; None: everywhere.
    """

    query: Tensor
    key: Tensor
    mask: Tensor | None


@dataclass(frozen=True)
class Wanted:
    """Which attention a pass is to note.

    Attributes:
        shown: stack, layer and denoising step, with every head.
        through: the same of layers that a look goes through, whose mean over heads is enough.
    """

    shown: frozenset[WeightKey]
    through: frozenset[WeightKey]

    def __contains__(self, key: object) -> bool:
        return key in self.shown or key in self.through


@dataclass
class QueryKeyTap:
    """Notes what is wanted of one pass. References alone: nothing is copied or computed."""

    wanted: Wanted
    seen: dict[WeightKey, Seen] = field(default_factory=dict)
    _replaced: dict[WeightKey, Tensor] = field(default_factory=dict)

    def note(self, key: WeightKey, query: Tensor, keys: Tensor, mask: Tensor | None) -> None:
        """Keep what an attention is given, if it is wanted."""
        if key in self.wanted:
            # Guidance by gradients runs such passes too: their graphs are not to be kept alive.
            self.seen[key] = Seen(query.detach(), keys.detach(), mask)

    def replace(self, key: WeightKey, weights: Tensor) -> None:
        """An attention goes on with other weights (B, heads, queries, keys) than its own."""
        if key in self.wanted:
            self._replaced[key] = weights.detach()

    def weights(self) -> dict[WeightKey, Tensor]:
        """By stack, layer and step: (B, heads, queries, keys) float32, heads 1 for a mean."""
        return {key: self._of(key, key not in self.wanted.shown) for key in self.seen}

    def _of(self, key: WeightKey, mean: bool) -> Tensor:
        if key not in self._replaced:
            return softmax_weights(self.seen[key], mean=mean)
        weights = self._replaced[key].float()
        return weights.mean(dim=1, keepdim=True) if mean else weights


def softmax_weights(seen: Seen, *, mean: bool = False) -> Tensor:
    """Softmax of query times key / sqrt(dim), in float32: (B, heads, queries, keys).

    A query that may read nothing reads everything alike, as in LeRobot, and nobody reads it.

    Args:
        seen: what the attention was given.
        mean: over the heads, as if they were one.
    """
    query, key = seen.query.float().transpose(1, 2), seen.key.float().transpose(1, 2)
    key = key.repeat_interleave(query.shape[1] // key.shape[1], dim=1)
    scores = query @ key.transpose(2, 3) * query.shape[-1] ** -0.5
    if seen.mask is not None:
        scores = torch.where(seen.mask[:, None], scores, torch.finfo(scores.dtype).min)
    weights: Tensor = scores.softmax(dim=-1)
    if mean:
        weights = weights.mean(dim=1, keepdim=True)
    return weights


def wanted_by(looks: Iterable[Look], spec: PolicySpec) -> Wanted:
    """What passes have to note for these looks, all of which check_look passes."""
    shown: set[WeightKey] = set()
    through: set[WeightKey] = set()
    for look in looks:
        stack = spec.stack(look.stack)
        steps = look.steps(stack, spec.denoising_steps)
        shown.update((stack.name, look.layer, step) for step in steps)
        if look.through is not None:
            below = stack.depth(look.layer, spec.stack(look.through))
            through.update((look.through, layer, 0) for layer in range(below))
    return Wanted(frozenset(shown), frozenset(through - shown))
