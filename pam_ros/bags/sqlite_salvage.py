# SPDX-License-Identifier: Apache-2.0
"""Reads what is left of a sqlite3 bag, from a copy: log played back, damaged rows skipped."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import zstandard

from pam_ros.bags.errors import BagError
from pam_ros.bags.metadata import TopicRecord
from pam_ros.bags.salvage import Salvage, SalvagedMessage, unpack_zstd

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOGS = ("-wal", "-journal")
"""Files beside a database that was not closed; without them it is not whole."""

_ZSTD = b"\x28\xb5\x2f\xfd"
_SQLITE = b"SQLite format 3\0"


class SqliteSalvage(Salvage):
    """See Salvage. Takes a database that may be changed: a copy."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._names: dict[int, str] = {}
        self._bad_rows = 0

    def read(self) -> Iterator[TopicRecord | SalvagedMessage]:
        """Topics first, then messages by their number.

        Raises:
            BagError: it is no sqlite3 bag.
        """
        with self.path.open("rb") as file:
            begin = file.read(len(_SQLITE))
        if not _SQLITE.startswith(begin):
            raise BagError(f"{self.path} is no sqlite3 file")
        try:
            with closing(sqlite3.connect(self.path)) as database:
                database.execute("PRAGMA trusted_schema = OFF")
                # A file that was cut off is refused without this; nothing is written.
                database.execute("PRAGMA writable_schema = ON")
                database.text_factory = self._text
                tables = _tables(database)
                if not {"topics", "messages"} <= set(tables):
                    self.notes.append("it ends before anything was recorded")
                    return
                yield from self._read_topics(database, tables)
                yield from self._read_messages(database)
                # Before the log is folded in by closing: what is whole now is whole then.
                checks = database.execute("PRAGMA quick_check(1)").fetchone()
                self.complete = checks == ("ok",) and not self.notes
        # SQLite's own message may quote damaged text, which Python then cannot decode.
        except (sqlite3.Error, UnicodeDecodeError) as error:
            self.notes.append(f"the database is damaged ({error})")
        except (OverflowError, MemoryError) as error:
            self.notes.append(f"the database holds impossible values ({type(error).__name__})")
        if self._bad_rows:
            self.complete = False
            self.notes.append(f"{self._bad_rows} rows are no messages")

    def _read_topics(
        self, database: sqlite3.Connection, tables: dict[str, str]
    ) -> Iterator[TopicRecord]:
        definitions = {}
        if "message_definitions" in tables:
            for name, encoding, text in database.execute(
                "SELECT topic_type, encoding, encoded_message_definition FROM message_definitions"
            ):
                definitions[name] = (str(encoding), str(text))
        columns = [row[1] for row in database.execute("PRAGMA table_info(topics)")]
        offered = "offered_qos_profiles" if "offered_qos_profiles" in columns else "''"
        hashes = "type_description_hash" if "type_description_hash" in columns else "''"
        query = f"SELECT id, name, type, {offered}, {hashes} FROM topics ORDER BY id"  # noqa: S608
        for identity, name, kind, qos, type_hash in database.execute(query):
            if not (isinstance(identity, int) and isinstance(name, str) and isinstance(kind, str)):
                self.notes.append("a topic without number, name or type is left out")
                continue
            self._names[identity] = name
            if name not in self.topics:
                encoding, text = definitions.get(kind, ("", ""))
                record = TopicRecord(
                    name,
                    kind,
                    encoding,
                    text,
                    str(type_hash or ""),
                    self._profiles(str(qos or "")),
                )
                self.topics[name] = record
                yield record

    def _read_messages(self, database: sqlite3.Connection) -> Iterator[SalvagedMessage]:
        query = "SELECT id, topic_id, timestamp, data FROM messages ORDER BY id"
        last = -(2**63)
        try:
            for row in database.execute(query):
                last = row[0]
                yield from self._message(row)
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            self.notes.append(f"rows after number {last} are damaged ({error})")
        else:
            return
        try:
            for row in database.execute(f"{query} DESC"):
                if row[0] <= last:
                    return
                yield from self._message(row)
        except (sqlite3.DatabaseError, UnicodeDecodeError):
            return

    def _text(self, raw: bytes) -> str:
        try:
            return raw.decode()
        except UnicodeDecodeError:
            self.notes.append("a text is damaged")
            return raw.decode(errors="replace")

    def _message(self, row: tuple[object, ...]) -> Iterator[SalvagedMessage]:
        _, topic_id, stamp, data = row
        name = self._names.get(topic_id) if isinstance(topic_id, int) else None
        if not (name and isinstance(stamp, int) and isinstance(data, bytes) and stamp >= 0):
            self._bad_rows += 1
            return
        # CDR begins with a zero byte, so that the two cannot be mistaken for each other.
        if data.startswith(_ZSTD):
            self.compressed = True
            try:
                data = unpack_zstd(data)
            except (zstandard.ZstdError, ValueError, MemoryError):
                self._bad_rows += 1
                return
        elif not data.startswith(b"\0"):
            self._bad_rows += 1
            return
        self.facts.add(name, stamp)
        yield SalvagedMessage(name, data, stamp, stamp)


def _tables(database: sqlite3.Connection) -> dict[str, str]:
    rows = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
    # A virtual table runs code of its choice.
    return {
        str(name): str(sql)
        for name, sql in rows
        if str(sql).lstrip().upper().startswith("CREATE TABLE")
    }


def is_unclosed(database: Path) -> bool:
    """Whether a .db3 file has a log beside it, without which it is not whole."""
    for log in LOGS:
        with suppress(OSError):
            if database.with_name(database.name + log).stat().st_size > 0:
                return True
    return False
