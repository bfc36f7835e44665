# SPDX-License-Identifier: Apache-2.0
"""What each token that a policy reads stands for: groups of tokens, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from pam_ros.attention.errors import AttentionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

GroupKind = Literal[
    "image", "language", "joint_state", "environment", "latent", "action", "padding", "other"
]


@dataclass(frozen=True)
class CameraTokens:
    """The tokens of one camera: a block of `rows * cols` tokens that begins at token `start`.

    Cell (row, col) looks at pixel (x0 + col * dx, y0 + row * dy) of the image that the policy
    reads, `height` by `width` pixels. For a ResNet of stride 32 that is pixel (32 col, 32 row): its
    strided layers align the middle of a cell's receptive field with that pixel, not with the tile's
    middle.
    """

    feature: str
    start: int
    rows: int
    cols: int
    height: int
    width: int
    x0: float
    y0: float
    dx: float
    dy: float

    @property
    def stop(self) -> int:
        """The first token after this camera's."""
        return self.start + self.rows * self.cols


@dataclass(frozen=True)
class TokenGroup:
    """Tokens of one kind, side by side.

    Attributes:
        kind: what they stand for.
        start: the first one.
        stop: the one after the last.
        camera: of an image, its grid; None for other kinds.
        labels: one a token where tokens have names, such as word pieces; else empty.
        masked: whether nothing can read them, and what they read reaches nothing: what fills up a
            sequence.
    """

    kind: GroupKind
    start: int
    stop: int
    camera: CameraTokens | None = None
    labels: tuple[str, ...] = ()
    masked: bool = False

    def __post_init__(self) -> None:
        size = self.stop - self.start
        if size < 1 or (self.labels and len(self.labels) != size):
            message = (
                f"the {self.kind} group from {self.start} to {self.stop} must hold at least one "
                f"token, and as many labels as tokens or none, not {len(self.labels)}"
            )
            raise AttentionError(message)
        grid = self.camera
        if (self.kind == "image") != (grid is not None) or (
            grid is not None and (grid.start, grid.stop) != (self.start, self.stop)
        ):
            message = (
                f"the {self.kind} group from {self.start} to {self.stop} must have a camera of "
                "these tokens if it is an image, and none otherwise"
            )
            raise AttentionError(message)


@dataclass(frozen=True)
class TokenLayout:
    """All tokens, as groups in their order."""

    groups: tuple[TokenGroup, ...]

    def __post_init__(self) -> None:
        ends = [0, *(group.stop for group in self.groups)]
        if [group.start for group in self.groups] != ends[:-1]:
            message = f"the layout's groups must cover 0 to {ends[-1] - 1}, each of them once"
            raise AttentionError(message)

    @property
    def size(self) -> int:
        """How many tokens."""
        return self.groups[-1].stop if self.groups else 0

    @cached_property
    def cameras(self) -> tuple[CameraTokens, ...]:
        """The grids of the image groups."""
        return tuple(group.camera for group in self.groups if group.camera is not None)

    def read(self, keys: tuple[int, int] | None = None) -> NDArray[np.bool_]:
        """(size,) bool: the tokens that a stack with these keys can read; None: it reads all."""
        start, stop = keys or (0, self.size)
        found: NDArray[np.bool_] = np.zeros(self.size, np.bool_)
        found[start:stop] = True
        for group in self.groups:
            if group.masked:
                found[group.start : group.stop] = False
        return found

    def of_kind(self, kind: GroupKind) -> tuple[TokenGroup, ...]:
        """The groups of a kind."""
        return tuple(group for group in self.groups if group.kind == kind)
