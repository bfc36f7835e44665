# SPDX-License-Identifier: Apache-2.0
"""The records of an mcap file that may be damaged: where they lie, and what is in its chunks.

Nothing in the file is believed: lengths are checked against the file's size, what is compressed
against a limit, and every chunk against its checksum.
"""

from __future__ import annotations

import struct
import zlib
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

import lz4.frame  # type: ignore[import-untyped]
from mcap.data_stream import ReadDataStream
from mcap.opcode import Opcode
from mcap.records import Chunk, ChunkIndex, Footer

from pam_ros.bags.salvage.found import DAMAGE, LARGEST_RECORD, ZSTD, unpack_zstd

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = b"\x89MCAP0\r\n"
HEAD = struct.Struct("<BQ")
"""What precedes a record: its opcode and its length."""
COMPRESSIONS = ("", "zstd", "lz4")
"""How chunks are packed."""
NO_INDEX = "index and summary are missing"
FOOTER_SIZE = HEAD.size + 20

_LZ4 = b"\x04\x22\x4d\x18"
_CHUNK_HEAD = struct.Struct("<QQQII")
KNOWN = frozenset(Opcode)
"""Records of other opcodes are their writer's own, or of a later version: readers skip them."""
_SKIPPED = frozenset(
    {
        Opcode.MESSAGE_INDEX,
        Opcode.ATTACHMENT_INDEX,
        Opcode.METADATA_INDEX,
        Opcode.SUMMARY_OFFSET,
        Opcode.DATA_END,
    }
)


@dataclass(frozen=True)
class Frame:
    """One record: where it begins, and its content; None if it is of no use here.

    `cut` says that the file ends within it.
    """

    opcode: int
    start: int
    content: bytes | None
    cut: bool = False


def frames(file: BinaryIO, notes: list[str]) -> Iterator[Frame]:
    """The records of a file one after another, and in `notes` what is wrong with them.

    Where the next record makes no sense, reading goes on at the next chunk that the index names.
    """
    size = file.seek(0, 2)
    position = len(MAGIC)
    while position < size:
        frame, end = _frame(file, position, size, notes)
        if frame is not None:
            yield frame
            if frame.opcode == Opcode.FOOTER and not frame.cut:
                return
        if end is None:
            # Records larger than the file and opcodes that do not exist: the way is lost.
            end = _next_chunk(file, position)
            if end is None:
                break
            notes.append(f"bytes {position} to {end} cannot be read")
        position = end
    notes.append(NO_INDEX)


def _frame(
    file: BinaryIO, position: int, size: int, notes: list[str]
) -> tuple[Frame | None, int | None]:
    """The record at a place, and where the next one begins; None for what nobody can know."""
    file.seek(position)
    head = file.read(HEAD.size)
    if len(head) < HEAD.size:
        notes.append(f"it is cut off at byte {position}")
        return None, None
    opcode, length = HEAD.unpack(head)
    if opcode == 0:
        notes.append(f"what begins at byte {position} is no record")
        return None, None
    end = position + HEAD.size + length
    if end > size:
        notes.append(f"the record at byte {position} is cut off")
        left = size - position - HEAD.size
        rest = file.read(left) if opcode == Opcode.CHUNK and left <= LARGEST_RECORD else None
        return Frame(opcode, position, rest, cut=True), None
    if opcode in _SKIPPED or opcode not in KNOWN:
        return Frame(opcode, position, None), end
    if length > LARGEST_RECORD:
        notes.append(f"the record at byte {position} is larger than 1 GiB")
        return None, end
    return Frame(opcode, position, file.read(length)), end


def footer_of(file: BinaryIO) -> tuple[int, Footer] | None:
    """Where a closed file's footer begins, and the footer; None if the file has none."""
    size = file.seek(0, 2)
    start = size - FOOTER_SIZE - len(MAGIC)
    if start < len(MAGIC):
        return None
    file.seek(start)
    tail = file.read()
    if tail[-len(MAGIC) :] != MAGIC or HEAD.unpack_from(tail) != (Opcode.FOOTER, 20):
        return None
    return start, Footer.read(ReadDataStream(BytesIO(tail[HEAD.size :])))


def summary_of(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Opcode and content of the records in a closed file's summary; nothing if it has none."""
    found = footer_of(file)
    position, end = (found[1].summary_start, found[0]) if found else (0, 0)
    while len(MAGIC) <= position < end:
        file.seek(position)
        opcode, length = HEAD.unpack(file.read(HEAD.size))
        position += HEAD.size + length
        if position <= end:
            yield opcode, file.read(length)


def _next_chunk(file: BinaryIO, position: int) -> int | None:
    """Where the next chunk begins by the index; None if there is no index, or no such chunk."""
    places = []
    for opcode, content in summary_of(file):
        if opcode == Opcode.CHUNK_INDEX:
            with suppress(*DAMAGE):
                index = ChunkIndex.read(ReadDataStream(BytesIO(content)))
                places.append(index.chunk_start_offset)
    return min((place for place in places if place > position), default=None)


def unpack(chunk: Chunk) -> bytes:
    """The records in a chunk. Its size may be stated wrongly; the checksum, if any, has to fit.

    Raises:
        ValueError, zstandard.ZstdError, RuntimeError: it is damaged.
    """
    data = b""
    with suppress(*DAMAGE):
        data = _unpacked(
            chunk.compression, chunk.data, min(chunk.uncompressed_size, LARGEST_RECORD)
        )
    if len(data) != chunk.uncompressed_size:
        data = _unpacked(chunk.compression, chunk.data, LARGEST_RECORD)
    if chunk.uncompressed_crc and zlib.crc32(data) != chunk.uncompressed_crc:
        raise ValueError("its checksum is wrong")
    return data


def unpack_cut(content: bytes) -> bytes:
    """What a chunk still gives of its records, when the file ends within it.

    Raises:
        ValueError, zstandard.ZstdError, RuntimeError, struct.error: nothing.
    """
    _, _, size, checksum, length = _CHUNK_HEAD.unpack_from(content)
    place = _CHUNK_HEAD.size + length
    compression = content[_CHUNK_HEAD.size : place].decode()
    (packed,) = struct.unpack_from("<Q", content, place)
    if size > LARGEST_RECORD:
        raise ValueError("a chunk of more than 1 GiB")
    data = _unpacked(compression, content[place + 8 : place + 8 + packed], size)
    if len(data) == size and checksum and zlib.crc32(data) != checksum:
        raise ValueError("its checksum is wrong")
    return data


def _unpacked(compression: str, data: bytes, limit: int) -> bytes:
    """Decompressed; a name that nobody knows is damaged, and the data says what it is."""
    if compression not in COMPRESSIONS:
        known = {ZSTD: "zstd", _LZ4: "lz4"}
        if data[:4] not in known:
            raise ValueError(f"unknown compression {compression!r:.20}")
        compression = known[data[:4]]
    if compression == "zstd":
        return unpack_zstd(data, limit)
    if compression == "lz4":
        unpacked: bytes = lz4.frame.LZ4FrameDecompressor().decompress(data, max_length=limit)
        return unpacked
    return data


def records_in(data: bytes, *, cut: bool = False) -> Iterator[tuple[int, int, bytes]]:
    """Opcode, place and content of the records in a chunk; `cut`: up to the last whole one.

    Raises:
        ValueError: a record reaches beyond its chunk.
        struct.error: it ends within the head of a record.
    """
    position = 0
    while position < len(data):
        if cut and position + HEAD.size > len(data):
            return
        opcode, length = HEAD.unpack_from(data, position)
        start = position + HEAD.size
        position = start + length
        if position > len(data):
            if cut:
                return
            raise ValueError("a record reaches beyond its chunk")
        yield opcode, start, data[start:position]
