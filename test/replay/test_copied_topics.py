# SPDX-License-Identifier: Apache-2.0
"""Topics that a replay copies, whatever their types, and the version of its metadata."""

from dataclasses import replace

import pytest
import yaml

from pam_ros.bags import BagReader, BagWriter
from pam_ros.bags.types import Definition
from pam_ros.replay.one_bag import replay_bag


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_topics_of_types_that_nobody_here_knows_are_copied_for_older_readers_too(
    settings, bag, tmp_path, storage
):
    kind = "factory_msgs/msg/Part"
    data = b"\0\1\0\0\x02\0\0\0a\0\x03"
    with BagReader(bag) as reader, BagWriter(tmp_path / "with") as writer:
        for topic in reader.topics.values():
            writer.add_topic(topic.name, topic.type, topic.qos[0], topic.definition)
        text = Definition("ros2msg", "string name\nuint8 grade\n")
        writer.add_topic("/parts", kind, definition=text)
        for message in reader.messages():
            writer.write(message.topic, message.data, message.stamp_ns)
        writer.write("/parts", data, reader.end_ns)
    older = replace(settings, storage=storage, metadata_version=5, part_seconds=0.0)
    report = replay_bag(tmp_path / "with", tmp_path / "out", older)
    assert report.ticks
    assert not report.notes
    with BagReader(tmp_path / "out") as reader:
        (message,) = reader.messages(["/parts"])
        assert bytes(message.data) == data
        assert (reader.decode(message).name, reader.decode(message).grade) == ("a", 3)
    document = yaml.safe_load((tmp_path / "out" / "metadata.yaml").read_text())
    stated = document["rosbag2_bagfile_information"]
    assert stated["version"] == 5
    offered = [
        t["topic_metadata"]["offered_qos_profiles"] for t in stated["topics_with_message_count"]
    ]
    assert all(isinstance(text, str) for text in offered)
