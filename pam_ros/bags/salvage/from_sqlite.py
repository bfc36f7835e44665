# SPDX-License-Identifier: Apache-2.0
"""What a sqlite3 bag still holds. A log beside it is played back, so a copy is needed then."""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import yaml

from pam_ros.bags.errors import BagError
from pam_ros.bags.metadata import TopicRecord
from pam_ros.bags.salvage.found import (
    DAMAGE,
    Salvage,
    SalvagedMessage,
    SalvagedTopic,
    Tally,
    payload,
)
from pam_ros.bags.salvage.sqlite_pages import Pages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pam_ros.bags.salvage.sqlite_pages import Value

LOGS = ("-wal", "-journal")
"""Files beside a database that was not closed; without them it is not whole."""

_SQLITE = b"SQLite format 3\0"
_TOPIC = (
    "id",
    "name",
    "type",
    "serialization_format",
    "offered_qos_profiles",
    "type_description_hash",
)
_EMPTY = 1 << 16
_ENCODINGS = frozenset({"ros2msg", "ros2idl"})


class SqliteSalvage(Salvage):
    """See Salvage. A whole database is read by SQLite, a damaged one page by page.

    Args:
        path: the database.
        name: what it is called in the bag, if this is a copy.
        copy: it may be changed, as playing back its log does.
    """

    def __init__(self, path: Path, name: str = "", *, copy: bool = False) -> None:
        super().__init__(path, name)
        self._copy = copy
        self._sound = False
        self._definitions: dict[str, tuple[str, str]] = {}

    def survey(self) -> None:
        """Read all of the file and fill the attributes.

        Raises:
            BagError: it is no sqlite3 file, or not a recording of ROS 2.
            OSError: the disk refuses.
        """
        with self.path.open("rb") as file:
            begin = file.read(len(_SQLITE))
        if not _SQLITE.startswith(begin):
            raise BagError(f"{self.path} is no sqlite3 file")
        self._sound = self._intact()
        try:
            with closing(self._open()) as database:
                self._read_tables(database)
        # SQLite's own message may quote damaged text, which Python then cannot decode.
        except (sqlite3.Error, UnicodeDecodeError) as error:
            self._broken(f"the database is damaged ({error})")
        except (OverflowError, MemoryError) as error:
            self._broken(f"the database holds impossible values ({type(error).__name__})")
        if not self._sound and self.path.stat().st_size:
            self._topics_from_pages()
        self._count_rows()
        self.complete = self._sound and not self.notes

    def read(self) -> Iterator[SalvagedMessage]:
        """All that can be kept, in the order of their numbers; the same each time.

        Raises:
            OSError: the disk refuses.
        """
        for row in self._rows():
            message = self._message(row)
            if message is not None and message.key in self.topics:
                with suppress(*DAMAGE):
                    payload(message.data)
                    yield message

    def _broken(self, note: str) -> None:
        self._sound = False
        self.notes.append(note)

    def _intact(self) -> bool:
        """Whether the file has the size that it states; a note if not."""
        size = self.path.stat().st_size
        if not size:
            self._broken("it ends before anything was recorded")
            return False
        if self._copy:
            with suppress(sqlite3.Error), closing(self._open()) as database:
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            size = self.path.stat().st_size
        with self.path.open("rb") as file:
            head = file.read(100).ljust(100, b"\0")
        (page,) = struct.unpack_from(">H", head, 16)
        changes, pages, valid_for = (struct.unpack_from(">I", head, at)[0] for at in (24, 28, 92))
        page = 65536 if page == 1 else page
        self.cut = bool(page and (size % page or (changes == valid_for and size < page * pages)))
        if self.cut:
            self.notes.append(f"it is cut off at byte {size}")
        return not self.cut

    def _open(self) -> sqlite3.Connection:
        if self._copy:
            database = sqlite3.connect(self.path)
        else:
            # Nothing is written beside it either, so that what is whole stays as it was.
            address = f"{self.path.absolute().as_uri()}?immutable=1"
            database = sqlite3.connect(address, uri=True)
        database.execute("PRAGMA trusted_schema = OFF")
        # A file that was cut off is refused without this; nothing is written.
        database.execute("PRAGMA writable_schema = ON")
        database.text_factory = self._text
        return database

    def _read_tables(self, database: sqlite3.Connection) -> None:
        tables = tables_in(database)
        if not {"topics", "messages"} <= tables:
            self._broken("it ends before anything was recorded")
            return
        if "message_definitions" in tables:
            self._read_definitions(database)
        self._read_topics(database)
        if "metadata" in tables:
            self._read_stated(database)
        checks = database.execute("PRAGMA quick_check(1)").fetchone()
        if checks != ("ok",):
            self._broken(f"the database is damaged ({checks[0].splitlines()[-1]:.100})")

    def _read_definitions(self, database: sqlite3.Connection) -> None:
        query = "SELECT topic_type, encoding, encoded_message_definition FROM message_definitions"
        try:
            for name, encoding, text in database.execute(query):
                self._definitions[name] = (str(encoding), str(text))
        except (sqlite3.Error, UnicodeDecodeError) as error:
            self._broken(f"definitions are damaged ({error})")

    def _read_topics(self, database: sqlite3.Connection) -> None:
        columns = [row[1] for row in database.execute("PRAGMA table_info(topics)")]
        present = [name if name in columns else "''" for name in _TOPIC]
        try:
            self._announce_all(database, present)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            self._broken(f"what is said of topics is damaged ({error})")
            # The rest of a row, which may lie on another page, is not needed.
            self._announce_all(database, [*present[:3], *["''"] * (len(_TOPIC) - 3)])

    def _announce_all(self, database: sqlite3.Connection, columns: list[str]) -> None:
        query = f"SELECT {', '.join(columns)} FROM topics ORDER BY id"  # noqa: S608
        for row in database.execute(query):
            self._announce(row)

    def _read_stated(self, database: sqlite3.Connection) -> None:
        with suppress(yaml.YAMLError, RecursionError, sqlite3.Error):
            row = database.execute("SELECT metadata FROM metadata ORDER BY id DESC").fetchone()
            stated = yaml.safe_load(str(row[0])[: 16 << 20]) if row else None
            if isinstance(stated, dict):
                self.stated = stated

    def _announce(self, row: tuple[Value, ...]) -> None:
        identity, name, kind, form, qos, type_hash = row
        if not (isinstance(identity, int) and isinstance(name, str) and isinstance(kind, str)):
            self.notes.append("a topic without number, name or type is left out")
            return
        if identity in self.topics:
            return
        if form not in {"cdr", ""}:
            raise BagError(
                f"{self.path} is not a recording of ROS 2's CDR: topic {name!r:.100} holds "
                f"{form!r:.40} messages"
            )
        encoding, text = self._definitions.get(kind, ("", ""))
        profiles = self._profiles(str(qos or "")) or ()
        record = TopicRecord(name, kind, encoding, text, str(type_hash or ""), profiles)
        self.topics[identity] = SalvagedTopic(record, {})

    def _topics_from_pages(self) -> None:
        """Topics and definitions of a damaged database, by the form of their rows."""
        pages = Pages(self.path)
        topics: list[tuple[Value, ...]] = []
        try:
            for place in pages.places():
                row = pages.row(place)
                if row is None or not 4 <= len(row) <= 6 or not isinstance(row[1], str):
                    continue
                if len(row) == 5 and row[2] in _ENCODINGS:
                    self._definitions.setdefault(row[1], (str(row[2]), str(row[3])))
                elif row[1].startswith("/") and row[3] == "cdr":
                    topics.append((place.number, *row[1:], *("",) * (6 - len(row))))
        finally:
            pages.close()
        for topic in topics:
            self._announce(topic)

    def _count_rows(self) -> None:
        try:
            tallies, bad = self._tallied()
        except (sqlite3.Error, UnicodeDecodeError, OverflowError) as error:
            self._broken(f"the database is damaged ({error})")
            tallies, bad = self._tallied()
        bad += self._settle(tallies)
        if bad:
            self.notes.append(f"{bad} rows are no messages")
        # A database is as large as this before its first message.
        self.unread = bool(bad) or (not self._sound and self.path.stat().st_size > _EMPTY)

    def _tallied(self) -> tuple[dict[int, Tally], int]:
        tallies: dict[int, Tally] = {}
        bad = 0
        for row in self._rows():
            message = self._message(row)
            try:
                if message is None:
                    bad += 1
                else:
                    tallies.setdefault(message.key, Tally()).add(message)
            except DAMAGE:
                bad += 1
        return tallies, bad

    def _rows(self) -> Iterator[tuple[Value, ...]]:
        """Number, topic, stamp and data of all rows."""
        if self._sound:
            with closing(self._open()) as database:
                yield from database.execute(
                    "SELECT id, topic_id, timestamp, data FROM messages ORDER BY id"
                )
        elif self.path.stat().st_size:
            yield from self._rows_from_pages()

    def _rows_from_pages(self) -> Iterator[tuple[Value, ...]]:
        pages = Pages(self.path)
        try:
            last = None
            for place in sorted(pages.places()):
                row = pages.row(place) if place.number != last else None
                if row is not None and len(row) == 4 and isinstance(row[3], bytes):
                    last = place.number
                    yield (place.number, *row[1:])
        finally:
            pages.close()

    def _text(self, raw: bytes) -> str:
        try:
            return raw.decode()
        except UnicodeDecodeError:
            self.notes.append("a text is damaged")
            return raw.decode(errors="replace")

    @staticmethod
    def _message(row: tuple[Value, ...]) -> SalvagedMessage | None:
        number, topic, stamp, data = row
        if not (isinstance(number, int) and isinstance(topic, int) and isinstance(stamp, int)):
            return None
        return (
            SalvagedMessage(topic, data, stamp, stamp, number) if isinstance(data, bytes) else None
        )


def tables_in(database: sqlite3.Connection) -> set[str]:
    """The names of the tables that are no more than tables.

    Raises:
        sqlite3.Error: the database is damaged.
    """
    rows = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
    # A virtual table runs code of its choice.
    return {str(name) for name, sql in rows if str(sql).lstrip().upper().startswith("CREATE TABLE")}


def is_unclosed(database: Path) -> bool:
    """Whether a .db3 file has a log beside it, without which it is not whole."""
    for log in LOGS:
        with suppress(OSError):
            if database.with_name(database.name + log).stat().st_size > 0:
                return True
    return False
