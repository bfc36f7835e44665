# SPDX-License-Identifier: Apache-2.0
"""Reads whole mcap files that rosbags does not: without an index, or without a profile.

Without an index, messages may lie in any order. They are given in the order of their stamps: one
pass notes where each lies, and reading goes from place to place.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from contextlib import suppress
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from mcap.data_stream import ReadDataStream
from mcap.opcode import Opcode
from mcap.records import Channel, Chunk, ChunkIndex, Header, Schema
from rosbags.interfaces import (
    Connection,
    ConnectionExtRosbag2,
    MessageDefinition,
    MessageDefinitionFormat,
)
from rosbags.rosbag2 import ReaderError
from rosbags.rosbag2.metadata import ReaderMetadata

from pam_ros.bags.mcap_file import QOS_KEY
from pam_ros.bags.salvage.found import DAMAGE, qos_profiles
from pam_ros.bags.salvage.kind import why_not_ros2
from pam_ros.bags.salvage.mcap_records import (
    HEAD,
    MAGIC,
    footer_of,
    frames,
    records_in,
    summary_of,
    unpack,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

_FORMATS = {
    "ros2msg": MessageDefinitionFormat.MSG,
    "ros2idl": MessageDefinitionFormat.IDL,
    "": MessageDefinitionFormat.NONE,
}
_CHUNKS_KEPT = 8
_MESSAGE_HEAD = 22
_NOTHING = ReaderMetadata(0, 2**63 - 1, 0, 0, None, None, None, None)


def has_to_be_scanned(path: Path) -> bool:
    """Whether a closed file names no profile, or has no index by which rosbags finds messages."""
    with suppress(OSError, *DAMAGE), path.open("rb") as file:
        if file.read(len(MAGIC)) == MAGIC and footer_of(file) is not None:
            return _profile(file) == "" or not _is_indexed(file)
    return False


class ScannedMcap:
    """A storage as rosbags' readers ask for it: `open`, `connections`, `metadata`, `messages`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connections: list[Connection] = []
        self.metadata = _NOTHING
        self._file: BinaryIO | None = None
        self._schemas: dict[int, Schema] = {}
        self._profile: str | None = None
        self._counts: dict[int, int] = {}
        self._stamps = array("Q")
        self._channels = array("H")
        self._chunks = array("Q")
        self._places = array("Q")
        self._sizes = array("Q")
        self._unpacked: OrderedDict[int, bytes] = OrderedDict()

    def open(self) -> None:
        """Note where each message lies.

        Raises:
            ReaderError: the file is damaged, or no recording of ROS 2.
            OSError: it cannot be read.
        """
        self._file = self.path.open("rb")
        try:
            self._scan(self._file)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
        self._file = None
        self._unpacked.clear()

    def messages(
        self,
        connections: Collection[Connection],
        start: int | None = None,
        stop: int | None = None,
    ) -> Iterator[tuple[Connection, int, bytes]]:
        """Connection, stamp [ns] and data, in the order of the stamps.

        Args:
            connections: those that are wanted.
            start: the first stamp that is wanted.
            stop: the first stamp that is no longer wanted.
        """
        wanted = {connection.id: connection for connection in connections}
        for index in np.argsort(np.frombuffer(self._stamps, np.uint64), kind="stable"):
            stamp, channel = self._stamps[index], self._channels[index]
            if (
                channel not in wanted
                or stamp < (start or 0)
                or (stop is not None and stamp >= stop)
            ):
                continue
            yield wanted[channel], stamp, self._data(int(index))

    def _scan(self, file: BinaryIO) -> None:
        self._profile = _profile(file)
        if self._profile not in {"", "ros2"}:
            raise ReaderError("Profile is not ros2.")
        notes: list[str] = []
        for frame in frames(file, notes):
            if frame.content is None or notes:
                continue
            if frame.opcode == Opcode.CHUNK:
                chunk = unpack(Chunk.read(ReadDataStream(BytesIO(frame.content))))
                for opcode, place, content in records_in(chunk):
                    self._take(opcode, content, frame.start, place)
            else:
                self._take(frame.opcode, frame.content, 0, frame.start + HEAD.size)
        if notes:
            raise ReaderError(notes[0])
        self.connections = [
            connection._replace(msgcount=self._counts.get(connection.id, 0))
            for connection in self.connections
        ]
        if self._stamps:
            first, last = min(self._stamps), max(self._stamps)
            self.metadata = _NOTHING._replace(
                duration=last - first + 1,
                start_time=first,
                end_time=last + 1,
                message_count=len(self._stamps),
            )

    def _take(self, opcode: int, content: bytes, chunk: int, place: int) -> None:
        stream = ReadDataStream(BytesIO(content))
        if opcode == Opcode.SCHEMA:
            schema = Schema.read(stream)
            self._schemas[schema.id] = schema
        elif opcode == Opcode.CHANNEL:
            self._connect(Channel.read(stream))
        elif opcode == Opcode.MESSAGE:
            channel = stream.read2()
            stream.read4()
            self._channels.append(channel)
            self._stamps.append(stream.read8())
            self._chunks.append(chunk)
            self._places.append(place + _MESSAGE_HEAD)
            self._sizes.append(len(content) - _MESSAGE_HEAD)
            self._counts[channel] = self._counts.get(channel, 0) + 1

    def _connect(self, channel: Channel) -> None:
        if any(channel.id == known.id for known in self.connections):
            return
        schema = self._schemas.get(channel.schema_id) or Schema(0, b"", "", "")
        why = why_not_ros2(self._profile, channel.topic, channel.message_encoding, schema.encoding)
        if not why and schema.encoding not in _FORMATS:
            why = f"topic {channel.topic!r:.100} is defined in {schema.encoding!r:.40}"
        if why:
            raise ReaderError(f"it is not a recording of ROS 2: {why}")
        profiles = list(qos_profiles(channel.metadata.get(QOS_KEY, "")) or ())
        self.connections.append(
            Connection(
                channel.id,
                channel.topic,
                schema.name or "__schemaless__",
                MessageDefinition(_FORMATS[schema.encoding], schema.data.decode()),
                "",
                0,
                ConnectionExtRosbag2(channel.message_encoding, profiles),
                self,
            )
        )

    def _data(self, index: int) -> bytes:
        place, size = self._places[index], self._sizes[index]
        if self._file is None:
            raise ReaderError("the file is closed")
        if not self._chunks[index]:
            self._file.seek(place)
            return self._file.read(size)
        return self._chunk(self._file, self._chunks[index])[place : place + size]

    def _chunk(self, file: BinaryIO, start: int) -> bytes:
        """The records of a chunk; the last ones stay unpacked."""
        if start not in self._unpacked:
            file.seek(start)
            _, length = HEAD.unpack(file.read(HEAD.size))
            chunk = Chunk.read(ReadDataStream(BytesIO(file.read(length))))
            self._unpacked[start] = unpack(chunk)
            if len(self._unpacked) > _CHUNKS_KEPT:
                self._unpacked.popitem(last=False)
        self._unpacked.move_to_end(start)
        return self._unpacked[start]


def _is_indexed(file: BinaryIO) -> bool:
    """Whether the summary has what rosbags goes by: schemas, channels, and chunks with an index."""
    opcodes = set()
    for opcode, content in summary_of(file):
        opcodes.add(opcode)
        if opcode == Opcode.CHUNK_INDEX:
            index = ChunkIndex.read(ReadDataStream(BytesIO(content)))
            if not index.message_index_offsets:
                return False
    return {Opcode.SCHEMA, Opcode.CHANNEL, Opcode.CHUNK_INDEX} <= opcodes


def _profile(file: BinaryIO) -> str | None:
    file.seek(len(MAGIC))
    opcode, length = HEAD.unpack(file.read(HEAD.size))
    if opcode != Opcode.HEADER or length > 1 << 20:
        return None
    profile: str = Header.read(ReadDataStream(BytesIO(file.read(length)))).profile
    return profile
