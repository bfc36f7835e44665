# SPDX-License-Identifier: Apache-2.0
"""What an mcap file still holds, byte for byte: messages are not decoded to be kept."""

from __future__ import annotations

import zlib
from contextlib import suppress
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

import yaml
from mcap.data_stream import ReadDataStream
from mcap.opcode import Opcode
from mcap.records import (
    Attachment,
    Channel,
    Chunk,
    ChunkIndex,
    Footer,
    Header,
    Message,
    Metadata,
    Schema,
    Statistics,
)

from pam_ros.bags.errors import BagError
from pam_ros.bags.mcap_file import CUSTOM, HASH_KEY, QOS_KEY
from pam_ros.bags.metadata import TopicRecord
from pam_ros.bags.salvage.found import (
    DAMAGE,
    Salvage,
    SalvagedMessage,
    SalvagedTopic,
    Tally,
    payload,
)
from pam_ros.bags.salvage.kind import why_not_ros2
from pam_ros.bags.salvage.mcap_records import (
    COMPRESSIONS,
    FOOTER_SIZE,
    KNOWN,
    MAGIC,
    NO_INDEX,
    frames,
    records_in,
    unpack,
    unpack_cut,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pam_ros.bags.salvage.found import Extra
    from pam_ros.bags.salvage.mcap_records import Frame

FACTS_KEY = "serialized_metadata"
"""Where rosbag2 keeps its metadata, in mcap's metadata record of the name "rosbag2"."""


class McapSalvage(Salvage):
    """See Salvage. Complete: all records are read, and what index and summary say agrees.

    Attributes:
        compression: of its chunks: "", "zstd" or "lz4".
    """

    def __init__(self, path: Path, name: str = "") -> None:
        super().__init__(path, name)
        self.compression = ""
        self._profile: str | None = None
        self._schemas: dict[int, Schema] = {}
        self._encodings: dict[int, str] = {}
        self._tallies: dict[int, Tally] = {}
        self._undecodable = 0
        self._other = 0
        self._chunks: set[int] = set()
        self._indexed: set[int] = set()
        self._statistics: Statistics | None = None

    def survey(self) -> None:
        """Read all of the file and fill the attributes.

        Raises:
            BagError: it is no mcap file, or not a recording of ROS 2.
            OSError: the disk refuses.
        """
        with self.path.open("rb") as file:
            begin = file.read(len(MAGIC))
            if not MAGIC.startswith(begin):
                raise BagError(f"{self.path} is no mcap file")
            if len(begin) < len(MAGIC):
                self.notes.append("it ends before anything was recorded")
                return
            for opcode, content, frame in self._records(file, self.notes):
                self._survey(file, opcode, content, frame)
        self._check_kind()
        orphans = self._settle(self._tallies)
        if orphans:
            self.notes.append(f"{orphans} messages belong to topics that nobody announced")
        if self._undecodable:
            self.notes.append(f"{self._undecodable} compressed messages are damaged")
        self.unread = any(note != NO_INDEX for note in self.notes)
        self.complete = self.complete and not self.notes and self._index_agrees()
        if self._other and not self.complete:
            self.notes.append(f"{self._other} records of unknown kinds are left out")

    def read(self) -> Iterator[SalvagedMessage | Extra]:
        """All that can be kept, in the order of the file; the same each time, after a survey.

        Raises:
            OSError: the disk refuses.
        """
        with self.path.open("rb") as file:
            for opcode, content, _ in self._records(file, []):
                with suppress(*DAMAGE):
                    item = self._item(opcode, content)
                    if item is not None:
                        yield item

    def _records(self, file: BinaryIO, notes: list[str]) -> Iterator[tuple[int, bytes, Frame]]:
        """All records, those in chunks too; of a damaged chunk none, of a cut one the first."""
        for frame in frames(file, notes):
            if frame.content is None:
                self._other += frame.opcode not in KNOWN
                continue
            if frame.opcode == Opcode.CHUNK:
                yield from self._chunk(frame, frame.content, notes)
            else:
                yield frame.opcode, frame.content, frame

    def _chunk(
        self, frame: Frame, content: bytes, notes: list[str]
    ) -> Iterator[tuple[int, bytes, Frame]]:
        try:
            if frame.cut:
                data = unpack_cut(content)
            else:
                chunk = Chunk.read(ReadDataStream(BytesIO(content)))
                data = unpack(chunk)
                self._chunks.add(frame.start)
                if chunk.compression in COMPRESSIONS:
                    self.compression = chunk.compression or self.compression
                if chunk.compression not in COMPRESSIONS or len(data) != chunk.uncompressed_size:
                    notes.append(f"the chunk at byte {frame.start} says wrongly how it is packed")
            for opcode, _, record in records_in(data, cut=frame.cut):
                yield opcode, record, frame
        except DAMAGE as error:
            notes.append(_damage(frame, error))

    def _item(self, opcode: int, content: bytes) -> SalvagedMessage | Extra | None:
        stream = ReadDataStream(BytesIO(content))
        if opcode == Opcode.MESSAGE:
            message = _message(content)
            if message.key in self.topics:
                payload(message.data)
                return message
        elif opcode == Opcode.ATTACHMENT:
            attachment: Attachment = Attachment.read(stream)
            return attachment
        elif opcode == Opcode.METADATA:
            metadata: Metadata = Metadata.read(stream)
            return metadata
        return None

    def _survey(self, file: BinaryIO, opcode: int, content: bytes, frame: Frame) -> None:
        try:
            if opcode == Opcode.MESSAGE:
                self._count(_message(content))
            else:
                self._take(file, opcode, content, frame)
        except DAMAGE as error:
            self.notes.append(_damage(frame, error))

    def _count(self, message: SalvagedMessage) -> None:
        try:
            self._tallies.setdefault(message.key, Tally()).add(message)
        except DAMAGE:
            self._undecodable += 1

    def _take(self, file: BinaryIO, opcode: int, content: bytes, frame: Frame) -> None:
        stream = ReadDataStream(BytesIO(content))
        if opcode == Opcode.HEADER:
            self._profile = Header.read(stream).profile
            if self._profile not in {"ros2", ""}:
                raise BagError(f"{self.path} is a recording of '{self._profile}', not of ROS 2")
        elif opcode == Opcode.SCHEMA:
            schema = Schema.read(stream)
            self._schemas.setdefault(schema.id, schema)
        elif opcode == Opcode.CHANNEL:
            self._announce(Channel.read(stream))
        elif opcode == Opcode.METADATA:
            self._take_metadata(Metadata.read(stream))
        elif opcode == Opcode.CHUNK_INDEX:
            self._indexed.add(ChunkIndex.read(stream).chunk_start_offset)
        elif opcode == Opcode.STATISTICS:
            self._statistics = Statistics.read(stream)
        elif opcode == Opcode.FOOTER:
            self._end(file, frame, Footer.read(stream))

    def _take_metadata(self, metadata: Metadata) -> None:
        if metadata.name == "rosbag2":
            self._stated(metadata.metadata.get(FACTS_KEY, ""))
        elif metadata.name == CUSTOM:
            self.custom = dict(metadata.metadata)

    def _announce(self, channel: Channel) -> None:
        if channel.id in self.topics:
            return
        schema = self._schemas.get(channel.schema_id) or Schema(0, b"", "", "")
        record = TopicRecord(
            channel.topic,
            schema.name,
            schema.encoding,
            schema.data.decode(errors="replace"),
            channel.metadata.get(HASH_KEY, ""),
            self._profiles(channel.metadata.get(QOS_KEY, "")) or (),
        )
        self.topics[channel.id] = SalvagedTopic(record, channel.metadata)
        self._encodings[channel.id] = channel.message_encoding

    def _stated(self, text: str) -> None:
        with suppress(yaml.YAMLError, RecursionError):
            stated = yaml.safe_load(text[: 16 << 20])
            if isinstance(stated, dict):
                self.stated = stated

    def _check_kind(self) -> None:
        """Refuse a file of another kind; of a damaged one, leave out what was only announced.

        A channel that holds no message must not keep a damaged recording from being saved.

        Raises:
            BagError: it is a recording of something else.
        """
        reasons = {key: why for key in self.topics if (why := self._why_not(key))}
        held = [why for key, why in reasons.items() if key in self._tallies]
        whole = self.complete and not self.notes
        if held or (reasons and (whole or len(reasons) == len(self.topics))):
            reason = next(iter(held or reasons.values()))
            raise BagError(f"{self.path} is not a recording of ROS 2: {reason}")
        for key, why in reasons.items():
            self.notes.append(f"left out, since it holds no message: {why}")
            del self.topics[key]

    def _why_not(self, key: int) -> str:
        record = self.topics[key].record
        return why_not_ros2(self._profile, record.name, self._encodings[key], record.encoding)

    def _end(self, file: BinaryIO, frame: Frame, footer: Footer) -> None:
        after = frame.start + FOOTER_SIZE
        file.seek(after)
        self.complete = file.read() == MAGIC
        if self.complete and footer.summary_start:
            self.complete = len(MAGIC) < footer.summary_start <= frame.start
        if self.complete and footer.summary_crc:
            # Without a summary, the checksum is of the footer alone.
            begin = footer.summary_start or frame.start
            file.seek(begin)
            self.complete = zlib.crc32(file.read(after - 4 - begin)) == footer.summary_crc

    def _index_agrees(self) -> bool:
        """Whether what there is of an index fits; a file may have none."""
        statistics = self._statistics
        return (statistics is None or statistics.message_count == self.facts.messages) and (
            not self._indexed or self._indexed == self._chunks
        )


def _message(content: bytes) -> SalvagedMessage:
    message = Message.read(ReadDataStream(BytesIO(content)), len(content))
    return SalvagedMessage(
        message.channel_id, message.data, message.log_time, message.publish_time, message.sequence
    )


def _damage(frame: Frame, error: Exception) -> str:
    reason = str(error).splitlines()[0][:100] if str(error) else "cut off"
    return f"the record at byte {frame.start} is damaged ({reason})"
