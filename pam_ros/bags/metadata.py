# SPDX-License-Identifier: Apache-2.0
"""rosbag2's metadata, version 9: what metadata.yaml says of a bag's files and topics."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from pam_ros.bags.qos import qos_documents

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from rosbags.interfaces import Qos

FILE_NAME = "metadata.yaml"
VERSION = 9
_WRITTEN_BY = "pam_ros"


@dataclass(frozen=True)
class TopicRecord:
    """One topic as a bag keeps it.

    `encoding` is that of `definition`: "ros2msg" or "ros2idl". `type_hash` (RIHS01_...) is empty
    where it is not known.
    """

    name: str
    type: str
    encoding: str
    definition: str
    type_hash: str = ""
    qos: tuple[Qos, ...] = ()


@dataclass
class FileFacts:
    """What one storage file holds: messages by topic, and their first and last stamp [ns]."""

    name: str
    counts: dict[str, int] = field(default_factory=dict)
    first_ns: int = 2**63 - 1
    last_ns: int = 0

    @property
    def messages(self) -> int:
        """Messages of all topics."""
        return sum(self.counts.values())

    def add(self, topic: str, stamp_ns: int) -> None:
        """Count one message."""
        self.counts[topic] = self.counts.get(topic, 0) + 1
        self.first_ns = min(self.first_ns, stamp_ns)
        self.last_ns = max(self.last_ns, stamp_ns)


def bag_metadata(
    storage: str,
    files: Sequence[FileFacts],
    topics: Iterable[TopicRecord],
    *,
    message_compression: str = "",
) -> dict[str, Any]:
    """The content of metadata.yaml below `rosbag2_bagfile_information`.

    Args:
        storage: "mcap" or "sqlite3".
        files: in the order in which they were written.
        topics: all of them, also those without messages.
        message_compression: "zstd" where each message is compressed on its own.
    """
    filled = [facts for facts in files if facts.messages]
    first = min((facts.first_ns for facts in filled), default=0)
    last = max((facts.last_ns for facts in filled), default=0)
    totals: dict[str, int] = {}
    for facts in files:
        for topic, count in facts.counts.items():
            totals[topic] = totals.get(topic, 0) + count
    return {
        "version": VERSION,
        "storage_identifier": storage,
        "relative_file_paths": [facts.name for facts in files],
        "starting_time": {"nanoseconds_since_epoch": first},
        "duration": {"nanoseconds": last - first},
        "message_count": sum(totals.values()),
        "topics_with_message_count": [
            {
                "topic_metadata": {
                    "name": topic.name,
                    "type": topic.type,
                    "serialization_format": "cdr",
                    "offered_qos_profiles": qos_documents(topic.qos),
                    "type_description_hash": topic.type_hash,
                },
                "message_count": totals.get(topic.name, 0),
            }
            for topic in topics
        ],
        "compression_format": message_compression,
        "compression_mode": "MESSAGE" if message_compression else "",
        "files": [
            {
                "path": facts.name,
                "starting_time": {"nanoseconds_since_epoch": facts.first_ns}
                if facts.messages
                else {"nanoseconds_since_epoch": first},
                "duration": {
                    "nanoseconds": facts.last_ns - facts.first_ns if facts.messages else 0
                },
                "message_count": facts.messages,
            }
            for facts in files
        ],
        "custom_data": None,
        "ros_distro": _WRITTEN_BY,
    }


def metadata_text(information: Mapping[str, Any]) -> str:
    """The same as YAML, as storages keep it inside their files."""
    text: str = yaml.safe_dump(dict(information), sort_keys=False)
    return text


def write_metadata(folder: Path, information: Mapping[str, Any]) -> None:
    """Write metadata.yaml; there is never half of one under its name.

    Raises:
        OSError: the disk refuses.
    """
    unfinished = folder / f"{FILE_NAME}.unfinished"
    document = {"rosbag2_bagfile_information": dict(information)}
    try:
        with unfinished.open("w", encoding="utf-8") as file:
            yaml.safe_dump(document, file, sort_keys=False)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(folder / FILE_NAME)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
