# SPDX-License-Identifier: Apache-2.0
"""rosbag2's metadata: what metadata.yaml says of a bag, for any release since Humble.

`ros2 bag` of a release opens metadata of its own version and of older ones. What newer ones have
more is passed over, but for QoS: up to version 8 it is YAML within YAML with numbers (Humble and
Iron read nothing else), since version 9 a list with words.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml
from rosbags.rosbag2.metadata import dump_qos_v8

from pam_ros.bags.errors import BagError
from pam_ros.bags.qos import qos_documents

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from rosbags.interfaces import Qos

FILE_NAME = "metadata.yaml"
VERSION = 9
VERSIONS = (5, 6, 7, 8, 9)
"""Those that are written: 5 for Humble, 7 for Iron, 9 since Jazzy."""

QOS_AS_TEXT = 8
"""The last version with QoS as a text."""

_SINCE = {"custom_data": 6, "ros_distro": 8}
HASH_SINCE = 7
"""The first version with type hashes."""


def ros_distro() -> str:
    """The sourced ROS 2, such as "jazzy", as rosbag2 has it; empty where there is none.

    `ros2 bag info` shows an empty one as "unknown".
    """
    return os.environ.get("ROS_DISTRO", "")


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


def check_version(version: int) -> None:
    """Raise BagError if no release since Humble writes this version."""
    if version not in VERSIONS:
        raise BagError(
            f"metadata version {version} is not written: take 5 (Humble), 7 (Iron) or 9 (Jazzy)"
        )


def qos_text(profiles: Iterable[Qos], version: int) -> str:
    """Profiles as a storage file keeps them, in the form of a version."""
    if version <= QOS_AS_TEXT:
        return dump_qos_v8(list(profiles))
    text: str = yaml.safe_dump(qos_documents(profiles), sort_keys=False).strip()
    return text


def bag_metadata(
    storage: str,
    files: Sequence[FileFacts],
    topics: Iterable[TopicRecord],
    *,
    message_compression: str = "",
    version: int = VERSION,
    custom: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The content of metadata.yaml below `rosbag2_bagfile_information`.

    Args:
        storage: "mcap" or "sqlite3".
        files: in the order in which they were written.
        topics: all of them, also those without messages.
        message_compression: "zstd" where each message is compressed on its own.
        version: of the metadata, one of VERSIONS.
        custom: what else is to be said; older releases pass it over.
    """
    filled = [facts for facts in files if facts.messages]
    first = min((facts.first_ns for facts in filled), default=0)
    last = max((facts.last_ns for facts in filled), default=0)
    totals: dict[str, int] = {}
    for facts in files:
        for topic, count in facts.counts.items():
            totals[topic] = totals.get(topic, 0) + count
    information: dict[str, Any] = {
        "version": version,
        "storage_identifier": storage,
        "relative_file_paths": [facts.name for facts in files],
        "starting_time": {"nanoseconds_since_epoch": first},
        "duration": {"nanoseconds": last - first},
        "message_count": sum(totals.values()),
        "topics_with_message_count": [
            {
                "topic_metadata": _topic(topic, version),
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
        "custom_data": dict(custom) if custom else None,
        "ros_distro": ros_distro(),
    }
    return without_later(information, version)


def _topic(topic: TopicRecord, version: int) -> dict[str, Any]:
    text = version <= QOS_AS_TEXT
    about = {
        "name": topic.name,
        "type": topic.type,
        "serialization_format": "cdr",
        "offered_qos_profiles": dump_qos_v8(list(topic.qos)) if text else qos_documents(topic.qos),
    }
    if version >= HASH_SINCE:
        about["type_description_hash"] = topic.type_hash
    return about


def without_later(facts: dict[str, Any], version: int) -> dict[str, Any]:
    """Facts without what later versions brought; custom data stay if there are any."""
    said = {"custom_data"} if facts.get("custom_data") else set()
    return {
        key: value for key, value in facts.items() if version >= _SINCE.get(key, 0) or key in said
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
