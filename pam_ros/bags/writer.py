# SPDX-License-Identifier: Apache-2.0
"""Writes rosbag2 bags (mcap or sqlite3) that lose next to nothing, whatever ends the process."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from pam_ros.bags import mcap_file, sqlite_file
from pam_ros.bags.errors import BagError
from pam_ros.bags.metadata import (
    VERSION,
    FileFacts,
    TopicRecord,
    bag_metadata,
    check_version,
    write_metadata,
)
from pam_ros.bags.qos import qos as qos_profile
from pam_ros.bags.types import Definitions, known_types

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from rosbags.interfaces import Qos

    from pam_ros.bags.types import Definition

_LOG = logging.getLogger(__name__)

FLUSH_SECONDS = 0.25
"""How long a message waits at most before it is handed to the file; a slow disk adds its time."""
_LARGEST_BATCH = 4 << 20
COMPRESSIONS = ("none", "zstd")


class _StorageFile(Protocol):
    """One file of a bag."""

    facts: FileFacts

    @property
    def size(self) -> int: ...
    @property
    def waiting(self) -> int: ...
    def add_topic(self, topic: TopicRecord) -> None: ...
    def write(
        self, topic: str, data: bytes | memoryview, stamp_ns: int, publish_ns: int | None = None
    ) -> None: ...
    def flush(self) -> None: ...
    def finish(self) -> None: ...
    def abandon(self) -> None: ...


class BagWriter:
    """A new bag, open until ``close``; as a context manager it is closed on errors too.

    What is written is in the file FLUSH_SECONDS later, by a thread of the bag's own, as a whole
    mcap chunk or a sqlite3 transaction. If the disk refuses (full), `write` raises until it takes
    data again; nothing that was taken before is lost, and the file never ends in half a batch.
    `pam_ros bag repair` makes a bag that was not closed into one that `ros2 bag` takes.

    Methods may be called from several threads.

    Args:
        path: the bag's folder; must not exist yet.
        storage: "mcap" or "sqlite3".
        folders: .msg folders by ROS package, beside the standard types and this package's own.
        compression: "none" or "zstd": of mcap's chunks, or of each message in sqlite3.
        split_bytes: a new file is begun where one is as large as this; 0 for never.
        split_seconds: and where its messages span so many seconds; 0 for never.
        metadata_version: 5 for readers of ROS 2 Humble, 7 for those of Iron, 9 since Jazzy.
        custom: what metadata.yaml keeps as custom data; those at the end of a file count.
    """

    def __init__(
        self,
        path: str | Path,
        storage: Literal["mcap", "sqlite3"] = "mcap",
        folders: Mapping[str, Path] | None = None,
        *,
        compression: Literal["none", "zstd"] = "none",
        split_bytes: int = 0,
        split_seconds: float = 0.0,
        metadata_version: int = VERSION,
        custom: Mapping[str, str] | None = None,
    ) -> None:
        self.path = Path(path)
        if storage not in {"mcap", "sqlite3"}:
            raise BagError(f"bag storage '{storage}' is not known; use mcap or sqlite3")
        if compression not in COMPRESSIONS:
            raise BagError(f"bag compression '{compression}' is not known; use none or zstd")
        if split_bytes < 0 or not 0 <= split_seconds < float("inf"):
            raise BagError("a bag is split by a size and a time of 0 (never) or more")
        check_version(metadata_version)
        if self.path.exists():
            raise BagError(f"{self.path} exists already: remove it or choose another output folder")
        self._definitions = Definitions(known_types(folders))
        self._version = metadata_version
        self._custom: Mapping[str, str] = custom or {}
        self._storage = storage
        self._compression = compression
        self._split_bytes = split_bytes
        self._split_ns = round(split_seconds * 1e9)
        self._lock = threading.Lock()
        self._topics: dict[str, TopicRecord] = {}
        self._finished: list[FileFacts] = []
        self._trouble = ""
        self._ending = False
        self.counts: dict[str, int] = {}
        try:
            self._file: _StorageFile | None = self._first_file()
        except OSError as error:
            raise BagError(f"bag {self.path} cannot be created: {_reason(error)}") from None
        self._open = True
        self._closing = threading.Event()
        self._flusher = threading.Thread(target=self._keep_flushing, name="bag", daemon=True)
        self._flusher.start()

    def add_topic(
        self,
        topic: str,
        type_name: str,
        qos: Qos | None = None,
        definition: Definition | None = None,
    ) -> None:
        """Announces a topic; doing so again with the same type does nothing.

        Args:
            topic: its full name.
            type_name: for example "sensor_msgs/msg/Image".
            qos: what `ros2 bag play` shall offer; reliable and volatile if None.
            definition: that of the bag from which messages are copied; None takes the one known
                here, or that of a sourced ROS 2.

        Raises:
            BagError: an unknown type, the topic has another type, the type has another definition,
                or the bag is closed.
        """
        with self._lock:
            self._check_open()
            known = self._topics.get(topic)
            if known is not None:
                if known.type != type_name:
                    both = f"{known.type} and {type_name}"
                    raise BagError(f"topic {topic} is announced as {both}; a topic has one type")
                return
            found = self._definitions.take(topic, type_name, definition)
            offered = qos_profile() if qos is None else qos
            record = TopicRecord(
                topic, type_name, found.encoding, found.text, found.type_hash, (offered,)
            )
            if self._file is not None:
                self._file.add_topic(record)
            self._topics[topic] = record
            self.counts[topic] = 0

    def write(self, topic: str, data: bytes | memoryview, stamp_ns: int) -> None:
        """Takes one message.

        Args:
            topic: an announced topic.
            data: the message in CDR, with its 4 bytes of encapsulation.
            stamp_ns: when it was received [ns], not negative.

        Raises:
            BagError: the topic was not announced, the data is not CDR, the stamp is negative, the
                bag is closed, or the disk refuses; the message is then not in the bag.
        """
        with self._lock:
            self._check_open()
            if topic not in self._topics:
                raise BagError(f"topic {topic} was not announced to bag {self.path}")
            if len(data) < 4 or data[0] != 0 or data[1] > 1:
                raise BagError(f"message on {topic} is not serialised as CDR")
            if not 0 <= stamp_ns < 2**63:
                sign = "negative " if stamp_ns < 0 else ""
                raise BagError(f"message on {topic} has the {sign}stamp {stamp_ns}")
            if self._trouble:
                raise BagError(self._trouble)
            try:
                file = self._file_for(stamp_ns)
                if file.waiting > _LARGEST_BATCH:
                    file.flush()
            except OSError as error:
                raise BagError(self._note_trouble(error)) from None
            file.write(topic, data, stamp_ns)
            self.counts[topic] += 1

    def close(self) -> None:
        """Finishes the bag and writes its metadata; closing twice does nothing.

        Raises:
            BagError: the disk refuses; what it took before is kept.
        """
        self._closing.set()
        self._flusher.join()
        with self._lock:
            if not self._open:
                return
            self._open = False
            try:
                self._finish_file()
                self._write_metadata()
            except OSError as error:
                if self._file is not None:
                    self._file.abandon()
                raise BagError(
                    f"bag {self.path} cannot be finished: {_reason(error)}; what was recorded "
                    f"before is kept: free space, then `pam_ros bag repair {self.path}`"
                ) from None

    def __enter__(self) -> BagWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
            return
        try:
            self.close()
        except BagError as second:  # the first error is the one to show
            _LOG.error("%s", second)

    @property
    def trouble(self) -> str:
        """Why the disk takes nothing at the moment; empty where it does."""
        return self._trouble

    def _keep_flushing(self) -> None:
        while not self._closing.wait(FLUSH_SECONDS):
            with self._lock:
                try:
                    if self._file is None:
                        self._begin_file()
                    else:
                        self._file.flush()
                except OSError as error:
                    self._note_trouble(error)
                else:
                    if self._trouble:
                        _LOG.warning("bag %s: recording goes on", self.path)
                    self._trouble = ""

    def _note_trouble(self, error: OSError) -> str:
        sentence = f"bag {self.path} cannot be written: {_reason(error)}"
        if sentence != self._trouble:
            _LOG.error("%s; what was recorded before is kept", sentence)
        self._trouble = sentence
        return sentence

    def _file_for(self, stamp_ns: int) -> _StorageFile:
        if self._file is not None and (self._ending or self._is_full(self._file, stamp_ns)):
            self._finish_file()
        return self._begin_file() if self._file is None else self._file

    def _begin_file(self) -> _StorageFile:
        file = self._new_file()
        for topic in self._topics.values():
            file.add_topic(topic)
        self._file = file
        return file

    def _is_full(self, file: _StorageFile, stamp_ns: int) -> bool:
        if not file.facts.messages:
            return False
        too_large = 0 < self._split_bytes <= file.size
        return too_large or 0 < self._split_ns <= stamp_ns - file.facts.first_ns

    def _first_file(self) -> _StorageFile:
        self.path.mkdir(parents=True)
        try:
            return self._new_file()
        except OSError:
            # An empty folder would be in the way of the next attempt.
            with suppress(OSError):
                self.path.rmdir()
            raise

    def _new_file(self) -> _StorageFile:
        kind = mcap_file if self._storage == "mcap" else sqlite_file
        path = self.path / f"{self.path.name}_{len(self._finished)}{kind.ENDING}"
        file = mcap_file.McapFile if self._storage == "mcap" else sqlite_file.SqliteFile
        return file(path, self._compression, self._version, self._custom)

    def _finish_file(self) -> None:
        if self._file is not None:
            # Where the disk refuses now, the next write tries again before it adds anything.
            self._ending = True
            self._file.finish()
            self._finished.append(self._file.facts)
            self._file, self._ending = None, False

    def _write_metadata(self) -> None:
        by_message = self._storage == "sqlite3" and self._compression == "zstd"
        information = bag_metadata(
            self._storage,
            self._finished,
            self._topics.values(),
            message_compression="zstd" if by_message else "",
            version=self._version,
            custom=self._custom,
        )
        write_metadata(self.path, information)

    def _check_open(self) -> None:
        if not self._open:
            raise BagError(f"bag {self.path} is closed")


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
