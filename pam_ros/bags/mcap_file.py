# SPDX-License-Identifier: Apache-2.0
"""One mcap file of a bag, written chunk by chunk by the mcap library."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from mcap.writer import CompressionType, Writer

from pam_ros.bags.durable_file import DurableFile
from pam_ros.bags.metadata import (
    VERSION,
    FileFacts,
    TopicRecord,
    bag_metadata,
    metadata_text,
    qos_text,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import IO, Any

ENDING = ".mcap"
QOS_KEY, HASH_KEY = "offered_qos_profiles", "topic_type_hash"
"""What rosbag2 keeps in a channel's metadata."""

CUSTOM = "pam_ros"
"""Name of the metadata record that keeps the custom data from the beginning of the file on."""

_COMPRESSION = {"none": CompressionType.NONE, "zstd": CompressionType.ZSTD}


class McapFile:
    """A new file, open until `close`; each flush ends a chunk. Not thread-safe.

    Args:
        path: of the file.
        compression: of chunks, "none" or "zstd".
        version: of rosbag2's metadata.
        custom: custom data; those at the end count.

    Raises:
        OSError: the file cannot be made.
    """

    def __init__(
        self,
        path: Path,
        compression: str,
        version: int = VERSION,
        custom: Mapping[str, str] | None = None,
    ) -> None:
        self._version = version
        self._custom = custom or {}
        self.facts = FileFacts(path.name)
        self._topics: list[TopicRecord] = []
        self._channels: dict[str, int] = {}
        self._schemas: dict[str, int] = {}
        self._file = DurableFile(path)
        self._unchunked = 0
        self._finished = False
        # The library asks for any stream: it calls write, tell and flush.
        self._writer = Writer(cast("IO[Any]", self._file), compression=_COMPRESSION[compression])
        self._writer.start(profile="ros2", library="pam_ros")
        if self._custom:
            self._writer.add_metadata(CUSTOM, dict(self._custom))
        try:
            self._file.flush()
        except OSError:
            self._file.close()
            path.unlink()
            raise

    @property
    def size(self) -> int:
        """Bytes so far, before compression those of the chunk in progress."""
        return self._file.tell() + self._unchunked

    @property
    def waiting(self) -> int:
        """Bytes that a kill would cost now."""
        return self._file.waiting + self._unchunked

    def add_topic(self, topic: TopicRecord) -> None:
        """Announce a topic."""
        if topic.type not in self._schemas:
            self._schemas[topic.type] = self._writer.register_schema(
                name=topic.type, encoding=topic.encoding, data=topic.definition.encode()
            )
        offered = qos_text(topic.qos, self._version)
        self._channels[topic.name] = self._writer.register_channel(
            topic=topic.name,
            message_encoding="cdr",
            schema_id=self._schemas[topic.type],
            metadata={QOS_KEY: offered, HASH_KEY: topic.type_hash},
        )
        self._topics.append(topic)

    def write(
        self, topic: str, data: bytes | memoryview, stamp_ns: int, publish_ns: int | None = None
    ) -> None:
        """Add a message to the chunk in progress; published when received, if nobody knows."""
        before = self._file.tell()
        self._writer.add_message(
            channel_id=self._channels[topic],
            log_time=stamp_ns,
            publish_time=stamp_ns if publish_ns is None else publish_ns,
            data=bytes(data),
            sequence=self.facts.counts.get(topic, 0),
        )
        # The library ends a chunk by itself where it has grown large.
        self._unchunked = 0 if self._file.tell() != before else self._unchunked + len(data)
        self.facts.add(topic, stamp_ns)

    def flush(self) -> None:
        """End the chunk; all of it is in the file.

        Raises:
            OSError: the disk refuses; the file ends with the last whole chunk, and the next flush
                tries again.
        """
        self._unchunked = 0
        self._writer.flush()  # type: ignore[no-untyped-call]

    def finish(self) -> None:
        """Write index and summary. After an OSError it can be called again.

        Raises:
            OSError: the disk refuses; the messages flushed before are in the file.
        """
        if not self._finished:
            self._finished = True
            self._unchunked = 0
            information = bag_metadata(
                "mcap", [self.facts], self._topics, version=self._version, custom=self._custom
            )
            # A metadata record ends no chunk: without this it would precede the last messages.
            self._end_chunk()
            self._writer.add_metadata(
                "rosbag2", {"serialized_metadata": metadata_text(information)}
            )
            self._writer.finish()  # type: ignore[no-untyped-call]
        self._file.flush()
        self._file.close()

    def abandon(self) -> None:
        """Close the file as it is."""
        self._file.close()

    def _end_chunk(self) -> None:
        try:
            self._writer.flush()  # type: ignore[no-untyped-call]
        except OSError:
            # It still waits, in the right order; the flush that follows reports.
            return
