# SPDX-License-Identifier: Apache-2.0
"""Writes a store of tokens; see store.py for what it looks like."""

from __future__ import annotations

import fcntl
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors.numpy

from pam_ros.sae.errors import SaeError
from pam_ros.sae.store.frames import ObservationPack
from pam_ros.sae.store.manifest import (
    COLUMNS,
    MANIFEST,
    ROW_BYTES,
    STATS,
    ShardEntry,
    StoreInfo,
    is_ours,
    manifest_bytes,
    read_manifest,
    replace_file,
)
from pam_ros.sae.store.token_store import first_not_finite

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from numpy.typing import NDArray

    from pam_ros.sae.store.tokens import RowTable

    Observation = Mapping[str, NDArray[np.generic]]


class TokenWriter:
    """Adds frames to a store; makes it, or goes on where the last writer was stopped.

    Args:
        folder: of the store.
        info: what is being collected; an existing store must have been made of the same.
        shard_rows: rows held in memory before they are written as a shard.
        max_rows: rows at which the store is full; None for no limit.
        max_bytes: bytes on disk at which the store is full; None for no limit.

    Raises:
        SaeError: the folder holds something else, or another process writes into it.
    """

    def __init__(
        self,
        folder: str | Path,
        info: StoreInfo,
        *,
        shard_rows: int = 1 << 17,
        max_rows: int | None = None,
        max_bytes: int | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.info = info
        self._shard_rows = max(shard_rows, info.tokens)
        self._max_rows, self._max_bytes = max_rows, max_bytes
        self.shards: list[ShardEntry] = []
        self.complete = False
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = (self.folder / ".lock").open("w")
        except OSError as error:
            raise SaeError(f"{self.folder} cannot be made: {error.strerror}") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._open()
        except BlockingIOError:
            self._lock.close()
            raise SaeError(f"another process collects into {self.folder}") from None
        except BaseException:
            self._lock.close()
            raise
        self._rows = self._frames = 0
        self._observations = ObservationPack()
        self._last = (-1, -1)
        self._bytes = sum(f.stat().st_size for f in self.folder.iterdir() if f.is_file())
        self._tokens = np.empty((self._shard_rows, info.width), np.float16)
        self._columns = {name: np.empty(self._shard_rows, d) for name, d in COLUMNS.items()}

    @property
    def last(self) -> tuple[int, int] | None:
        """Episode and frame of the last row on disk; None in a new store."""
        return self.shards[-1].last if self.shards else None

    @property
    def stored_rows(self) -> int:
        """Rows on disk and in memory."""
        return sum(shard.rows for shard in self.shards) + self._rows

    @property
    def full(self) -> str:
        """Which limit is reached, in words; empty where none is."""
        if self._max_rows is not None and self.stored_rows + self.info.tokens > self._max_rows:
            return f"the limit of {self._max_rows} tokens is reached"
        pending = self._observations.nbytes
        pending += (self._rows + self.info.tokens) * (2 * self.info.width + ROW_BYTES)
        if self._max_bytes is not None and self._bytes + pending >= self._max_bytes:
            return f"the limit of {self._max_bytes} bytes is reached"
        return ""

    def add(
        self,
        episode: int,
        frame: int,
        rows: NDArray[np.float32],
        table: RowTable,
        observation: Observation | None = None,
        task: str = "",
    ) -> None:
        """Take the rows (R, D) of one tick; with its observation where the store keeps them.

        task: what the policy was told, kept beside the observation; empty: nothing.

        Raises:
            SaeError: a value that is not finite or too large for float16; the disk is full.
        """
        with np.errstate(over="ignore"):
            halves = rows.astype(np.float16)
        bad = first_not_finite(halves)
        if bad is not None:
            raise SaeError(
                f"episode {episode}, frame {frame}: token {table.token[bad]} holds a value that is "
                "not finite in float16"
            )
        if self._rows + len(rows) > self._shard_rows:
            self.flush()
        part = slice(self._rows, self._rows + len(rows))
        self._tokens[part] = halves
        self._columns["episode"][part], self._columns["frame"][part] = episode, frame
        for name in ("token", "kind", "camera", "row", "col"):
            self._columns[name][part] = getattr(table, name)
        if self.info.keeps_observations and observation is not None:
            self._observations.add(episode, frame, observation, task)
        self._rows += len(rows)
        self._frames += 1
        self._last = (episode, frame)

    def flush(self) -> None:
        """Write what is in memory as a shard and list it.

        Raises:
            SaeError: the disk is full; nothing half-written is left.
        """
        if not self._rows:
            return
        number = len(self.shards)
        entry = ShardEntry(
            f"shard-{number:05}.safetensors",
            self._rows,
            self._frames,
            self._last,
            f"observations-{number:05}.safetensors" if self.info.keeps_observations else None,
        )
        arrays: dict[str, NDArray[Any]] = {"tokens": self._tokens[: self._rows]}
        arrays |= {name: column[: self._rows] for name, column in self._columns.items()}
        if entry.observations:
            self._write(entry.observations, safetensors.numpy.save(self._observations.arrays()))
        self._write(entry.file, safetensors.numpy.save(arrays))
        # Where the manifest cannot be written, the rows are still in memory and not listed.
        self._write_manifest([*self.shards, entry])
        self.shards.append(entry)
        self._rows = self._frames = 0
        self._observations.clear()

    def finish(self) -> None:
        """Everything that the source has is in: flush and say so in the manifest."""
        self.flush()
        self.complete = True
        self._write_manifest(self.shards)

    def close(self) -> None:
        """Let go of the folder; rows that were not flushed are dropped."""
        self._lock.close()

    def __enter__(self) -> TokenWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _open(self) -> None:
        if (self.folder / MANIFEST).exists():
            info, self.shards, self.complete = read_manifest(self.folder)
            if _difference(info, self.info):
                raise SaeError(f"{self.folder} holds other tokens: {_difference(info, self.info)}")
        else:
            strange = [f.name for f in self.folder.iterdir() if not is_ours(f.name)]
            if strange:
                raise SaeError(f"{self.folder} holds {strange[0]}: name a new folder for the store")
        listed = {entry.file for entry in self.shards}
        listed |= {STATS} | {str(entry.observations) for entry in self.shards}
        for file in self.folder.iterdir():
            # What a killed writer left: not listed, or not yet renamed.
            if file.suffix == ".part" or (
                file.suffix == ".safetensors" and file.name not in listed and is_ours(file.name)
            ):
                file.unlink()

    def _write_manifest(self, shards: list[ShardEntry]) -> None:
        data = manifest_bytes(self.info, shards, complete=self.complete)
        self._write(MANIFEST, data)

    def _write(self, name: str, data: bytes) -> None:
        replace_file(self.folder / name, data)
        self._bytes += len(data)


def _difference(found: StoreInfo, wanted: StoreInfo) -> str:
    old, new = asdict(found), asdict(wanted)
    return "; ".join(
        f"{name} is {old[name]!r}, not {new[name]!r}"
        for name in old
        if old[name] != new[name] and name not in {"policy_name", "pam_ros_version"}
    )
