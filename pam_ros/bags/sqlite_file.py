# SPDX-License-Identifier: Apache-2.0
"""One sqlite3 file of a bag, in rosbag2's schema 4, written transaction by transaction."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING

import zstandard

from pam_ros.bags.metadata import (
    VERSION,
    FileFacts,
    TopicRecord,
    bag_metadata,
    metadata_text,
    qos_text,
    ros_distro,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ENDING = ".db3"

TABLES = """
CREATE TABLE schema(schema_version INTEGER PRIMARY KEY, ros_distro TEXT NOT NULL);
CREATE TABLE metadata(
  id INTEGER PRIMARY KEY, metadata_version INTEGER NOT NULL, metadata TEXT NOT NULL);
CREATE TABLE topics(
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL,
  serialization_format TEXT NOT NULL, offered_qos_profiles TEXT NOT NULL,
  type_description_hash TEXT NOT NULL);
CREATE TABLE message_definitions(
  id INTEGER PRIMARY KEY, topic_type TEXT NOT NULL, encoding TEXT NOT NULL,
  encoded_message_definition TEXT NOT NULL, type_description_hash TEXT NOT NULL);
CREATE TABLE messages(
  id INTEGER PRIMARY KEY, topic_id INTEGER NOT NULL, timestamp INTEGER NOT NULL,
  data BLOB NOT NULL);
CREATE INDEX timestamp_idx ON messages (timestamp ASC);
"""
SCHEMA = "INSERT INTO schema(schema_version, ros_distro) VALUES (4, ?)"
_DEFINITION = (
    "INSERT INTO message_definitions(topic_type, encoding, encoded_message_definition, "
    "type_description_hash) VALUES (?, ?, ?, ?)"
)
_MESSAGE = "INSERT INTO messages(topic_id, timestamp, data) VALUES (?, ?, ?)"


class SqliteFile:
    """A new file, open until `finish`; each flush is one transaction. Not thread-safe.

    Args:
        path: of the file.
        compression: of each message, "none" or "zstd".
        version: of rosbag2's metadata.
        custom: custom data; those at the end count.

    Raises:
        OSError: the file cannot be made; nothing of it is left.
    """

    def __init__(
        self,
        path: Path,
        compression: str,
        version: int = VERSION,
        custom: Mapping[str, str] | None = None,
    ) -> None:
        self._version = version
        self._custom = custom or {}
        self.facts = FileFacts(path.name)
        self._message_compression = "zstd" if compression == "zstd" else ""
        self._compress = zstandard.ZstdCompressor().compress if compression == "zstd" else bytes
        self._topics: list[TopicRecord] = []
        self._ids: dict[str, int] = {}
        self._defined: set[str] = set()
        self._definitions: list[tuple[str, str, str, str]] = []
        self._rows: list[tuple[int, int, bytes]] = []
        self._new_topics: list[tuple[int, str, str, str, str, str]] = []
        self._waiting = 0
        self._written = 0
        with path.open("xb"):
            pass
        try:
            self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            # With a write-ahead log a commit costs no sync and survives a kill.
            self._execute("PRAGMA journal_mode = WAL")
            self._execute("PRAGMA synchronous = NORMAL")
            self._database.executescript(f"BEGIN; {TABLES}")
            self._database.execute(SCHEMA, (ros_distro(),))
            self._execute("COMMIT")
            if self._custom:
                self._write_metadata()
        except sqlite3.Error as error:
            with suppress(AttributeError):
                self.abandon()
            # Where it stayed, the same file could not be begun again.
            for ending in ("", "-wal", "-shm", "-journal"):
                path.with_name(path.name + ending).unlink(missing_ok=True)
            raise OSError(str(error)) from error

    @property
    def size(self) -> int:
        """Bytes of the messages so far."""
        return self._written + self._waiting

    @property
    def waiting(self) -> int:
        """Bytes that a kill would cost now."""
        return self._waiting

    def add_topic(self, topic: TopicRecord) -> None:
        """Announce a topic."""
        if topic.type not in self._defined:
            self._defined.add(topic.type)
            self._definitions.append(
                (topic.type, topic.encoding, topic.definition, topic.type_hash)
            )
        self._ids[topic.name] = len(self._ids) + 1
        offered = qos_text(topic.qos, self._version)
        identity = self._ids[topic.name]
        self._new_topics.append((identity, topic.name, topic.type, "cdr", offered, topic.type_hash))
        self._topics.append(topic)

    def write(
        self,
        topic: str,
        data: bytes | memoryview,
        stamp_ns: int,
        publish_ns: int | None = None,  # noqa: ARG002  (this schema has no place for it)
    ) -> None:
        """Add a message to the next transaction."""
        row = self._compress(bytes(data))
        self._rows.append((self._ids[topic], stamp_ns, row))
        self._waiting += len(row)
        self.facts.add(topic, stamp_ns)

    def flush(self) -> None:
        """One transaction with all that waits.

        Raises:
            OSError: the disk refuses; nothing of it is in the file, and the next flush tries again.
        """
        if not (self._rows or self._new_topics or self._definitions):
            return
        try:
            self._execute("BEGIN")
            self._database.executemany(_DEFINITION, self._definitions)
            self._database.executemany(
                "INSERT INTO topics VALUES (?, ?, ?, ?, ?, ?)", self._new_topics
            )
            self._database.executemany(_MESSAGE, self._rows)
            self._execute("COMMIT")
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):
                self._execute("ROLLBACK")
            raise OSError(str(error)) from error
        self._definitions.clear()
        self._new_topics.clear()
        self._rows.clear()
        self._written += self._waiting
        self._waiting = 0

    def finish(self) -> None:
        """Write the metadata and fold the log into the file. May be called again after an OSError.

        Raises:
            OSError: the disk refuses; what was flushed before is kept.
        """
        self.flush()
        try:
            self._write_metadata()
            self._execute("PRAGMA journal_mode = DELETE")
        except sqlite3.Error as error:
            raise OSError(str(error)) from error
        self._database.close()

    def abandon(self) -> None:
        """Close the file as it is."""
        with suppress(sqlite3.Error):
            self._database.close()

    def _write_metadata(self) -> None:
        information = bag_metadata(
            "sqlite3",
            [self.facts],
            self._topics,
            message_compression=self._message_compression,
            version=self._version,
            custom=self._custom,
        )
        self._execute("DELETE FROM metadata")
        self._database.execute(
            "INSERT INTO metadata(metadata_version, metadata) VALUES (?, ?)",
            (self._version, metadata_text(information)),
        )

    def _execute(self, statement: str) -> None:
        self._database.execute(statement)
