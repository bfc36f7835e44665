# SPDX-License-Identifier: Apache-2.0
"""Bags of numbered words, whole and cut, and what is in them."""

import pytest
from mcap.writer import CompressionType, Writer
from synthetic_bags import START_NS, string_cdr

from pam_ros.bags import BagReader, BagWriter, qos

STRING = "std_msgs/msg/String"
STORAGES = pytest.mark.parametrize("storage", ["mcap", "sqlite3"])


def record(bag, storage="mcap", count=40, **options) -> None:
    with BagWriter(bag, storage, **options) as writer:
        writer.add_topic("/words", STRING, qos(durability="transient_local"))
        for index in range(count):
            writer.write("/words", string_cdr(f"message {index}"), START_NS + index)


def words(bag) -> list[str]:
    with BagReader(bag) as reader:
        return [reader.decode(message).data for message in reader.messages()]


def expected(count) -> list[str]:
    return [f"message {index}" for index in range(count)]


def contents(folder) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def several_chunks(path, count=40, per_chunk=10, end=True, compression=CompressionType.ZSTD):
    """An mcap file of the library alone, with so many messages in each chunk."""
    with path.open("wb") as stream:
        writer = Writer(stream, compression=compression)
        writer.start(profile="ros2")
        schema = writer.register_schema(STRING, "ros2msg", b"string data")
        channel = writer.register_channel("/words", "cdr", schema)
        places = []
        for index in range(count):
            writer.add_message(
                channel, START_NS + index, string_cdr(f"message {index}"), START_NS + index
            )
            if index % per_chunk == per_chunk - 1:
                places.append(stream.tell())
                writer.flush()
        if end:
            writer.finish()
    return places
