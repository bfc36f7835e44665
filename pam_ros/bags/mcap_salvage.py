# SPDX-License-Identifier: Apache-2.0
"""Reads what is left of an mcap file: up to the first byte that makes no sense, chunk by chunk.

Nothing in the file is believed: lengths are held against the file's size, what is compressed
against a limit, and every chunk against its checksum.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

import lz4.frame  # type: ignore[import-untyped]
from mcap.data_stream import ReadDataStream
from mcap.opcode import Opcode
from mcap.records import (
    Channel,
    Chunk,
    ChunkIndex,
    Footer,
    Header,
    Message,
    Schema,
    Statistics,
)

from pam_ros.bags.errors import BagError
from pam_ros.bags.mcap_file import HASH_KEY, QOS_KEY
from pam_ros.bags.metadata import TopicRecord
from pam_ros.bags.salvage import (
    DAMAGE,
    LARGEST_RECORD,
    Salvage,
    SalvagedMessage,
    unpack_zstd,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAGIC = b"\x89MCAP0\r\n"

_FRAME = struct.Struct("<BQ")
_FOOTER_SIZE = 20
_KNOWN = frozenset(Opcode)


@dataclass(frozen=True)
class _Frame:
    """One record: where it lies, and its content; None where it is of no use here."""

    opcode: int
    start: int
    content: bytes | None


class McapSalvage(Salvage):
    """See Salvage. Complete: the file has its index and summary, and they agree with the rest."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._schemas: dict[int, Schema] = {}
        self._channels: dict[int, str | None] = {}
        self._chunks: set[int] = set()
        self._indexed: set[int] = set()
        self._statistics: Statistics | None = None
        self._orphans = 0

    def read(self) -> Iterator[TopicRecord | SalvagedMessage]:
        """Topics as they are announced, and messages in the order of the file.

        Raises:
            BagError: it is no mcap file, or no recording of ROS 2.
            OSError: the disk refuses.
        """
        with self.path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            begin = file.read(len(MAGIC))
            if not MAGIC.startswith(begin):
                raise BagError(f"{self.path} is no mcap file")
            if len(begin) < len(MAGIC):
                self.notes.append("it ends before anything was recorded")
                return
            for frame in self._frames(file, size):
                yield from self._try(file, frame)
        if self._orphans:
            self.notes.append(f"{self._orphans} messages belong to topics that nobody announced")
        self.complete = self.complete and not self.notes and self._index_agrees()

    def _frames(self, file: BinaryIO, size: int) -> Iterator[_Frame]:
        position = len(MAGIC)
        while position < size:
            file.seek(position)
            head = file.read(_FRAME.size)
            if len(head) < _FRAME.size:
                self.notes.append(f"it is cut off at byte {position}")
                return
            opcode, length = _FRAME.unpack(head)
            if opcode not in _KNOWN and opcode < 0x80:
                self.notes.append(f"what begins at byte {position} is no record")
                return
            end = position + _FRAME.size + length
            if end > size:
                self.notes.append(f"the record at byte {position} is cut off")
                return
            if opcode not in _READ:
                yield _Frame(opcode, position, None)
            elif length > LARGEST_RECORD:
                self.notes.append(f"the record at byte {position} is larger than 1 GiB")
            else:
                yield _Frame(opcode, position, file.read(length))
            if opcode == Opcode.FOOTER:
                return
            position = end
        self.notes.append("index and summary are missing")

    def _try(self, file: BinaryIO, frame: _Frame) -> Iterator[TopicRecord | SalvagedMessage]:
        try:
            yield from self._take(file, frame)
        except DAMAGE as error:
            reason = str(error).splitlines()[0][:100] if str(error) else "cut off"
            self.notes.append(f"the record at byte {frame.start} is damaged ({reason})")

    def _take(self, file: BinaryIO, frame: _Frame) -> Iterator[TopicRecord | SalvagedMessage]:
        if frame.content is None:
            return
        stream = ReadDataStream(BytesIO(frame.content))
        if frame.opcode == Opcode.HEADER:
            profile = Header.read(stream).profile
            if profile not in {"ros2", ""}:
                raise BagError(f"{self.path} is a recording of '{profile}', not of ROS 2")
        elif frame.opcode == Opcode.CHUNK:
            chunk = Chunk.read(stream)
            self.compressed |= chunk.compression != ""
            for opcode, content in _records(_unpack(chunk)):
                yield from self._record(opcode, content)
            self._chunks.add(frame.start)
        elif frame.opcode == Opcode.CHUNK_INDEX:
            self._indexed.add(ChunkIndex.read(stream).chunk_start_offset)
        elif frame.opcode == Opcode.STATISTICS:
            self._statistics = Statistics.read(stream)
        elif frame.opcode == Opcode.FOOTER:
            self._end(file, frame, Footer.read(stream))
        else:
            yield from self._record(frame.opcode, frame.content)

    def _record(self, opcode: int, content: bytes) -> Iterator[TopicRecord | SalvagedMessage]:
        stream = ReadDataStream(BytesIO(content))
        if opcode == Opcode.SCHEMA:
            schema = Schema.read(stream)
            self._schemas[schema.id] = schema
        elif opcode == Opcode.CHANNEL:
            channel = Channel.read(stream)
            if channel.id not in self._channels:
                record = self._announced(channel)
                self._channels[channel.id] = None if record is None else record.name
                if record is not None and record.name not in self.topics:
                    self.topics[record.name] = record
                    yield record
        elif opcode == Opcode.MESSAGE:
            message = Message.read(stream, len(content))
            topic = self._channels.get(message.channel_id)
            if topic is None or message.log_time >= 2**63:
                self._orphans += 1
                return
            self.facts.add(topic, message.log_time)
            yield SalvagedMessage(topic, message.data, message.log_time, message.publish_time)

    def _announced(self, channel: Channel) -> TopicRecord | None:
        schema = self._schemas.get(channel.schema_id)
        if schema is None or channel.message_encoding != "cdr":
            self.notes.append(f"topic {channel.topic!r:.100} is no topic of ROS 2")
            return None
        known = self.topics.get(channel.topic)
        if known is not None:
            if known.type == schema.name:
                return known
            self.notes.append(f"topic {channel.topic!r:.100} has a second type, which is left out")
            return None
        return TopicRecord(
            channel.topic,
            schema.name,
            schema.encoding,
            schema.data.decode(),
            channel.metadata.get(HASH_KEY, ""),
            self._profiles(channel.metadata.get(QOS_KEY, "")),
        )

    def _end(self, file: BinaryIO, frame: _Frame, footer: Footer) -> None:
        after = frame.start + _FRAME.size + _FOOTER_SIZE
        file.seek(after)
        self.complete = file.read() == MAGIC and len(MAGIC) < footer.summary_start <= frame.start
        if self.complete and footer.summary_crc:
            file.seek(footer.summary_start)
            summary = file.read(after - 4 - footer.summary_start)
            self.complete = zlib.crc32(summary) == footer.summary_crc

    def _index_agrees(self) -> bool:
        statistics = self._statistics
        return (
            statistics is not None
            and statistics.message_count == self.facts.messages
            and self._indexed == self._chunks
        )


_READ = frozenset(
    {
        Opcode.HEADER,
        Opcode.SCHEMA,
        Opcode.CHANNEL,
        Opcode.MESSAGE,
        Opcode.CHUNK,
        Opcode.CHUNK_INDEX,
        Opcode.STATISTICS,
        Opcode.FOOTER,
    }
)


def _unpack(chunk: Chunk) -> bytes:
    if chunk.uncompressed_size > LARGEST_RECORD:
        raise ValueError("a chunk of more than 1 GiB")
    if chunk.compression == "zstd":
        data = unpack_zstd(chunk.data, chunk.uncompressed_size)
    elif chunk.compression == "lz4":
        decompressor = lz4.frame.LZ4FrameDecompressor()
        data = decompressor.decompress(chunk.data, max_length=chunk.uncompressed_size)
    elif chunk.compression:
        raise ValueError(f"unknown compression {chunk.compression!r:.20}")
    else:
        data = chunk.data
    if len(data) != chunk.uncompressed_size:
        raise ValueError("it has not the size that it states")
    if chunk.uncompressed_crc and zlib.crc32(data) != chunk.uncompressed_crc:
        raise ValueError("its checksum is wrong")
    return data


def _records(data: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position < len(data):
        opcode, length = _FRAME.unpack_from(data, position)
        start = position + _FRAME.size
        position = start + length
        if position > len(data):
            raise ValueError("a record reaches beyond its chunk")
        yield opcode, data[start:position]
