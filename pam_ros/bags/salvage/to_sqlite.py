# SPDX-License-Identifier: Apache-2.0
"""Writes what was salvaged of a database into a new one: rows and their numbers as they were."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import zstandard

from pam_ros.bags.metadata import VERSION, metadata_text, qos_text
from pam_ros.bags.salvage.found import ZSTD
from pam_ros.bags.sqlite_file import SCHEMA, TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from pam_ros.bags.metadata import TopicRecord
    from pam_ros.bags.salvage.from_sqlite import SqliteSalvage

_Row = tuple[int, int, int, bytes]


def write_sqlite(
    salvage: SqliteSalvage,
    new: Path,
    topics: Mapping[int, TopicRecord],
    information: Mapping[str, Any],
) -> None:
    """Write the new file.

    Args:
        salvage: the old file, after its survey.
        new: does not exist yet.
        topics: by their number in the old file, with definitions that can be read.
        information: rosbag2's metadata of this file.

    Raises:
        OSError: the disk refuses.
    """
    with new.open("xb"):
        pass
    try:
        with closing(sqlite3.connect(new, isolation_level=None)) as database:
            database.executescript(f"PRAGMA journal_mode = OFF; BEGIN; {TABLES}")
            database.execute(SCHEMA, (information.get("ros_distro", ""),))
            _write_topics(database, topics, information.get("version", VERSION))
            database.executemany("INSERT INTO messages VALUES (?, ?, ?, ?)", _rows(salvage))
            database.execute(
                "INSERT INTO metadata(metadata_version, metadata) VALUES (?, ?)",
                (information.get("version", VERSION), metadata_text(information)),
            )
            database.execute("COMMIT")
    except sqlite3.Error as error:
        raise OSError(str(error)) from error
    with new.open("rb") as written:
        os.fsync(written.fileno())


def _write_topics(
    database: sqlite3.Connection, topics: Mapping[int, TopicRecord], version: int
) -> None:
    for key, topic in topics.items():
        offered = qos_text(topic.qos, version)
        row = (key, topic.name, topic.type, "cdr", offered, topic.type_hash)
        database.execute("INSERT INTO topics VALUES (?, ?, ?, ?, ?, ?)", row)
    for topic in {topic.type: topic for topic in topics.values()}.values():
        database.execute(
            "INSERT INTO message_definitions(topic_type, encoding, encoded_message_definition, "
            "type_description_hash) VALUES (?, ?, ?, ?)",
            (topic.type, topic.encoding, topic.definition, topic.type_hash),
        )


def _rows(salvage: SqliteSalvage) -> Iterator[_Row]:
    compress = zstandard.ZstdCompressor().compress
    for message in salvage.read():
        data = message.data
        if salvage.compress_plain and not data.startswith(ZSTD):
            data = compress(data)
        yield message.number, message.key, message.stamp_ns, data
