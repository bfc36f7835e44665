# SPDX-License-Identifier: Apache-2.0
"""Writes what was salvaged of an mcap file into a new one: channels, stamps, data as they were."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import zstandard
from mcap.records import Attachment, Metadata
from mcap.writer import CompressionType, Writer

from pam_ros.bags.mcap_file import QOS_KEY
from pam_ros.bags.metadata import QOS_AS_TEXT, VERSION, metadata_text, qos_text
from pam_ros.bags.salvage.found import ZSTD
from pam_ros.bags.salvage.from_mcap import FACTS_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from pam_ros.bags.metadata import TopicRecord
    from pam_ros.bags.salvage.from_mcap import McapSalvage

_COMPRESSIONS = {
    "": CompressionType.NONE,
    "zstd": CompressionType.ZSTD,
    "lz4": CompressionType.LZ4,
}


def write_mcap(
    salvage: McapSalvage,
    new: Path,
    topics: Mapping[int, TopicRecord],
    information: Mapping[str, Any],
) -> None:
    """Write the new file.

    Args:
        salvage: the old file, after its survey.
        new: does not exist yet.
        topics: by their number in the old file, with definitions that can be read.
        information: rosbag2's metadata of this file.

    Raises:
        OSError: the disk refuses.
    """
    with new.open("xb") as stream:
        writer = Writer(stream, compression=_COMPRESSIONS[salvage.compression])
        writer.start(profile="ros2", library="pam_ros")
        version = information.get("version", VERSION)
        channels = {
            key: _channel(writer, topic, salvage.topics[key].metadata, version)
            for key, topic in topics.items()
        }
        compress = zstandard.ZstdCompressor().compress
        for item in salvage.read():
            if isinstance(item, Attachment):
                writer.add_attachment(
                    item.create_time, item.log_time, item.name, item.media_type, item.data
                )
            elif isinstance(item, Metadata):
                # rosbag2's own speaks of the old file.
                if item.name != "rosbag2":
                    writer.add_metadata(item.name, item.metadata)
            else:
                plain = salvage.compress_plain and not item.data.startswith(ZSTD)
                writer.add_message(
                    channel_id=channels[item.key],
                    log_time=item.stamp_ns,
                    publish_time=item.publish_ns,
                    data=compress(item.data) if plain else item.data,
                    sequence=item.number,
                )
        writer.add_metadata("rosbag2", {FACTS_KEY: metadata_text(information)})
        writer.finish()  # type: ignore[no-untyped-call]
        stream.flush()
        os.fsync(stream.fileno())


def _channel(writer: Writer, topic: TopicRecord, metadata: Mapping[str, str], version: int) -> int:
    schema = 0
    if topic.type:
        schema = writer.register_schema(topic.type, topic.encoding, topic.definition.encode())
    offered = metadata.get(QOS_KEY, "")
    if not topic.qos or not offered or _is_later(offered, version):
        offered = qos_text(topic.qos, version)
    return writer.register_channel(topic.name, "cdr", schema, {**metadata, QOS_KEY: offered})


def _is_later(offered: str, version: int) -> bool:
    """Whether QoS is given in words, which releases of an older version do not read."""
    return version <= QOS_AS_TEXT and re.search(r"history: *[a-z]", offered) is not None
