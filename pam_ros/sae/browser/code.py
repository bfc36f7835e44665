# SPDX-License-Identifier: Apache-2.0
"""One pass over a store: when each feature is active, and where in the ticks that are shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pam_ros.sae.describe.descriptions import tick_starts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from pam_ros.sae.arch.model import SAE
    from pam_ros.sae.store.token_store import Shard, TokenStore

_VALUES_AT_ONCE = 1 << 24
"""Of the dense code: 64 MiB."""


@dataclass(frozen=True, eq=False)
class EncodedStore:
    """arrays: those of book.py from tick_episode to cell_value. cells: (camera, row, col) seen."""

    arrays: dict[str, NDArray[Any]]
    kinds: dict[int, int]


@dataclass
class _Columns:
    """Entries that come in pieces."""

    parts: dict[str, list[NDArray[Any]]] = field(default_factory=dict)

    def add(self, **columns: NDArray[Any]) -> None:
        for name, column in columns.items():
            self.parts.setdefault(name, []).append(column)

    def by_feature(self, features: int, prefix: str, start: str) -> dict[str, NDArray[Any]]:
        """The columns sorted by feature, in the order in which they came; and where each begins."""
        whole = {name: np.concatenate(parts) for name, parts in self.parts.items()}
        feature = whole.pop("feature")
        order = np.argsort(feature, kind="stable")
        counts = np.bincount(feature, minlength=features)
        found = {f"{prefix}{name}": column[order] for name, column in whole.items()}
        found[start] = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return found


def encode_store(
    sae: SAE,
    store: TokenStore,
    wanted: Mapping[tuple[int, int], NDArray[np.int32]],
    progress: Callable[[int], object],
) -> EncodedStore:
    """Encode every token once.

    Args:
        sae: of the store's layer and sampler.
        store: of tokens.
        wanted: by (episode, frame), the features whose cells are kept, rising.
        progress: told how many rows are done.

    Raises:
        SaeError: a shard is damaged.
    """
    active, cells = _Columns(), _Columns()
    kinds: dict[int, int] = {}
    episodes, frames, ticks = [], [], 0
    for index in range(len(store.shards)):
        shard = store.read(index)
        kinds.update(zip(shard.token.tolist(), shard.kind.tolist(), strict=True))
        starts = tick_starts(shard)
        episodes.append(shard.episode[starts])
        frames.append(shard.frame[starts])
        ends = np.append(starts[1:], len(shard.token))
        group = max(1, _VALUES_AT_ONCE // (sae.cfg.d_sae * int((ends - starts).max())))
        for first in range(0, len(starts), group):
            last = min(first + group, len(starts))
            part = slice(int(starts[first]), int(ends[last - 1]))
            code = sae.encode(torch.from_numpy(shard.tokens[part].astype(np.float32))).numpy()
            peak = np.maximum.reduceat(code, starts[first:last] - part.start, axis=0)
            tick, feature = np.nonzero(peak)
            active.add(
                feature=feature.astype(np.int32),
                tick=(ticks + first + tick).astype(np.int32),
                value=peak[tick, feature],
            )
            for number in range(first, last):
                key = int(shard.episode[starts[number]]), int(shard.frame[starts[number]])
                features = wanted.get(key)
                if features is not None:
                    rows = slice(int(starts[number]), int(ends[number]))
                    here = code[rows.start - part.start : rows.stop - part.start, features]
                    _add_cells(cells, here, features, shard, rows, ticks + number)
            progress(part.stop - part.start)
        ticks += len(starts)
    size = sae.cfg.d_sae
    cells.add(**_NO_CELLS)
    active.add(**{name: _NO_CELLS[name] for name in ("feature", "tick", "value")})
    arrays = {
        "tick_episode": np.concatenate(episodes).astype(np.int32),
        "tick_frame": np.concatenate(frames).astype(np.int32),
        **active.by_feature(size, "", "start"),
        **cells.by_feature(size, "cell_", "cell_start"),
    }
    return EncodedStore(arrays, kinds)


_NO_CELLS: dict[str, NDArray[Any]] = {
    "feature": np.zeros(0, np.int32),
    "tick": np.zeros(0, np.int32),
    "camera": np.zeros(0, np.int16),
    "row": np.zeros(0, np.int16),
    "col": np.zeros(0, np.int16),
    "value": np.zeros(0, np.float32),
}


def _add_cells(
    cells: _Columns,
    code: NDArray[np.float32],
    features: NDArray[np.int32],
    shard: Shard,
    rows: slice,
    tick: int,
) -> None:
    """code: (rows, len(features)) of one tick."""
    row, column = np.nonzero(code)
    camera = shard.camera[rows][row]
    seen = camera >= 0
    row, column, camera = row[seen], column[seen], camera[seen]
    cells.add(
        feature=features[column],
        tick=np.full(len(row), tick, np.int32),
        camera=camera,
        row=shard.row[rows][row],
        col=shard.col[rows][row],
        value=code[row, column],
    )
