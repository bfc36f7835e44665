# SPDX-License-Identifier: Apache-2.0
"""The readers of rosbags, and ours for the files that they do not take."""

from __future__ import annotations

import importlib
import sqlite3
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import zstandard
from mcap.exceptions import McapError
from rosbags.rosbag2 import Reader, ReaderError
from rosbags.rosbag2.reader import DirectoryReader
from rosbags.serde import SerdeError
from rosbags.typesys import TypesysError

from pam_ros.bags.errors import BagError
from pam_ros.bags.mcap_scan import ScannedMcap, has_to_be_scanned
from pam_ros.bags.salvage.from_sqlite import is_unclosed
from pam_ros.bags.salvage.layout import ENDINGS

if TYPE_CHECKING:
    from pathlib import Path


def _library_errors() -> tuple[type[Exception], ...]:
    """Errors of what rosbags reads files through, by its release: apsw, and one of two zstd."""
    found: list[type[Exception]] = [sqlite3.Error, zstandard.ZstdError, McapError]
    for module, name in (
        ("apsw", "Error"),
        ("compression.zstd", "ZstdError"),
        ("backports.zstd", "ZstdError"),
    ):
        with suppress(ImportError):
            found.append(getattr(importlib.import_module(module), name))
    return tuple(found)


#: What rosbags raises on files that are damaged. MemoryError: a length of exabytes.
DAMAGE: tuple[type[Exception], ...] = (
    ReaderError,
    SerdeError,
    TypesysError,
    OSError,
    EOFError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    MemoryError,
    RuntimeError,
    struct.error,
    *_library_errors(),
)


def _mcap_storage(path: Path) -> Any:
    """A reader of mcap files: that of rosbags, or ours for those that it does not take."""
    if has_to_be_scanned(path):
        return ScannedMcap(path)
    return DirectoryReader.STORAGE_PLUGINS["mcap"](path)


def _storage_by_name(path: Path) -> Any:
    """A reader for a file whose metadata.yaml names no storage, as `ros2 bag reindex` leaves it."""
    if path.suffix == ".mcap":
        return _mcap_storage(path)
    return DirectoryReader.STORAGE_PLUGINS["sqlite3"](path)


class _Folder(DirectoryReader):
    STORAGE_PLUGINS = {  # noqa: RUF012
        **DirectoryReader.STORAGE_PLUGINS,
        "mcap": _mcap_storage,  # type: ignore[dict-item]
        "": _storage_by_name,  # type: ignore[dict-item]
        None: _storage_by_name,  # type: ignore[dict-item]
    }


class StorageReader(Reader):
    """rosbags' reader of folders and files, also of those that only we read."""

    STORAGE_PLUGINS = {**Reader.STORAGE_PLUGINS, "dir": _Folder, ".mcap": _mcap_storage}  # type: ignore[dict-item] # noqa: RUF012


def storage_of(path: Path) -> Path:
    """The folder, or the one storage file in it where metadata.yaml is missing.

    Raises:
        BagError: it is no bag.
        ReaderError: it was not closed.
    """
    if path.is_file() and not path.name.endswith(ENDINGS):
        raise BagError(f"{path} is no bag: it is neither a folder nor a .mcap or .db3 file")
    if any(is_unclosed(file) for file in (path.glob("*.db3") if path.is_dir() else [path])):
        raise ReaderError("it was not closed")
    if path.is_dir() and not (path / "metadata.yaml").exists():
        files = [file for ending in ENDINGS for file in path.glob(f"*{ending}")]
        if len(files) != 1:
            raise ReaderError("it has no metadata.yaml")
        return files[0]
    return path
