# SPDX-License-Identifier: Apache-2.0
"""Batches of shuffled tokens from stores that need not fit in memory.

Per epoch the shards are put in a new order and read once, as many at a time as the pool holds; the
rows of a pool come out in random order. So a batch mixes the shards of a pool, every row is read
once per epoch, and the position is three numbers: resuming gives the same batches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from pam_ros.sae.errors import SaeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from pam_ros.sae.store.token_store import TokenStore


@dataclass(frozen=True)
class Position:
    """Where reading stands: the epoch, the pool in it, and the rows of it that are used."""

    epoch: int = 0
    pool: int = 0
    offset: int = 0


class ShuffledTokens:
    """Endless batches; iterate over it. `position` is that after the last batch.

    Args:
        stores: of one policy, layer and width.
        batch: rows per batch.
        seed: of every order.
        pool_bytes: memory for the pool; at least one shard is held.
        position: where to go on.

    Raises:
        SaeError: the stores do not belong together, are damaged, or hold fewer rows than a batch.
    """

    def __init__(
        self,
        stores: Sequence[TokenStore],
        batch: int,
        seed: int = 0,
        pool_bytes: int = 1 << 30,
        position: Position | None = None,
    ) -> None:
        check_same_kind(stores)
        for store in stores:
            store.check()
        self._stores = stores
        self._shards = [(s, i) for s, store in enumerate(stores) for i in range(len(store.shards))]
        self._rows = [stores[s].shards[i].rows for s, i in self._shards]
        self._batch, self._seed = batch, seed
        self._width = stores[0].info.width
        if sum(self._rows) < batch:
            raise SaeError(
                f"the store holds {sum(self._rows)} tokens: a batch of {batch} needs at least that"
            )
        self._pool_rows = max(pool_bytes // (2 * self._width), *self._rows)
        self.position = position or Position()
        self._memory = np.empty((min(self._pool_rows, sum(self._rows)), self._width), np.float16)

    def __iter__(self) -> Iterator[Tensor]:
        """Batches (batch, D) float32, on the CPU."""
        waiting: list[Tensor] = []
        missing = self._batch
        while True:
            pools = self._plan(self.position.epoch)
            for number in range(self.position.pool, len(pools)):
                pool = torch.from_numpy(self._read(pools[number]))
                order = self._order(number, len(pool))
                while (start := self.position.offset) < len(pool):
                    stop = min(start + missing, len(pool))
                    waiting.append(pool.index_select(0, order[start:stop]).float())
                    missing -= stop - start
                    self.position = Position(self.position.epoch, number, stop)
                    if not missing:
                        batch = waiting[0] if len(waiting) == 1 else torch.cat(waiting)
                        waiting, missing = [], self._batch
                        yield batch
                self.position = Position(self.position.epoch, number + 1, 0)
            self.position = Position(self.position.epoch + 1, 0, 0)

    @property
    def rows(self) -> int:
        """Tokens in all stores."""
        return sum(self._rows)

    def sample(self, rows: int, seed: int) -> Tensor:
        """Tokens (rows, D) float32 of an epoch's first pool, without a change of position.

        At most as many as that pool holds.
        """
        pool = self._read(self._plan(0)[0])
        rng = np.random.default_rng([seed, 0, 0])
        chosen = rng.choice(len(pool), min(rows, len(pool)), replace=False)
        return torch.from_numpy(pool[chosen].astype(np.float32))

    def _plan(self, epoch: int) -> list[list[int]]:
        """The shards of each pool of an epoch."""
        order = np.random.default_rng([self._seed, epoch]).permutation(len(self._shards))
        pools: list[list[int]] = [[]]
        rows = 0
        for shard in order.tolist():
            if rows + self._rows[shard] > self._pool_rows:
                pools.append([])
                rows = 0
            pools[-1].append(shard)
            rows += self._rows[shard]
        return pools

    def _order(self, number: int, rows: int) -> Tensor:
        rng = np.random.default_rng([self._seed, self.position.epoch, number + 1])
        return torch.from_numpy(rng.permutation(rows))

    def _read(self, shards: Sequence[int]) -> NDArray[np.float16]:
        """The rows (N, D) float16 of these shards."""
        end = 0
        for shard in shards:
            store, index = self._shards[shard]
            start, end = end, end + self._rows[shard]
            self._stores[store].read_tokens(index, self._memory[start:end])
        return self._memory[:end]


def check_same_kind(stores: Sequence[TokenStore]) -> None:
    """Raise SaeError unless all stores are of one policy, layer, sampler and width."""
    if not stores:
        raise SaeError("there is no store to read")
    first = stores[0]
    for store in stores[1:]:
        for name in ("policy_sha256", "layer", "sampler", "width", "tokens"):
            ours, theirs = getattr(first.info, name), getattr(store.info, name)
            if ours != theirs:
                raise SaeError(f"{store.folder} has {name} {theirs}, but {first.folder} has {ours}")
