# SPDX-License-Identifier: Apache-2.0
"""Why a bag that cannot be read would not be repaired either, as far as a quick look tells."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from io import BytesIO
from typing import TYPE_CHECKING

from mcap.data_stream import ReadDataStream
from mcap.opcode import Opcode
from mcap.records import Channel, Chunk, Header

from pam_ros.bags.errors import BagError
from pam_ros.bags.salvage.found import DAMAGE
from pam_ros.bags.salvage.layout import layout_of
from pam_ros.bags.salvage.mcap_records import MAGIC, frames, records_in, unpack
from pam_ros.bags.salvage.stated import compression_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO


def what_repair_cannot_help(bag: Path) -> str:
    """One sentence; empty if a repair may help."""
    try:
        layout = layout_of(bag)
    except (BagError, OSError) as error:
        return str(error)
    if layout.packed:
        return "it is compressed as a whole: unpack it with `zstd -d` before a repair"
    mode, form = compression_of(layout.stated)
    if mode == "message" and form not in {"", "zstd"}:
        return f"messages compressed with '{form}' are not read here, repaired or not"
    for file in layout.files:
        with suppress(OSError, *DAMAGE, sqlite3.Error):
            encoding = _mcap(file) if layout.storage == "mcap" else _sqlite(file)
            if encoding:
                return f"{file.name} is not a recording of ROS 2: it holds {encoding}"
    return ""


def _mcap(path: Path) -> str:
    """The profile or encoding of another kind of mcap, by its header and its first channel."""
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            return "no mcap"
        for opcode, content in _records(file):
            stream = ReadDataStream(BytesIO(content))
            if opcode == Opcode.HEADER:
                profile: str = Header.read(stream).profile
                if profile not in {"", "ros2"}:
                    return f"the profile '{profile}'"
            elif opcode == Opcode.CHANNEL:
                encoding: str = Channel.read(stream).message_encoding
                return f"'{encoding}' messages" if encoding != "cdr" else ""
    return ""


def _records(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    for frame in frames(file, []):
        if frame.content is not None and frame.opcode == Opcode.CHUNK and not frame.cut:
            chunk = Chunk.read(ReadDataStream(BytesIO(frame.content)))
            yield from ((opcode, content) for opcode, _, content in records_in(unpack(chunk)))
        elif frame.content is not None and not frame.cut:
            yield frame.opcode, frame.content


def _sqlite(path: Path) -> str:
    address = f"{path.absolute().as_uri()}?immutable=1"
    with closing(sqlite3.connect(address, uri=True)) as database:
        query = "SELECT serialization_format FROM topics WHERE serialization_format != 'cdr'"
        row = database.execute(query).fetchone()
    return f"'{row[0]}' messages" if row else ""
