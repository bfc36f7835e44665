# SPDX-License-Identifier: Apache-2.0
"""What the tokens are like: means and second moments, in one pass over a store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import safetensors
import safetensors.numpy

from pam_ros.sae.errors import SaeError
from pam_ros.sae.store.manifest import STATS, first_line, replace_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pam_ros.sae.store.token_store import Shard, TokenStore


@dataclass(frozen=True, eq=False)
class TokenStats:
    """Of the tokens that an SAE was trained on.

    rows: how many. mean: (D,) float64. covariance: (D, D) float64, about the mean. position_mean:
    (T, D) float32, per position in the policy's token sequence; positions that a sampler never
    gives have the mean. position_rows: (T,) int64.
    """

    rows: int
    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    position_mean: NDArray[np.float32]
    position_rows: NDArray[np.int64]

    def save(self, folder: Path) -> None:
        """Write them into an SAE's folder, under a name that SAELens does not look at."""
        arrays = {
            "mean": self.mean,
            "covariance": self.covariance,
            "position_mean": self.position_mean,
            "position_rows": self.position_rows,
        }
        replace_file(folder / STATS, safetensors.numpy.save(arrays))


def load_stats(folder: Path, width: int) -> TokenStats | None:
    """Those of an SAE's folder for tokens of this width; None where it has none.

    Raises:
        SaeError: the file is damaged.
    """
    path = folder / STATS
    if not path.is_file():
        return None
    try:
        with safetensors.safe_open(path, framework="np") as file:
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
            tokens = shapes["position_rows"][0]
            right = {
                "mean": (width,),
                "covariance": (width, width),
                "position_mean": (tokens, width),
                "position_rows": (tokens,),
            }
            if shapes != right:
                raise SaeError(f"{path} is damaged: its arrays are {shapes}, not {right}")
            arrays = {name: file.get_tensor(name) for name in right}
    except (safetensors.SafetensorError, OSError, ValueError, LookupError, TypeError) as error:
        raise SaeError(f"{path} is damaged: {first_line(error)}") from None
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise SaeError(f"{path} is damaged: a value is not finite")
    return TokenStats(
        rows=int(arrays["position_rows"].sum()),
        mean=arrays["mean"].astype(np.float64),
        covariance=arrays["covariance"].astype(np.float64),
        position_mean=arrays["position_mean"].astype(np.float32),
        position_rows=arrays["position_rows"].astype(np.int64),
    )


class Moments:
    """Sums over rows: per dimension, per pair of dimensions, per position."""

    def __init__(self, width: int, positions: int) -> None:
        self._origin: NDArray[np.float64] | None = None
        self._sum = np.zeros((positions, width))
        self._count = np.zeros(positions, np.int64)
        self._outer = np.zeros((width, width))

    def add(self, values: NDArray[np.float32], position: NDArray[np.integer]) -> None:
        """Take rows (N, D) float32 and their positions (N,)."""
        if self._origin is None:
            # Sums about a value that is close to the mean lose no digits.
            self._origin = values.mean(axis=0, dtype=np.float64)
        centred = values - self._origin.astype(np.float32)
        self._outer += (centred.T @ centred).astype(np.float64)
        order = np.argsort(position, kind="stable")
        found, start = np.unique(position[order], return_index=True)
        self._sum[found] += np.add.reduceat(centred[order].astype(np.float64), start, axis=0)
        self._count += np.bincount(position, minlength=len(self._count))

    def finish(self) -> TokenStats:
        """The statistics of all rows added.

        Raises:
            SaeError: there was none.
        """
        rows = int(self._count.sum())
        if self._origin is None or not rows:
            raise SaeError("statistics need at least one token")
        # Of float32, as the rows were centred.
        origin = self._origin.astype(np.float32).astype(np.float64)
        shift = self._sum.sum(axis=0) / rows
        covariance = self._outer / rows - np.outer(shift, shift)
        mean = origin + shift
        position_mean = np.where(
            self._count[:, None] > 0,
            origin + self._sum / np.maximum(self._count, 1)[:, None],
            mean,
        )
        return TokenStats(rows, mean, covariance, position_mean.astype(np.float32), self._count)


def store_stats(store: TokenStore) -> TokenStats:
    """The statistics of all rows of a store, one shard in memory at a time; kept in its folder.

    Raises:
        SaeError: a shard is damaged.
    """
    kept = load_stats(store.folder, store.info.width)
    if kept is not None and kept.rows == store.rows:
        return kept
    moments = Moments(store.info.width, store.info.tokens)
    for index in range(len(store.shards)):
        shard = store.read(index)
        for part in parts(shard, 1 << 14):
            moments.add(shard.tokens[part].astype(np.float32), shard.token[part])
    stats = moments.finish()
    stats.save(store.folder)
    return stats


def stores_stats(stores: Sequence[TokenStore]) -> TokenStats:
    """Those of all rows of some stores of one kind.

    Raises:
        SaeError: a shard is damaged.
    """
    found = [store_stats(store) for store in stores]
    rows = sum(stats.rows for stats in found)
    mean = np.asarray(sum(stats.rows * stats.mean for stats in found) / rows)
    covariance = np.zeros_like(found[0].covariance)
    for stats in found:
        apart = stats.mean - mean
        covariance += stats.rows / rows * (stats.covariance + np.outer(apart, apart))
    counts = np.sum([stats.position_rows for stats in found], axis=0)
    sums = np.sum(
        [s.position_rows[:, None] * s.position_mean.astype(np.float64) for s in found], axis=0
    )
    position = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], mean)
    return TokenStats(rows, mean, covariance, position.astype(np.float32), counts)


def parts(shard: Shard, rows: int) -> list[slice]:
    """Slices of at most `rows` rows that cover a shard."""
    total = len(shard.tokens)
    return [slice(start, min(start + rows, total)) for start in range(0, total, rows)]
