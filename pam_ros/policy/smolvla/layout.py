# SPDX-License-Identifier: Apache-2.0
"""SmolVLA's tokens and stacks.

The prefix that the language model reads is, in this order: each camera's cells, row by row; the
words; the joint state. The actions of the chunk come behind it. Three kinds of tokens stand for
nothing that the robot saw, and are groups of padding: cells that lie wholly in the black bars of
the resize, an empty camera's, and what fills up the words.

Bars on the left are columns: then the cells of the picture are no run of tokens. So that every
camera is one, its cells of padding come before those of the picture; `places` says where in
LeRobot's prefix a token is. With bars at the top, as landscape pictures have, that is LeRobot's
order itself.

The words take as many tokens as the tokenizer may give, whatever they are: what is left over is
padding without mass. A layout's size then does not depend on the instruction.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pam_ros.attention.layout import GroupKind, TokenGroup
from pam_ros.attention.look import Stack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pam_ros.attention.look import StackKind
    from pam_ros.policy.padded import PaddedCells
    from pam_ros.policy.smolvla.words import Words

CROSS, JOINT, PREFIX = "expert", "expert_joint", "prefix"
ABSENT = -1
"""The place of a token that this pass does not have."""


class Marks(NamedTuple):
    """Labels of the special tokens round each camera's cells; none where there are none."""

    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class PrefixLayout:
    """The tokens of one instruction.

    Attributes:
        groups: of the prefix and, the last one, of the chunk's actions.
        places: (prefix tokens,) int64, each token's place in LeRobot's prefix, or ABSENT.
        masked: (prefix tokens,) bool, tokens that no other reads, absent ones included.
    """

    groups: tuple[TokenGroup, ...]
    places: NDArray[np.int64]
    masked: NDArray[np.bool_]

    @property
    def size(self) -> int:
        """Tokens of the prefix."""
        return len(self.places)


@dataclass
class _Building:
    """Groups one after the other, and where each one's tokens are in LeRobot's prefix."""

    groups: list[TokenGroup] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    masked: list[bool] = field(default_factory=list)

    def add(
        self,
        kind: GroupKind,
        places: Sequence[int],
        labels: tuple[str, ...] = (),
        *,
        masked: bool = False,
        cells: PaddedCells | None = None,
    ) -> None:
        if not places:
            return
        start, stop = len(self.places), len(self.places) + len(places)
        camera = None if cells is None else replace(cells.camera, start=start)
        self.groups.append(TokenGroup(kind, start, stop, camera, labels, masked))
        self.places.extend(places)
        self.masked.extend([masked] * len(places))


def lay_out(
    cameras: Sequence[PaddedCells],
    empty: int,
    words: Words,
    chunk_size: int,
    *,
    marks: Marks | None = None,
    prefix_length: int = 0,
) -> PrefixLayout:
    """The layout of a prefix.

    Args:
        cameras: those that there are a picture of, in the policy's order.
        empty: how many slots follow that have none.
        words: of the instruction.
        chunk_size: how many actions follow the prefix.
        marks: of `add_image_special_tokens`.
        prefix_length: up to which LeRobot fills the prefix.
    """
    built = _Building()
    marks = Marks() if marks is None else marks
    place = 0
    for index in range(len(cameras) + empty):
        grid = cameras[min(index, len(cameras) - 1)]
        count = grid.rows * grid.cols
        place = _mark(built, marks.before, place)
        if index < len(cameras):
            built.add("padding", [place + cell for cell in grid.in_padding()])
            built.add("image", [place + cell for cell in grid.in_picture()], cells=grid)
        else:
            built.add("padding", range(place, place + count), masked=True)
        place = _mark(built, marks.after, place + count)
    first = place
    read = [first + index for index, real in enumerate(words.mask) if real]
    filled = [first + index for index, real in enumerate(words.mask) if not real]
    built.add("language", read, words.labels)
    over = [ABSENT] * (words.longest - len(words.mask))
    built.add("padding", filled + over, masked=True)
    state = first + len(words.mask)
    built.add("joint_state", [state])
    # At the fewest words LeRobot fills up the most: that many tokens, whatever the words are.
    tail = max(0, prefix_length - (first + 2))
    filled = list(range(state + 1, prefix_length))
    built.add("padding", filled + [ABSENT] * (tail - len(filled)), masked=True)
    size = len(built.places)
    actions = TokenGroup("action", size, size + chunk_size)
    return PrefixLayout(
        (*built.groups, actions),
        np.array(built.places, np.int64),
        np.array(built.masked, np.bool_),
    )


def _mark(built: _Building, labels: tuple[str, ...], place: int) -> int:
    built.add("other", range(place, place + len(labels)), labels)
    return place + len(labels)


def lay_out_stacks(model: Any, prefix: int, chunk_size: int) -> tuple[Stack, ...]:
    """The expert's two kinds of layers, and the prefix's.

    Args:
        model: lerobot's SmolVLMWithExpertModel.
        prefix: how many tokens it has in the layout.
        chunk_size: how many actions read it.
    """
    layers, experts = model.num_vlm_layers, model.num_expert_layers
    heads, every = model.num_attention_heads, model.self_attn_every_n_layers
    apart = "cross" in model.attention_mode
    # Where the expert has fewer layers than the language model, each stands beside every n-th.
    beside = range(0, layers, layers // experts)
    joint = [k for k in beside if not apart or (every > 0 and k % every == 0)]
    cross = [k for k in beside if k not in joint]
    kinds: tuple[tuple[str, StackKind, list[int], int], ...] = (
        (CROSS, "cross", cross, prefix),
        (JOINT, "joint", joint, prefix + chunk_size),
    )
    stacks = [
        Stack(
            name,
            "vlm_with_expert.lm_expert.layers.{layer}.self_attn",
            kind,
            len(numbers),
            heads,
            chunk_size,
            (0, end),
            numbers=tuple(number // (layers // experts) for number in numbers),
            depths=tuple(numbers),
        )
        for name, kind, numbers, end in kinds
        if numbers
    ]
    path = "vlm_with_expert.vlm.model.text_model.layers.{layer}.self_attn"
    return *stacks, Stack(PREFIX, path, "self", layers, heads, prefix, (0, prefix))
