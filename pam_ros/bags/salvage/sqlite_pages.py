# SPDX-License-Identifier: Apache-2.0
"""Rows of a damaged SQLite file, read from its pages: what no tree leads to any more is found too.

Only leaves of tables are read, as https://www.sqlite.org/fileformat2.html describes them.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

_LEAF = 0x0D
_FIRST_HEADER = 100
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
_LARGEST_ROW = 1 << 30
_MOST_RESERVED = 32

Value = int | float | str | bytes | None


class RowPlace(NamedTuple):
    """Where a row lies: its number, its page (from 1), and its cell in the page [bytes]."""

    number: int
    page: int
    cell: int


class Pages:
    """A SQLite file as pages, none of which is believed.

    Raises:
        OSError: it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("rb")
        head = self._file.read(_FIRST_HEADER).ljust(_FIRST_HEADER, b"\0")
        size = struct.unpack_from(">H", head, 16)[0]
        self._size = 65536 if size == 1 else size
        if self._size < 512 or self._size & (self._size - 1):
            self._size = 4096
        # Extensions reserve some bytes of each page; a damaged header may claim any number.
        self._usable = self._size - (head[20] if head[20] <= _MOST_RESERVED else 0)
        length = self._file.seek(0, os.SEEK_END)
        self._count = -(-length // self._size)
        self._free = self._free_pages(struct.unpack_from(">I", head, 32)[0])

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def places(self) -> Iterator[RowPlace]:
        """All rows of all tables, by page."""
        for number in range(1, self._count + 1):
            if number in self._free:
                continue
            page = self._page(number)
            start = _FIRST_HEADER if number == 1 else 0
            if len(page) < start + 8 or page[start] != _LEAF:
                continue
            cells = int.from_bytes(page[start + 3 : start + 5], "big")
            for index in range(cells):
                place = int.from_bytes(page[start + 8 + 2 * index :][:2], "big")
                try:
                    _, at = _varint(page, place)
                    row, _ = _varint(page, at)
                except IndexError:
                    continue
                yield RowPlace(row, number, place)

    def row(self, place: RowPlace) -> tuple[Value, ...] | None:
        """The values of a row; None if it is not all there, or makes no sense."""
        page = self._page(place.page)
        try:
            length, at = _varint(page, place.cell)
            _, at = _varint(page, at)
            if length > _LARGEST_ROW:
                return None
            record = self._record(page, at, length)
            return None if record is None else tuple(_values(record))
        except (IndexError, ValueError, struct.error):
            return None

    def _page(self, number: int) -> bytes:
        """A page; the last one of a file that was cut is short."""
        self._file.seek((number - 1) * self._size)
        return self._file.read(self._size)

    def _record(self, page: bytes, at: int, length: int) -> bytes | None:
        local = self._local(length)
        record = bytearray(page[at : at + local])
        if len(record) < local:
            return None
        following = int.from_bytes(page[at + local : at + local + 4], "big")
        while len(record) < length:
            # Each turn takes a page, so that pages that name each other end with the length.
            page = self._page(following) if 0 < following <= self._count else b""
            part = page[4 : min(self._usable, 4 + length - len(record))]
            record += part
            if len(part) < self._usable - 4 and len(record) < length:
                return None
            following = int.from_bytes(page[:4], "big")
        return bytes(record)

    def _local(self, length: int) -> int:
        """How much of a row of this length lies in its leaf [bytes]."""
        most = self._usable - 35
        if length <= most:
            return length
        least = (self._usable - 12) * 32 // 255 - 23
        local = least + (length - least) % (self._usable - 4)
        return local if local <= most else least

    def _free_pages(self, trunk: int) -> set[int]:
        """Pages that hold rows which were deleted."""
        found: set[int] = set()
        while 0 < trunk <= self._count and trunk not in found:
            found.add(trunk)
            page = self._page(trunk)
            count = int.from_bytes(page[4:8], "big")
            numbers = struct.iter_unpack(">I", page[8 : 8 + 4 * min(count, len(page) // 4 - 2)])
            found.update(number for (number,) in numbers)
            trunk = int.from_bytes(page[:4], "big")
        return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of up to 9 bytes, and where it ends; numbers of rows may be negative."""
    value = 0
    for index in range(8):
        byte = data[at + index]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + index + 1
    value = value << 8 | data[at + 8]
    return value - (1 << 64) if value >= 1 << 63 else value, at + 9


def _values(record: bytes) -> Iterator[Value]:
    size, at = _varint(record, 0)
    place = size
    while at < size:
        kind, at = _varint(record, at)
        length = _INTEGERS.get(kind, 8 if kind == 7 else max(kind - 12, 0) // 2)
        field = record[place : place + length]
        if len(field) < length or kind in {10, 11} or kind < 0:
            raise ValueError("a value reaches beyond its row")
        place += length
        yield _value(kind, field)


def _value(kind: int, field: bytes) -> Value:
    if kind in _INTEGERS:
        return int.from_bytes(field, "big", signed=True)
    if kind == 7:
        return float(struct.unpack(">d", field)[0])
    if kind in {8, 9}:
        return kind - 8
    if kind == 0:
        return None
    return field if kind % 2 == 0 else field.decode()
