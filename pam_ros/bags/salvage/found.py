# SPDX-License-Identifier: Apache-2.0
"""What is found in a file that may be damaged, whatever its storage."""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass, field
from hashlib import blake2b
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

import zstandard
from mcap.exceptions import McapError
from mcap.records import Attachment, Metadata
from rosbags.rosbag2 import ReaderError
from rosbags.rosbag2.metadata import parse_qos

from pam_ros.bags.metadata import FileFacts, TopicRecord

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from rosbags.interfaces import Qos

LARGEST_RECORD = 1 << 30
"""Records and chunks larger than this are not ours and not believed [bytes]."""

LATEST_NS = 2**63 - 1
"""The last stamp that rosbag2 knows [ns]."""

ZSTD = b"\x28\xb5\x2f\xfd"
"""How a compressed message begins. CDR begins with a zero byte: the two cannot be confused."""

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


class SalvagedTopic(NamedTuple):
    """One topic as its file announces it, with what else mcap keeps of a channel."""

    record: TopicRecord
    metadata: dict[str, str]


class SalvagedMessage(NamedTuple):
    """One message as it lies in its file.

    Attributes:
        key: its topic, in `Salvage.topics`.
        data: CDR, or CDR compressed with zstd.
        stamp_ns: when it was received [ns].
        publish_ns: when it was published [ns].
        number: mcap's sequence, or the number of the row.
    """

    key: int
    data: bytes
    stamp_ns: int
    publish_ns: int
    number: int


Extra = Attachment | Metadata
"""What an mcap file holds beside messages."""


@dataclass
class Tally:
    """What was counted of one topic: its stamps [ns] within what metadata.yaml can say."""

    first_ns: int = LATEST_NS
    last_ns: int = -LATEST_NS - 1
    compressed: int = 0
    digests: array[int] = field(default_factory=lambda: array("Q"))

    def add(self, message: SalvagedMessage) -> None:
        """Count a message.

        Raises:
            ValueError, zstandard.ZstdError, EOFError: it is compressed, and cannot be unpacked.
        """
        cdr = payload(message.data)
        self.compressed += cdr is not message.data
        self.digests.append(digest(message.stamp_ns, cdr))
        self.first_ns = min(self.first_ns, message.stamp_ns)
        self.last_ns = max(self.last_ns, min(message.stamp_ns, LATEST_NS))


class Salvage:
    """A file of a bag. `survey` reads all of it once, and then `read` gives what can be kept.

    Attributes:
        notes: one sentence for each damage.
        complete: the file is whole, and what it says of its content is so.
        cut: bytes are missing that other readers may take for zeros.
        unread: whether bytes were left that nobody could make sense of.
        topics: by the number that the file gives them.
        counts: messages, by the number of their topic.
        facts: messages by the name of their topic, and their first and last stamp.
        compressed: messages that are compressed each on its own.
        packed: the file is unpacked from one that is compressed as a whole.
        compress_plain: the new file shall hold all messages compressed, as the rest of its bag.
        stated: the metadata that the file itself holds; None if there is none.
        custom: custom data that the file holds from its beginning on.
        digests: one number for each message, by the name of its topic; see `digest`.
    """

    def __init__(self, path: Path, name: str = "") -> None:
        self.path = path
        self.name = name or path.name
        self.notes: list[str] = []
        self.complete = False
        self.cut = False
        self.unread = False
        self.topics: dict[int, SalvagedTopic] = {}
        self.counts: dict[int, int] = {}
        self.facts = FileFacts(self.name)
        self.compressed = 0
        self.packed = False
        self.compress_plain = False
        self.stated: dict[str, Any] | None = None
        self.custom: dict[str, str] = {}
        self.digests: dict[str, array[int]] = {}

    def survey(self) -> None:
        """Read all of the file and fill the attributes.

        Raises:
            BagError: it is another kind of file, or a recording of something else than ROS 2.
            OSError: the disk refuses.
        """
        raise NotImplementedError

    def read(self) -> Iterator[SalvagedMessage | Extra]:
        """All that can be kept, in the order of the file; the same each time, after a survey.

        Raises:
            OSError: the disk refuses.
        """
        raise NotImplementedError

    def _settle(self, tallies: Mapping[int, Tally]) -> int:
        """Take over what was counted by topic; returns the messages of topics without a name."""
        orphans = 0
        for key, tally in tallies.items():
            if key not in self.topics:
                orphans += len(tally.digests)
                continue
            name = self.topics[key].record.name
            self.counts[key] = len(tally.digests)
            self.compressed += tally.compressed
            self.facts.counts[name] = self.facts.counts.get(name, 0) + len(tally.digests)
            self.facts.first_ns = min(self.facts.first_ns, tally.first_ns)
            self.facts.last_ns = max(self.facts.last_ns, tally.last_ns)
            self.digests.setdefault(name, array("Q")).extend(tally.digests)
        return orphans

    def _profiles(self, text: str) -> tuple[Qos, ...] | None:
        """The QoS profiles in a bag's YAML, of any version; None, and a note, if damaged."""
        profiles = qos_profiles(text[:65536])
        if profiles is None:
            self.notes.append("a topic's QoS profiles cannot be read and are left out")
        return profiles


def qos_profiles(given: Any) -> tuple[Qos, ...] | None:
    """QoS profiles in the YAML of any version of rosbag2; None if they cannot be read."""
    try:
        return tuple(parse_qos(given))
    except (ReaderError, *DAMAGE, TypeError, AttributeError):
        return None


def digest(stamp_ns: int, payload: bytes | memoryview) -> int:
    """One number of 64 bits that stands for a message of a topic: its stamp [ns] and its CDR."""
    state = blake2b(stamp_ns.to_bytes(16, "little", signed=True), digest_size=8)
    state.update(payload)
    return int.from_bytes(state.digest(), "little")


def payload(data: bytes) -> bytes:
    """The CDR of a message that may be compressed; `data` itself if it is not.

    Raises:
        ValueError: it would be too large.
        zstandard.ZstdError: it is damaged.
        EOFError: it is cut off.
    """
    return unpack_zstd(data, whole=True) if data.startswith(ZSTD) else data


def unpack_zstd(data: bytes, limit: int = LARGEST_RECORD, *, whole: bool = False) -> bytes:
    """Decompressed, if the result is no larger than the limit [bytes].

    Args:
        data: one zstd frame; of one that is cut off, what it still gives.
        limit: the most that is believed [bytes].
        whole: refuse a frame that is cut off.

    Raises:
        ValueError: it would be larger.
        zstandard.ZstdError: the data is damaged.
        EOFError: it is cut off, and `whole` is asked for.
    """
    stated: int = zstandard.frame_content_size(data)
    limit = min(limit, LARGEST_RECORD if stated < 0 else stated)
    with zstandard.ZstdDecompressor().stream_reader(BytesIO(data)) as reader:
        unpacked: bytes = reader.read(limit + 1)
    if len(unpacked) > limit:
        raise ValueError(f"it unpacks to more than {limit} bytes")
    if whole and not _is_whole(data, stated, len(unpacked)):
        raise EOFError("a compressed message is cut off")
    return unpacked


def _is_whole(frame: bytes, stated: int, size: int) -> bool:
    if stated >= 0:
        return stated == size
    reader = zstandard.ZstdDecompressor().decompressobj()
    reader.decompress(frame)
    return reader.eof
