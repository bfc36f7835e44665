# SPDX-License-Identifier: Apache-2.0
"""Which of a tick's tokens become rows: what every token stands for, and samplers that choose.

A sampler is named by a text, the same in a command line, a message and an SAE's provenance:

    all                   every token
    uniform(64, seed=0)   64 cells, drawn anew for every tick, each camera its share
    stride(2)             every 2nd row and column of each camera's grid, from its first cell
    block(2x2)            the mean of each 2 x 2 block of cells, smaller at the lower and right edge
                          of a grid that does not divide; never across rows' ends or cameras

Tokens that are no cells are always kept. Same sampler, table, tick and
episode: same rows; no global random state is read or changed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from pam_ros.sae.errors import SaeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pam_ros.attention.layout import GroupKind, TokenLayout

# As in msg/TokenActivations.msg.
KIND_CAMERA, KIND_LATENT, KIND_JOINT_STATE, KIND_ENVIRONMENT, KIND_LANGUAGE = 0, 1, 2, 3, 4
KIND_ACTION, KIND_PADDING = 5, 6
KIND_OTHER = 255
_KINDS: dict[GroupKind, int] = {
    "image": KIND_CAMERA,
    "latent": KIND_LATENT,
    "joint_state": KIND_JOINT_STATE,
    "environment": KIND_ENVIRONMENT,
    "language": KIND_LANGUAGE,
    "action": KIND_ACTION,
    "padding": KIND_PADDING,
    "other": KIND_OTHER,
}


@dataclass(frozen=True, eq=False)
class TokenTable:
    """What each of a policy's T tokens stands for.

    kind: (T,) uint8, a KIND constant. camera: (T,) int16, index into camera_names; row and col:
    (T,) int16, the cell on that camera's feature grid; all three -1 for tokens that are no cells.
    camera_names: the policy's image features, in its order.
    """

    kind: NDArray[np.uint8]
    camera: NDArray[np.int16]
    row: NDArray[np.int16]
    col: NDArray[np.int16]
    camera_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.kind)


@dataclass(frozen=True, eq=False)
class RowTable:
    """Where each of R rows comes from, as in msg/TokenActivations.msg.

    token: (R,) uint32, position among the policy's tokens (the first one's, for blocks). kind,
    camera, row, col: as in TokenTable (the top left cell's, for blocks). A block sampler averages
    block_rows x block_cols cells into a row; 1 x 1 for the others.
    """

    token: NDArray[np.uint32]
    kind: NDArray[np.uint8]
    camera: NDArray[np.int16]
    row: NDArray[np.int16]
    col: NDArray[np.int16]
    block_rows: int = 1
    block_cols: int = 1

    def __len__(self) -> int:
        return len(self.token)


def token_table(layout: TokenLayout) -> TokenTable:
    """The table of a policy's layout (`policy.spec.layout`)."""
    kind = np.zeros(layout.size, np.uint8)
    camera, row, col = (np.full(layout.size, -1, np.int16) for _ in range(3))
    for group in layout.groups:
        kind[group.start : group.stop] = _KINDS[group.kind]
    for index, grid in enumerate(layout.cameras):
        cells = slice(grid.start, grid.stop)
        camera[cells] = index
        row[cells] = np.repeat(np.arange(grid.rows), grid.cols)
        col[cells] = np.tile(np.arange(grid.cols), grid.rows)
    return TokenTable(kind, camera, row, col, tuple(grid.feature for grid in layout.cameras))


class Sampler(Protocol):
    """Chooses rows; str() of it is its canonical text, which parse_sampler takes back."""

    def sample(
        self, tokens: NDArray[np.float32], table: TokenTable, tick: int = 0, *, episode: int = 0
    ) -> tuple[NDArray[np.float32], RowTable]:
        """Rows (R, D) float32 of one tick's tokens (T, D), in the order of the tokens.

        Args:
            tokens: of one forward pass.
            table: of the policy.
            tick: counts ticks within an episode; only `uniform` looks at it and at the episode.
            episode: its number, 0 or above.

        Raises:
            SaeError: tokens and table are not of one policy.
        """
        ...


def parse_sampler(text: str) -> Sampler:
    """The sampler of a text such as "all", "uniform(64, seed=0)", "stride(2)" or "block(2x2)".

    Raises:
        SaeError: it names no sampler, or one with a size below 1.
    """
    compact = re.sub(r"\s+", "", text)
    for pattern, make in _FORMS:
        match = re.fullmatch(pattern, compact, re.ASCII)
        if match:
            sampler: Sampler = make(*(int(group or 0) for group in match.groups()))
            return sampler
    raise SaeError(
        f"sampler {text[:80]!r} is none of all, uniform(N, seed=S), stride(N), block(RxC), with "
        "sizes from 1 to 999999"
    )


def check_same_rows(trained: str, given: str) -> None:
    """Hold an SAE's sampler against that of the rows which it is to encode.

    Single tokens and means of blocks are distributed differently; which of the tokens a sampler
    takes makes no difference.

    Raises:
        SaeError: one gives tokens and the other means, or a text names no sampler.
    """
    if isinstance(parse_sampler(trained), Block) != isinstance(parse_sampler(given), Block):
        raise SaeError(f"the tokens were sampled by {given}, but the SAE was trained on {trained}")


@dataclass(frozen=True)
class AllTokens:
    """Every token."""

    def sample(
        self,
        tokens: NDArray[np.float32],
        table: TokenTable,
        tick: int = 0,  # noqa: ARG002
        *,
        episode: int = 0,  # noqa: ARG002
    ) -> tuple[NDArray[np.float32], RowTable]:
        """See Sampler."""
        _check(tokens, table)
        return tokens, _rows(table, np.arange(len(table)))

    def __str__(self) -> str:
        return "all"


@dataclass(frozen=True)
class Uniform:
    """`count` cells without replacement; every camera gets its share, to the nearest cell."""

    count: int
    seed: int = 0

    def sample(
        self, tokens: NDArray[np.float32], table: TokenTable, tick: int = 0, *, episode: int = 0
    ) -> tuple[NDArray[np.float32], RowTable]:
        """See Sampler."""
        _check(tokens, table)
        rng = np.random.default_rng([self.seed, episode, tick])
        grids = [np.flatnonzero(table.camera == c) for c in range(len(table.camera_names))]
        kept = [np.flatnonzero(table.camera < 0)]
        for cells, share in zip(grids, _shares(self.count, [len(g) for g in grids]), strict=True):
            kept.append(rng.choice(cells, share, replace=False))
        chosen = np.sort(np.concatenate(kept))
        return tokens[chosen], _rows(table, chosen)

    def __str__(self) -> str:
        return f"uniform({self.count}, seed={self.seed})"


@dataclass(frozen=True)
class Stride:
    """Every `step`-th row and column of each grid."""

    step: int

    def sample(
        self,
        tokens: NDArray[np.float32],
        table: TokenTable,
        tick: int = 0,  # noqa: ARG002
        *,
        episode: int = 0,  # noqa: ARG002
    ) -> tuple[NDArray[np.float32], RowTable]:
        """See Sampler."""
        _check(tokens, table)
        on_grid = (table.row % self.step == 0) & (table.col % self.step == 0)
        chosen = np.flatnonzero(on_grid | (table.camera < 0))
        return tokens[chosen], _rows(table, chosen)

    def __str__(self) -> str:
        return f"stride({self.step})"


@dataclass(frozen=True)
class Block:
    """The mean of each block of `rows` x `cols` cells."""

    rows: int
    cols: int

    def sample(
        self,
        tokens: NDArray[np.float32],
        table: TokenTable,
        tick: int = 0,  # noqa: ARG002
        *,
        episode: int = 0,  # noqa: ARG002
    ) -> tuple[NDArray[np.float32], RowTable]:
        """See Sampler."""
        _check(tokens, table)
        # The token of its block's top left cell; a token that is no cell is a block of its own.
        key = _cell_key(table.camera, table.row, table.col)
        corner = _cell_key(
            table.camera, table.row - table.row % self.rows, table.col - table.col % self.cols
        )
        order = np.argsort(key)
        first = order[np.searchsorted(key, corner, sorter=order)]
        first = np.where(table.camera < 0, np.arange(len(table)), first)
        chosen, block = np.unique(first, return_inverse=True)
        sums = np.zeros((len(chosen), tokens.shape[1]), np.float64)
        np.add.at(sums, block, tokens)
        means = sums / np.bincount(block)[:, None]
        return means.astype(np.float32), _rows(table, chosen, self.rows, self.cols)

    def __str__(self) -> str:
        return f"block({self.rows}x{self.cols})"


_SIZE = r"0*([1-9]\d{0,5})"
_FORMS: tuple[tuple[str, Any], ...] = (
    ("all", AllTokens),
    (rf"uniform\({_SIZE}(?:,seed=(\d{{1,9}}))?\)", Uniform),
    (rf"stride\({_SIZE}\)", Stride),
    (rf"block\({_SIZE}x{_SIZE}\)", Block),
)


def _check(tokens: NDArray[np.float32], table: TokenTable) -> None:
    if tokens.ndim != 2 or len(tokens) != len(table):
        raise SaeError(
            f"tokens have shape {tokens.shape}: it must be ({len(table)}, width) for this policy"
        )


def _cell_key(
    camera: NDArray[np.int16], row: NDArray[np.int16], col: NDArray[np.int16]
) -> NDArray[np.int64]:
    base = np.int64(1 << 16)
    return (camera.astype(np.int64) * base + row) * base + col


def _rows(
    table: TokenTable, chosen: NDArray[np.intp], block_rows: int = 1, block_cols: int = 1
) -> RowTable:
    return RowTable(
        chosen.astype(np.uint32),
        table.kind[chosen],
        table.camera[chosen],
        table.row[chosen],
        table.col[chosen],
        block_rows,
        block_cols,
    )


def _shares(count: int, sizes: Sequence[int]) -> list[int]:
    """`count` in proportion to the sizes, by largest remainder; none more than its size."""
    total = sum(sizes)
    if count >= total:
        return list(sizes)
    exact = [count * size / total for size in sizes]
    shares = [int(value) for value in exact]
    by_remainder = sorted(range(len(sizes)), key=lambda i: (shares[i] - exact[i], i))
    for index in by_remainder[: count - sum(shares)]:
        shares[index] += 1
    return shares
