# SPDX-License-Identifier: Apache-2.0
"""A store's manifest.json: what was collected, and which shards are whole."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.sae.errors import SaeError
from pam_ros.share import whole_file

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = "manifest.json"
STATS = "token_stats.safetensors"
FORMAT = "pam_ros tokens 1"
COLUMNS: dict[str, np.dtype[Any]] = {
    "episode": np.dtype(np.int32),
    "frame": np.dtype(np.int32),
    "token": np.dtype(np.int32),
    "kind": np.dtype(np.uint8),
    "camera": np.dtype(np.int16),
    "row": np.dtype(np.int16),
    "col": np.dtype(np.int16),
}
ROW_BYTES = sum(dtype.itemsize for dtype in COLUMNS.values())
_LARGEST_MANIFEST = 1 << 26


@dataclass(frozen=True)
class StoreInfo:
    """Where a store's tokens come from: what must agree for rows to be of one kind.

    policy_sha256: of the policy's weights. layer: as in policy.take_tokens. sampler: canonical
    text. dataset: the source in words. width: D. tokens: T, of one forward pass, before sampling.
    camera_names: what the column `camera` indexes. keeps_observations: whether they are stored.
    """

    policy_name: str
    policy_sha256: str
    layer: str
    sampler: str
    dataset: str
    width: int
    tokens: int
    camera_names: tuple[str, ...]
    keeps_observations: bool
    pam_ros_version: str


@dataclass(frozen=True)
class ShardEntry:
    """A shard in the manifest. last: episode and frame of its last row."""

    file: str
    rows: int
    frames: int
    last: tuple[int, int]
    observations: str | None


def read_manifest(folder: Path) -> tuple[StoreInfo, list[ShardEntry], bool]:
    """What was collected, the shards, and whether the source was read to its end.

    Raises:
        SaeError: there is no manifest, or it is damaged.
    """
    path = folder / MANIFEST
    try:
        if path.stat().st_size > _LARGEST_MANIFEST:
            raise SaeError(f"{path} is damaged: it is larger than {_LARGEST_MANIFEST >> 20} MiB")
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise SaeError(f"{path} is of format {content['format']!r}: it must be {FORMAT!r}")
        fields = dict(content["info"])
        fields["camera_names"] = tuple(fields["camera_names"])
        info = StoreInfo(**fields)
        shards = [
            ShardEntry(**{**entry, "last": (int(entry["last"][0]), int(entry["last"][1]))})
            for entry in content["shards"]
        ]
        complete = bool(content["complete"])
    except FileNotFoundError:
        raise SaeError(f"{folder} is no store of tokens: it has no {MANIFEST}") from None
    except (
        OSError,
        ValueError,
        OverflowError,
        LookupError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as error:
        raise SaeError(f"{path} is damaged: {first_line(error)}") from None
    sizes = [info.width, info.tokens, *(size for s in shards for size in (s.rows, s.frames))]
    if any(type(size) is not int or size < 1 for size in sizes):
        raise SaeError(f"{path} is damaged: sizes must be whole numbers above 0")
    for name in (name for s in shards for name in (s.file, s.observations) if name is not None):
        if not is_ours(name):
            raise SaeError(f"{path} is damaged: it names {name!r}, which is no shard")
    return info, shards, complete


def is_ours(name: object) -> bool:
    """Whether a file name is one of a store's, finished or not."""
    if not isinstance(name, str):
        return False
    stem = name.removesuffix(".part")
    if stem in {MANIFEST, STATS, ".lock"}:
        return True
    kind, _, number = stem.removesuffix(".safetensors").partition("-")
    return (
        kind in {"shard", "observations"} and number.isdecimal() and stem.endswith(".safetensors")
    )


def manifest_bytes(info: StoreInfo, shards: list[ShardEntry], *, complete: bool) -> bytes:
    """The manifest's bytes."""
    content = {
        "format": FORMAT,
        "info": asdict(info),
        "complete": complete,
        "shards": [asdict(entry) for entry in shards],
    }
    return (json.dumps(content, indent=1) + "\n").encode()


def replace_file(path: Path, data: bytes) -> None:
    """Put `data` under a name in one step, as share/whole_file.py does.

    Raises:
        SaeError: it cannot be written, the disk being full for one; the old content stays.
    """
    whole_file.replace_file(path, data, SaeError)


def first_line(error: BaseException) -> str:
    """An error's text on one line."""
    return (" ".join(str(error).split()) or type(error).__name__)[:300]
