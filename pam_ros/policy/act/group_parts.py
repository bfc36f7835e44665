# SPDX-License-Identifier: Apache-2.0
"""How much each camera, the joint state and the environment state did: parts of one sum.

They are players of a game in the sense of Shapley. A coalition is as it was observed, and all
others are at their training mean; its value is the target of the chunk that the transformer makes
of such tokens. A group's part is its Shapley value: what the target changes by when the group comes
in, as a mean over the orders in which they may come in one after the other. In every order these
changes sum to that from all groups at their mean to the observation, and so do the parts. It takes
no gradient and no picture: forward passes of the transformer alone. The mean is what normalises to
zero: of pictures one of a single colour, of a joint state the mean pose.

With three groups and fewer all orders count. With more it is one order, that of the tokens, and its
reverse: exact where no more than two groups act together, an estimate beyond, and the same sum.

Sources: Shapley, A value for n-person games, 1953. Castro, Gomez and Tejada, Polynomial calculation
of the Shapley value based on sampling, 2009: the mean over some orders. Mitchell, Cooper, Frank and
Holmes, Sampling permutations for Shapley value estimation, 2022: an order with its reverse.
"""

from __future__ import annotations

from itertools import pairwise, permutations
from typing import TYPE_CHECKING, NamedTuple

import torch

from pam_ros.policy.act.contribution_parts import replaced

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from torch import Tensor

    from pam_ros.attention.layout import GroupKind, TokenLayout

    Coalition = frozenset[str]

MOST_WITH_ALL_ORDERS = 3
"""Groups; of four, all orders would need fifteen passes."""
AT_A_TIME = 8
"""Coalitions in one pass of the transformer, which bounds the memory."""


class Group(NamedTuple):
    """Tokens that come in together.

    name: a camera's feature, or the kind of another group. start: its first token. mean: (1, n, D),
    its tokens at the training mean.
    """

    name: str
    start: int
    mean: Tensor

    def moves(self, tokens: Tensor) -> bool:
        """Whether it is anything else than its mean in these (1, T, D)."""
        here = tokens[:, self.start : self.start + self.mean.shape[1]]
        return not torch.equal(here, self.mean)


class Reference(NamedTuple):
    """Tokens of inputs that normalise to zero.

    images: (1, cells, D), of all cameras. groups: each camera, and the others whose training mean
    the policy knows, in the order of the tokens.
    """

    images: Tensor
    groups: tuple[Group, ...]


def reference_of(layout: TokenLayout, tokens: Tensor, unknown: Collection[str]) -> Reference:
    """From the tokens (1, T, D) of inputs that normalise to zero.

    unknown: "STATE", "ENV": those whose training mean the policy does not know.
    """
    kinds: tuple[tuple[GroupKind, str], ...] = (("joint_state", "STATE"), ("environment", "ENV"))
    places: list[tuple[str, int, int]] = [
        (kind, group.start, group.stop)
        for kind, name in kinds
        for group in layout.of_kind(kind)
        if name not in unknown
    ]
    places += [(camera.feature, camera.start, camera.stop) for camera in layout.cameras]
    groups = [Group(name, start, tokens[:, start:stop].clone()) for name, start, stop in places]
    return Reference(tokens[:, layout.cameras[0].start :].clone(), tuple(groups))


def group_parts(
    chunk_of: Callable[[Tensor], Tensor],
    tokens: Tensor,
    groups: Sequence[Group],
    value: Callable[[Tensor], float],
    known: Mapping[Coalition, Tensor],
) -> dict[str, float]:
    """As groups_parts, of one target."""
    return groups_parts(chunk_of, tokens, groups, [value], known)[0]


def groups_parts(
    chunk_of: Callable[[Tensor], Tensor],
    tokens: Tensor,
    groups: Sequence[Group],
    targets: Sequence[Callable[[Tensor], float]],
    known: Mapping[Coalition, Tensor],
) -> list[dict[str, float]]:
    """For each target each group's part by its name, in the target's unit, by the same passes.

    A group that is at its mean has exactly 0, and costs nothing.

    Args:
        chunk_of: the chunks (B, C, A) of tokens (B, T, D).
        tokens: (1, T, D), as observed.
        groups: whose mean is known; all other tokens stay what they are.
        targets: each the value of a chunk (C, A).
        known: chunks that need no pass, by the names of the groups that are as observed.
    """
    moving = [group for group in groups if group.moves(tokens)]
    names = frozenset(group.name for group in moving)
    ways = orders([group.name for group in moving])
    chunks = {present & names: chunk for present, chunk in known.items()}
    wanted = {present for order in ways for present in _coming_in(order)}
    passes = sorted(wanted - chunks.keys(), key=sorted)
    for first in range(0, len(passes), AT_A_TIME):
        some = passes[first : first + AT_A_TIME]
        batch = torch.cat([_with_only(present, tokens, moving) for present in some])
        chunks.update(zip(some, chunk_of(batch), strict=True))
    still = {group.name: 0.0 for group in groups}
    return [
        still | shapley({present: value(chunks[present]) for present in wanted}, ways)
        for value in targets
    ]


def orders(names: Sequence[str]) -> list[tuple[str, ...]]:
    """The orders in which the groups come in."""
    if len(names) <= MOST_WITH_ALL_ORDERS:
        return list(permutations(names))
    return [tuple(names), tuple(reversed(names))]


def shapley(values: Mapping[Coalition, float], ways: Sequence[tuple[str, ...]]) -> dict[str, float]:
    """Each name's mean over these orders of what the value changes by when it comes in."""
    parts = dict.fromkeys(ways[0], 0.0)
    for order in ways:
        for name, (before, after) in zip(order, pairwise(_coming_in(order)), strict=True):
            parts[name] += (values[after] - values[before]) / len(ways)
    return parts


def _coming_in(order: tuple[str, ...]) -> list[Coalition]:
    """The coalitions from nobody to all."""
    return [frozenset(order[:count]) for count in range(len(order) + 1)]


def _with_only(present: Coalition, tokens: Tensor, groups: Sequence[Group]) -> Tensor:
    """The tokens with all other groups at their mean."""
    for group in groups:
        if group.name not in present:
            tokens = replaced(tokens, group.start, group.mean)
    return tokens
