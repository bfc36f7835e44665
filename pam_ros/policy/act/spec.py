# SPDX-License-Identifier: Apache-2.0
"""ACT's tokens and stacks.

The encoder reads one row of tokens: the latent, the joint state, the environment state, then each
camera's feature map, cell by cell in row-major order. The decoder's actions read its output.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pam_ros.attention.layout import GroupKind, TokenGroup, TokenLayout
from pam_ros.attention.look import Stack
from pam_ros.policy.interface import PolicySpec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pam_ros.attention.layout import CameraTokens

DECODER, ENCODER = "decoder", "encoder"


@dataclass(frozen=True)
class ActSpec(PolicySpec):
    """What an ACT policy reads, writes and is."""

    @property
    def layers(self) -> int:
        """Of the decoder."""
        return self.stack(DECODER).layers

    @property
    def heads(self) -> int:
        """Of every layer."""
        return self.stack(DECODER).heads

    @property
    def encoder_layers(self) -> int:
        """Of the encoder; it may have none."""
        return sum(stack.layers for stack in self.stacks if stack.name == ENCODER)


def lay_out(
    cameras: Iterable[CameraTokens], *, joint_state: bool, environment: bool, latent: bool = True
) -> TokenLayout:
    """The layout of ACT: the single tokens first, then the cameras; their `start` is set here."""
    singles: tuple[tuple[GroupKind, bool], ...] = (
        ("latent", latent),
        ("joint_state", joint_state),
        ("environment", environment),
    )
    groups: list[TokenGroup] = []
    for kind, present in singles:
        if present:
            groups.append(TokenGroup(kind, len(groups), len(groups) + 1))
    size = len(groups)
    for camera in cameras:
        placed = replace(camera, start=size)
        groups.append(TokenGroup("image", size, placed.stop, placed))
        size = placed.stop
    return TokenLayout(tuple(groups))


def stacks(
    tokens: int, chunk_size: int, heads: int, *, decoder: int, encoder: int
) -> tuple[Stack, ...]:
    """The decoder's cross-attention and, where there is an encoder, its self-attention."""
    keys = (0, tokens)
    cross = Stack(
        DECODER, "decoder.layers.{layer}.multihead_attn", "cross", decoder, heads, chunk_size, keys
    )
    if not encoder:
        return (cross,)
    path = "encoder.layers.{layer}.self_attn"
    return cross, Stack(ENCODER, path, "self", encoder, heads, tokens, keys)
