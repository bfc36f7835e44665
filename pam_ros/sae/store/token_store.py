# SPDX-License-Identifier: Apache-2.0
"""Collected tokens on disk: a folder of safetensors shards and a manifest.json that lists them.

A shard is written beside its final name, renamed, and only then listed; the manifest is replaced in
one rename too. So whatever kills the writer, every listed shard is whole, and the writer goes on
after the last listed frame.

One row per token: tokens (N, D) float16; episode, frame, token (N,) int32; kind (N,) uint8; camera,
row, col (N,) int16, as in tokens.RowTable. Where observations are kept, observations-NNNNN holds
those of the shard's frames, images as PNG.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors
import safetensors.numpy

from pam_ros.sae.errors import SaeError
from pam_ros.sae.store.frames import unpack_observations
from pam_ros.sae.store.manifest import COLUMNS, ShardEntry, first_line, read_manifest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from numpy.typing import NDArray

    Observation = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True, eq=False)
class Shard:
    """One shard in memory; arrays as in the module's docstring."""

    tokens: NDArray[np.float16]
    episode: NDArray[np.int32]
    frame: NDArray[np.int32]
    token: NDArray[np.int32]
    kind: NDArray[np.uint8]
    camera: NDArray[np.int16]
    row: NDArray[np.int16]
    col: NDArray[np.int16]


@dataclass(frozen=True)
class StoredFrame:
    """An observation as it was, and where it stands; task: what a policy with words was told."""

    episode: int
    frame: int
    observation: Observation
    task: str = ""


class TokenStore:
    """An existing store, for reading.

    Raises:
        SaeError: there is none, it is empty, or its manifest is damaged.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.info, self.shards, self.complete = read_manifest(self.folder)
        if not self.shards:
            raise SaeError(f"{self.folder} holds no tokens yet: collect some first")

    @property
    def rows(self) -> int:
        """Rows in all shards."""
        return sum(shard.rows for shard in self.shards)

    @property
    def frames(self) -> int:
        """Ticks in all shards."""
        return sum(shard.frames for shard in self.shards)

    def read(self, index: int) -> Shard:
        """A shard with its columns.

        Raises:
            SaeError: the file is damaged, or not what the manifest says.
        """
        entry = self.shards[index]
        path = self.folder / entry.file
        self._check(entry)
        try:
            arrays = safetensors.numpy.load_file(path)
        except (safetensors.SafetensorError, OSError, ValueError) as error:
            raise SaeError(f"{path} is damaged: {first_line(error)}") from None
        return Shard(**{name: arrays[name] for name in ("tokens", *COLUMNS)})

    def read_tokens(self, index: int, out: NDArray[np.float16]) -> None:
        """Only the tokens of a shard, into `out` (rows, width) float16: nothing else is read.

        Raises:
            SaeError: as read, or a value that is not finite; the sentence names its row.
        """
        entry = self.shards[index]
        path = self.folder / entry.file
        start = self._check(entry)
        with path.open("rb", buffering=0) as file:
            file.seek(start)
            view = memoryview(out.view(np.uint8).reshape(-1))  # type: ignore[arg-type]
            done = 0
            while done < len(view):
                count = file.readinto(view[done:])
                if not count:
                    raise SaeError(f"{path} is damaged: it ends within its tokens")
                done += count
        bad = first_not_finite(out)
        if bad is not None:
            raise SaeError(f"{path}: row {bad} holds a value that is not finite")

    def check(self) -> None:
        """Hold every shard's header against the manifest, so that its sizes can be believed.

        Raises:
            SaeError: a file is damaged, or not what the manifest says.
        """
        for entry in self.shards:
            self._check(entry)

    def observations(self, chosen: Collection[int] | None = None) -> Iterator[StoredFrame]:
        """The kept observations, in the order of the frames; of all, or of those at `chosen`.

        Raises:
            SaeError: the store keeps none, or a file is damaged.
        """
        if not self.info.keeps_observations:
            raise SaeError(f"{self.folder} keeps no observations: collect with --observations")
        start = 0
        for entry in self.shards:
            path = self.folder / str(entry.observations)
            wanted = [i for i in range(entry.frames) if chosen is None or start + i in chosen]
            start += entry.frames
            if not wanted:
                continue
            try:
                frames = unpack_observations(safetensors.numpy.load_file(path), wanted)
                for episode, frame, observation, task in frames:
                    yield StoredFrame(episode, frame, observation, task)
            except (safetensors.SafetensorError, OSError, ValueError, LookupError) as error:
                raise SaeError(f"{path} is damaged: {first_line(error)}") from None

    def _check(self, entry: ShardEntry) -> int:
        """The shapes and types in a shard's header; returns where the tokens' bytes begin."""
        path = self.folder / entry.file
        try:
            with path.open("rb") as file:
                length = int.from_bytes(file.read(8), "little")
                header = json.loads(file.read(min(length, 1 << 20)))
            tokens = header["tokens"]
            found = {name: (header[name]["dtype"], header[name]["shape"]) for name in COLUMNS}
            begin, end = tokens["data_offsets"]
            right = (
                tokens["dtype"] == "F16"
                and tokens["shape"] == [entry.rows, self.info.width]
                and end - begin == 2 * entry.rows * self.info.width
                and path.stat().st_size >= 8 + length + end
            )
        except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
            raise SaeError(f"{path} is damaged: {first_line(error)}") from None
        names = {np.int32: "I32", np.uint8: "U8", np.int16: "I16"}
        wanted = {name: (names[dtype.type], [entry.rows]) for name, dtype in COLUMNS.items()}
        if not right or found != wanted:
            raise SaeError(f"{path} is not the shard of {entry.rows} rows that the manifest lists")
        return 8 + length + int(begin)


def first_not_finite(values: NDArray[np.floating[Any]]) -> int | None:
    """The first row of (N, D) with a NaN or an infinity; None where all are finite."""
    # In float32: the sum of a float16 row can overflow. One pass, no array of the same size.
    sums = values.sum(axis=1, dtype=np.float32)
    bad = np.flatnonzero(~np.isfinite(sums))
    return int(bad[0]) if bad.size else None
