# SPDX-License-Identifier: Apache-2.0
"""Stacks of attention that a policy has, and a look at one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

StackKind = Literal["cross", "joint", "self", "spatial"]
SINGLE: tuple[StackKind, ...] = ("self", "spatial")
"""Kinds that run once a pass, before the denoising steps."""
WeightKey = tuple[str, int, int]
"""Stack, layer and denoising step, both from 0: where a pass's weights are from."""


@dataclass(frozen=True)
class Stack:
    """Layers of attention of one form.

    Attributes:
        name: for looks and sentences, such as "decoder".
        path: of a layer's module, with "{layer}" for its number: the label of its maps.
        kind: "cross": the chunk's actions read tokens; "joint": they read tokens and each other;
            "self": tokens read each other; "spatial": a map that is no attention, sums to 1, and
            is all that the rest of the policy sees.
        layers: how many.
        heads: of each layer.
        queries: rows of a layer's weights: actions of the chunk, or tokens in a "self" stack.
        keys: (start, stop), the tokens of the policy's groups that are read.
        numbers: of the layers in the path, where those are others than 0, 1, 2 and so on: layers
            of two kinds may take turns.
        depths: for each layer, after how many layers of a "self" stack it reads the tokens. Empty:
            all of them read the last one's output.
    """

    name: str
    path: str
    kind: StackKind
    layers: int
    heads: int
    queries: int
    keys: tuple[int, int]
    numbers: tuple[int, ...] = ()
    depths: tuple[int, ...] = ()

    def label(self, layer: int) -> str:
        """A layer's path."""
        return self.path.format(layer=self.numbers[layer] if self.numbers else layer)

    def layer_numbered(self, number: int) -> int:
        """The layer that has this number in its path; `layers`, which is none, if none has."""
        if not self.numbers:
            return number
        return self.numbers.index(number) if number in self.numbers else self.layers

    def depth(self, layer: int, through: Stack) -> int:
        """How many layers of a "self" stack lie between the tokens and what a layer reads."""
        return self.depths[layer] if self.depths else through.layers

    @property
    def prefix(self) -> str:
        """A layer's path up to its number."""
        return self.path.partition("{layer}")[0]


@dataclass(frozen=True)
class Look:
    """Which weights a pass keeps: one layer of one stack, and nothing else.

    Attributes:
        stack: its name.
        layer: from 0.
        head: one head, or None for the mean over all. The pass keeps every head: each one's
            entropy is shown beside the map.
        queries: one row, a range (start, stop), or None for the mean over all.
        denoising_step: from 0, -1 for the last, or None for the mean over all, which are then kept.
        through: a "self" stack through whose layers the mass is carried back to the tokens that it
            reads (rollout); their weights are kept as the mean over heads. None: not.
    """

    stack: str
    layer: int
    head: int | None = None
    queries: int | tuple[int, int] | None = None
    denoising_step: int | None = -1
    through: str | None = None

    def steps(self, stack: Stack, denoising_steps: int) -> range:
        """The denoising steps whose weights of this stack are kept, of a policy with so many.

        A stack of SINGLE runs once, before the first of them: step 0, as of a policy without any.
        """
        count = 1 if stack.kind in SINGLE else max(1, denoising_steps)
        if self.denoising_step is None:
            return range(count)
        first = self.denoising_step % count
        return range(first, first + 1)
