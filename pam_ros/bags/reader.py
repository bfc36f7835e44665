# SPDX-License-Identifier: Apache-2.0
"""Reads rosbag2 bags with the message definitions that they carry."""

from __future__ import annotations

import importlib
import sqlite3
import struct
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zstandard
from mcap.exceptions import McapError
from rosbags.interfaces import Connection, MessageDefinitionFormat
from rosbags.rosbag2 import Reader, ReaderError
from rosbags.rosbag2.reader import DirectoryReader
from rosbags.serde import SerdeError
from rosbags.typesys import (
    Stores,
    TypesysError,
    get_typestore,
)

from pam_ros.bags.errors import BagError
from pam_ros.bags.mcap_scan import ScannedMcap, has_to_be_scanned
from pam_ros.bags.salvage.beyond_repair import what_repair_cannot_help
from pam_ros.bags.salvage.found import payload
from pam_ros.bags.salvage.from_sqlite import is_unclosed
from pam_ros.bags.types import definition, idl_definition, known_types

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from types import TracebackType

    from rosbags.interfaces import Qos
    from rosbags.typesys.store import Typestore


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


class _Folder(DirectoryReader):
    STORAGE_PLUGINS = {**DirectoryReader.STORAGE_PLUGINS, "mcap": _mcap_storage}  # type: ignore[dict-item] # noqa: RUF012


class _Reader(Reader):
    STORAGE_PLUGINS = {**Reader.STORAGE_PLUGINS, "dir": _Folder, ".mcap": _mcap_storage}  # type: ignore[dict-item] # noqa: RUF012


@dataclass(frozen=True)
class BagTopic:
    """One topic of a bag: its type, how many messages it has, and how it was offered."""

    name: str
    type: str
    count: int
    qos: tuple[Qos, ...]


@dataclass(frozen=True)
class BagMessage:
    """One message, still serialised: ``data`` is CDR, ``stamp_ns`` when it was received [ns]."""

    topic: str
    type: str
    stamp_ns: int
    data: bytes


class BagReader:
    """An open bag: a folder with metadata.yaml, or a single .mcap or .db3 file.

    Types come from the definitions in the bag; for those it lacks (sqlite3 bags of older ROS 2
    releases), from the standard types, this package's own and ``folders``.

    Raises:
        BagError: there is no bag, or it is damaged.
    """

    def __init__(self, path: str | Path, folders: Mapping[str, Path] | None = None) -> None:
        self.path = Path(path)
        if not self.path.exists():
            raise BagError(f"bag {self.path} does not exist")
        self._fallback_folders = folders
        self._fallback: Typestore | None = None
        try:
            self._reader = _Reader(_storage(self.path))
            self._reader.open()
        except DAMAGE as error:
            told = f"bag {self.path} cannot be read: {_first_line(error)}"
            hopeless = what_repair_cannot_help(self.path)
            raise BagError(
                f"{told} ({hopeless})"
                if hopeless
                else f"{told} (`pam_ros bag repair {self.path}` saves what can be saved)"
            ) from None
        try:
            self._types, self._unparsed = _types_of(
                tuple((c.msgtype, *c.msgdef) for c in self._reader.connections)
            )
            self.topics = _topics(self._reader.connections)
        except DAMAGE as error:
            with suppress(*DAMAGE):
                self._reader.close()
            raise BagError(
                f"bag {self.path} has unreadable definitions: {_first_line(error)}"
            ) from None

    @property
    def start_ns(self) -> int:
        """When the first message was received [ns]; 0 in an empty bag."""
        return self._reader.start_time if self._reader.message_count else 0

    @property
    def end_ns(self) -> int:
        """When the last message was received [ns]; 0 in an empty bag."""
        return self._reader.end_time - 1 if self._reader.message_count else 0

    def messages(
        self,
        topics: Collection[str] | None = None,
        start_ns: int | None = None,
        stop_ns: int | None = None,
    ) -> Iterator[BagMessage]:
        """Messages in the order in which they were received, of all topics or of some.

        Args:
            topics: their names; None means all.
            start_ns: the first stamp that is wanted.
            stop_ns: the first stamp that is no longer wanted.

        Raises:
            BagError: the bag lacks one of the topics, or is damaged.
        """
        for topic in topics or ():
            if topic not in self.topics:
                names = ", ".join(sorted(self.topics)) or "no topic at all"
                raise BagError(f"bag {self.path} has no topic {topic} (it has {names})")
        wanted = [
            connection
            for connection in (*self._reader.connections, *self._in_files())
            if topics is None or connection.topic in topics
        ]
        if not wanted:
            return
        try:
            for connection, stamp, data in self._reader.messages(wanted, start_ns, stop_ns):
                # Of a file without its metadata.yaml, only the data says that it is compressed.
                cdr = data if self.path.is_dir() else payload(bytes(data))
                yield BagMessage(connection.topic, connection.msgtype, stamp, cdr)
        except DAMAGE as error:
            raise BagError(f"bag {self.path} is damaged: {_first_line(error)}") from None

    def decode(self, message: BagMessage) -> Any:
        """The message as an object with the fields of its definition.

        Raises:
            BagError: its type is not defined anywhere, or its data is damaged.
        """
        try:
            return self._store(message.type).deserialize_cdr(message.data, message.type)
        except DAMAGE as error:
            raise BagError(
                f"message on {message.topic} in {self.path} is no {message.type}: "
                f"{_first_line(error)}"
            ) from None

    def close(self) -> None:
        """Closes the files; closing twice does nothing."""
        if self._reader.is_open:
            self._reader.close()

    def __enter__(self) -> BagReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _in_files(self) -> Iterator[Connection]:
        """The topics as the files of a folder have them.

        The library reads nothing, and says nothing, of a topic whose QoS metadata.yaml states
        otherwise than its file.
        """
        for storage in getattr(self._reader.storage, "storages", ()):
            yield from storage.connections

    def _store(self, type_name: str) -> Typestore:
        if type_name in self._types.fielddefs:
            return self._types
        if self._fallback is None:
            self._fallback = known_types(self._fallback_folders)
        if type_name not in self._fallback.fielddefs:
            if type_name in self._unparsed:
                raise BagError(
                    f"the definition of {type_name} in bag {self.path} cannot be read: "
                    f"{self._unparsed[type_name]}"
                )
            raise BagError(
                f"bag {self.path} holds no definition of {type_name}: give its .msg folder"
            )
        return self._fallback


def _storage(path: Path) -> Path:
    """The folder, or the one storage file in it where metadata.yaml is missing."""
    if path.is_file() and path.suffix not in {".mcap", ".db3"}:
        raise BagError(f"{path} is no bag: it is neither a folder nor a .mcap or .db3 file")
    if any(is_unclosed(file) for file in (path.glob("*.db3") if path.is_dir() else [path])):
        raise ReaderError("it was not closed")
    if path.is_dir() and not (path / "metadata.yaml").exists():
        files = [*path.glob("*.mcap"), *path.glob("*.db3")]
        if len(files) != 1:
            raise ReaderError("it has no metadata.yaml")
        return files[0]
    return path


# Bags of one robot have the same types, and the store's code is generated anew each time.
@lru_cache(maxsize=32)
def _types_of(
    topics: tuple[tuple[str, MessageDefinitionFormat, str], ...],
) -> tuple[Typestore, dict[str, str]]:
    """From each topic's type and definition the types that a bag defines; why some are not read.

    Service events, for one, have the text of their .srv file for a definition.
    """
    definitions: dict[str, Any] = {}
    unparsed: dict[str, str] = {}
    for name, form, text in topics:
        try:
            if form is MessageDefinitionFormat.MSG:
                definitions.update(definition(text, name))
            elif form is MessageDefinitionFormat.IDL:
                definitions.update(idl_definition(text))
        except DAMAGE as error:  # noqa: PERF203  (each topic by itself)
            unparsed[name] = _first_line(error)
    store = get_typestore(Stores.EMPTY)
    if definitions:
        store.register(definitions)
    return store, unparsed


def _topics(connections: list[Connection]) -> dict[str, BagTopic]:
    topics: dict[str, BagTopic] = {}
    for connection in connections:
        before = topics.get(connection.topic)
        offered = tuple(getattr(connection.ext, "offered_qos_profiles", ()))
        topics[connection.topic] = BagTopic(
            name=connection.topic,
            type=connection.msgtype,
            count=connection.msgcount + (before.count if before else 0),
            qos=offered + (before.qos if before else ()),
        )
    return topics


def _first_line(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    return text.splitlines()[0][:300]
