# SPDX-License-Identifier: Apache-2.0
"""Patches and words mix in the prefix; noisy actions read it and each other, three times."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

PATCH, WIDTH, HEADS = 16, 32, 2
PREFIX_LAYERS, EXPERT_LAYERS, STEPS = 2, 2, 3
VOCABULARY = 64


class Pass(NamedTuple):
    """chunk (B, C, A) normalised; tokens (B, P + C, D); weights by stack, layer and step."""

    chunk: Tensor
    tokens: Tensor
    weights: dict[tuple[str, int, int], Tensor]


class Layer(nn.Module):
    """Attention of some tokens on some others, then a small MLP."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v, self.out = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 64), nn.GELU(), nn.Linear(64, WIDTH))

    def forward(self, x: Tensor, read: Tensor) -> tuple[Tensor, Tensor]:
        """(B, Q, D) and (B, K, D) to (B, Q, D) and softmax weights (B, H, Q, K)."""
        q, k, v = (
            part.unflatten(-1, (HEADS, -1)).transpose(1, 2)
            for part in (self.q(x), self.k(read), self.v(read))
        )
        weights = torch.softmax(2 * q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5, dim=-1)
        x = x + self.out((weights @ v).transpose(1, 2).flatten(2))
        return x + self.mlp(x), weights


class Model(nn.Module):
    """All of it, for images of any size that PATCH divides."""

    def __init__(self, state: int, actions: int, chunk: int) -> None:
        super().__init__()
        self.patches = nn.Linear(2 * 3 * PATCH * PATCH, WIDTH)  # of this observation and the last
        self.words = nn.Embedding(VOCABULARY, WIDTH)
        self.state = nn.Linear(2 * state, WIDTH)
        self.noisy = nn.Linear(actions, WIDTH)
        self.places = nn.Parameter(torch.randn(chunk, WIDTH))
        self.times = nn.Parameter(torch.randn(STEPS, WIDTH))
        self.prefix = nn.ModuleList(Layer() for _ in range(PREFIX_LAYERS))
        self.expert = nn.ModuleList(Layer() for _ in range(EXPERT_LAYERS))
        self.velocity = nn.Linear(WIDTH, actions)

    def forward(self, images: list[Tensor], state: Tensor, words: Tensor, noise: Tensor,
                keep: Any, edit: Any = None) -> Pass:  # fmt: skip
        """A chunk.

        Args:
            images: (B, 2, 3, H, W) per camera, the last observation's first.
            state: (B, 2 * state).
            words: (L,) numbers.
            noise: (B, C, A).
            keep: says whether to keep the weights of (stack, layer, step).
            edit: of the tokens (B, P + C, D) that the expert reads first.
        """
        batch = len(state)
        parts = [self.patches(_patches(image)) for image in images]
        prefix = torch.cat([*parts, self.words(words).expand(batch, -1, -1)], dim=1)
        kept: dict[tuple[str, int, int], Tensor] = {}
        for index, layer in enumerate(self.prefix):
            prefix, weights = layer(prefix, prefix)
            if keep("prefix", index, 0):
                kept["prefix", index, 0] = weights
        x, tokens = noise, None
        for step in range(STEPS):
            actions = self.noisy(x) + self.places + self.times[step] + self.state(state)[:, None]
            if tokens is None:
                tokens = torch.cat([prefix, actions], dim=1)
                tokens = tokens if edit is None else edit(tokens)
                prefix, actions = tokens.split([prefix.shape[1], actions.shape[1]], dim=1)
            for index, layer in enumerate(self.expert):
                actions, weights = layer(actions, torch.cat([prefix, actions], dim=1))
                if keep("expert", index, step):
                    kept["expert", index, step] = weights
            x = x + self.velocity(actions) / STEPS
        assert tokens is not None
        return Pass(x, tokens, kept)


def _patches(image: Tensor) -> Tensor:
    """(B, 2, 3, H, W) to (B, cells, values), row by row."""
    cells = image.unfold(-2, PATCH, PATCH).unfold(-2, PATCH, PATCH)  # (B, 2, 3, R, C, P, P)
    return cells.permute(0, 3, 4, 1, 2, 5, 6).flatten(3).flatten(1, 2)
