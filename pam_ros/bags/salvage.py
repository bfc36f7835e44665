# SPDX-License-Identifier: Apache-2.0
"""What one pass over a file that may be damaged finds, whatever its storage."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

import zstandard
from mcap.exceptions import McapError
from rosbags.rosbag2 import ReaderError
from rosbags.rosbag2.metadata import parse_qos

from pam_ros.bags.metadata import FileFacts, TopicRecord

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rosbags.interfaces import Qos

LARGEST_RECORD = 1 << 30
"""Records and chunks larger than this are not ours and not believed [bytes]."""

DAMAGE = (
    McapError,
    ValueError,
    LookupError,
    OverflowError,
    MemoryError,
    RuntimeError,
    struct.error,
    zstandard.ZstdError,
    EOFError,
)
"""What the libraries raise over bytes that make no sense."""


class SalvagedMessage(NamedTuple):
    """One message: CDR, when it was received and when published [ns]."""

    topic: str
    data: bytes
    stamp_ns: int
    publish_ns: int


class Salvage:
    """One pass over a file. After it, the findings are in the attributes.

    notes: one sentence per damage. compressed: whether messages or chunks were. facts: what was
    found. complete: the file is whole, and what it says of its content is so.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notes: list[str] = []
        self.compressed = False
        self.complete = False
        self.facts = FileFacts(path.name)
        self.topics: dict[str, TopicRecord] = {}

    def read(self) -> Iterator[TopicRecord | SalvagedMessage]:
        """Topics as they are announced, and messages in the order of the file.

        Raises:
            BagError: it is another kind of file.
            OSError: the disk refuses.
        """
        raise NotImplementedError

    def _profiles(self, text: str) -> tuple[Qos, ...]:
        """The QoS profiles in a bag's YAML, of any version; none, and a note, where damaged."""
        try:
            return tuple(parse_qos(text[:65536]))
        except (ReaderError, *DAMAGE, TypeError, AttributeError):
            self.notes.append("a topic's QoS profiles cannot be read and are left out")
            return ()


def unpack_zstd(data: bytes, limit: int = LARGEST_RECORD) -> bytes:
    """Decompressed, where the result is no larger than the limit [bytes].

    Raises:
        ValueError: it would be larger.
        zstandard.ZstdError: the data is damaged.
    """
    with zstandard.ZstdDecompressor().stream_reader(BytesIO(data)) as reader:
        unpacked: bytes = reader.read(limit + 1)
    if len(unpacked) > limit:
        raise ValueError(f"it unpacks to more than {limit} bytes")
    return unpacked
