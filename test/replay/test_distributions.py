# SPDX-License-Identifier: Apache-2.0
"""Recordings as the ROS 2 distributions from Humble to Lyrical write them.

Humble's sqlite3 files hold no message definitions, and metadata.yaml of version 5 has the offered
QoS as text. Later ones bring definitions and hashes. Of Jazzy's on, a service's events are recorded
with the text of its .srv file for a definition, which is no message.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import numpy as np
import pytest
import yaml
import zstandard
from recorded_robot import ATTENTION, CONTRACT, TYPES, counts, difference, observed, read, write_bag
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from pam_ros.bags import BagReader
from pam_ros.replay.one_bag import replay_bag
from pam_ros.replay.settings import ReplaySettings

if TYPE_CHECKING:
    from pathlib import Path

FRAMES = 3
QOS = """- history: 1
  depth: 10
  reliability: 2
  durability: 2
  deadline:
    sec: 9223372036
    nsec: 854775807
  lifespan:
    sec: 9223372036
    nsec: 854775807
  liveliness: 1
  liveliness_lease_duration:
    sec: 9223372036
    nsec: 854775807
  avoid_ros_namespace_conventions: false"""
# rosbag2 0.15, sqlite_storage.cpp.
HUMBLE_TABLES = """
CREATE TABLE schema(schema_version INTEGER PRIMARY KEY,ros_distro TEXT NOT NULL);
CREATE TABLE metadata(id INTEGER PRIMARY KEY,metadata_version INTEGER NOT NULL,
  metadata TEXT NOT NULL);
CREATE TABLE topics(id INTEGER PRIMARY KEY,name TEXT NOT NULL,type TEXT NOT NULL,
  serialization_format TEXT NOT NULL,offered_qos_profiles TEXT NOT NULL);
CREATE TABLE messages(id INTEGER PRIMARY KEY,topic_id INTEGER NOT NULL,
  timestamp INTEGER NOT NULL, data BLOB NOT NULL);
CREATE INDEX timestamp_idx ON messages (timestamp ASC);
INSERT INTO schema (schema_version, ros_distro) VALUES (3, 'humble');
"""


def write_humble(bag: Path, *, compressed: bool = False) -> Path:
    """As `ros2 bag record` of Humble does, by default into a .db3 file."""
    bag.mkdir()
    file = bag / f"{bag.name}_0.db3"
    messages = list(observed(FRAMES))
    ids = {topic: number for number, topic in enumerate(TYPES, 1)}
    with sqlite3.connect(file) as base:
        base.executescript(HUMBLE_TABLES)
        base.executemany(
            "INSERT INTO topics VALUES (?, ?, ?, 'cdr', ?)",
            [(ids[topic], topic, kind, QOS) for topic, kind in TYPES.items()],
        )
        base.executemany(
            "INSERT INTO messages (topic_id, timestamp, data) VALUES (?, ?, ?)",
            [(ids[topic], received, data) for topic, _, received, data in messages],
        )
    base.close()
    name = file.name
    if compressed:
        name += ".zstd"
        (bag / name).write_bytes(zstandard.compress(file.read_bytes()))
        file.unlink()
    first, last = messages[0][2], messages[-1][2]
    spans = {
        "starting_time": {"nanoseconds_since_epoch": first},
        "duration": {"nanoseconds": last - first},
    }
    information = {
        "version": 5,
        "storage_identifier": "sqlite3",
        **spans,
        "message_count": len(messages),
        "topics_with_message_count": [
            {
                "topic_metadata": {
                    "name": topic, "type": kind, "serialization_format": "cdr",
                    "offered_qos_profiles": QOS,
                },
                "message_count": FRAMES,
            }
            for topic, kind in TYPES.items()
        ],
        "compression_format": "zstd" if compressed else "",
        "compression_mode": "FILE" if compressed else "",
        "relative_file_paths": [name],
        "files": [{"path": name, **spans, "message_count": len(messages)}],
    }  # fmt: skip
    (bag / "metadata.yaml").write_text(yaml.safe_dump({"rosbag2_bagfile_information": information}))
    return bag


def write_later(bag: Path, store: Stores, storage: StoragePlugin, version) -> Path:
    """As its own distribution writes it: definitions and hashes of that distribution."""
    types = get_typestore(store)
    with Writer(bag, version=version, storage_plugin=storage) as writer:
        connections = {
            topic: writer.add_connection(topic, kind, typestore=types)
            for topic, kind in TYPES.items()
        }
        for topic, _, received, data in observed(FRAMES):
            writer.write(connections[topic], received, data)
    return bag


@pytest.fixture(scope="module")
def expected(checkpoint, tmp_path_factory):
    """Maps of the same messages in a bag of this package's."""
    folder = tmp_path_factory.mktemp("ours")
    (folder / "contract.yaml").write_text(CONTRACT.format(trigger="trigger: top"))
    settings = ReplaySettings(
        policy=str(checkpoint), contract=str(folder / "contract.yaml"), threads=1, batch=3
    )
    replay_bag(write_bag(folder / "bag", observed(FRAMES)), folder / "out", settings)
    return read(folder / "out", ATTENTION)


def check(bag, expected, settings, tmp_path):
    report = replay_bag(bag, tmp_path / "out", settings)
    assert (report.valid, report.counts, report.notes) == (FRAMES, {}, ())
    assert difference(expected, read(tmp_path / "out", ATTENTION)) == 0
    assert counts(tmp_path / "out")["/joint_commands"] == FRAMES


@pytest.mark.parametrize("compressed", [False, True])
def test_humbles_bags_without_definitions(settings, tmp_path, expected, compressed):
    bag = write_humble(tmp_path / "humble", compressed=compressed)
    with BagReader(bag) as reader:
        assert reader.topics["/top/image_raw"].qos[0].depth == 10
    check(bag, expected, settings, tmp_path)


@pytest.mark.parametrize(
    ("store", "version", "storage"),
    [
        (Stores.ROS2_IRON, 8, StoragePlugin.SQLITE3),
        (Stores.ROS2_KILTED, 9, StoragePlugin.MCAP),
        (Stores.ROS2_LYRICAL, 9, StoragePlugin.MCAP),
        (Stores.ROS2_LYRICAL, 9, StoragePlugin.SQLITE3),
    ],
)
def test_later_distributions_bags(settings, tmp_path, expected, store, version, storage):
    check(write_later(tmp_path / "bag", store, storage, version), expected, settings, tmp_path)


def test_a_services_events_beside_the_cameras_are_copied_as_they_are(settings, tmp_path, expected):
    types = get_typestore(Stores.ROS2_JAZZY)
    event = "test_msgs/srv/BasicTypes_Event"
    with Writer(tmp_path / "bag", version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        connections = {
            topic: writer.add_connection(topic, kind, typestore=types)
            for topic, kind in TYPES.items()
        }
        events = writer.add_connection(
            "/switch/_service_event", event, msgdef="bool on\n---\nbool success\n",
            rihs01=f"RIHS01_{'0' * 64}",
        )  # fmt: skip
        for topic, _, received, data in observed(FRAMES):
            writer.write(connections[topic], received, data)
            writer.write(events, received, np.zeros(8, np.uint8).tobytes())
    report = replay_bag(tmp_path / "bag", tmp_path / "out", settings)
    assert report.notes == ()
    with BagReader(tmp_path / "out") as reader:
        topic = reader.topics["/switch/_service_event"]
        # One beside each message of camera and arm.
        assert topic.count == len(list(observed(FRAMES)))
        assert topic.definition.text == "bool on\n---\nbool success\n"
    assert difference(expected, read(tmp_path / "out", ATTENTION)) == 0
