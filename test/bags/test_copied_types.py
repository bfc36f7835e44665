# SPDX-License-Identifier: Apache-2.0
"""Messages of types that nobody here knows are copied with the definition that their bag holds."""

from pathlib import Path

import numpy as np
import pytest
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from synthetic_bags import START_NS

from pam_ros.bags import BagError, BagReader, BagWriter
from pam_ros.bags.types import Definition

TYPE = "factory_msgs/msg/Weld"
TEXT = "std_msgs/Header header\nfloat64[] seams\nPart part\n"
PART = "string name\nuint8 grade\n"
STORAGES = pytest.mark.parametrize("storage", ["mcap", "sqlite3"])


def store():
    found = get_typestore(Stores.ROS2_JAZZY)
    found.register(
        {
            **get_types_from_msg(TEXT, TYPE),
            **get_types_from_msg(PART, "factory_msgs/msg/Part"),
        }
    )
    return found


def definition():
    text, _ = store().generate_msgdef(TYPE, ros_version=2)
    return Definition("ros2msg", text)


def weld(name="bracket"):
    types = store()
    time = types.types["builtin_interfaces/msg/Time"](sec=1, nanosec=2)
    header = types.types["std_msgs/msg/Header"](stamp=time, frame_id="cell")
    part = types.types["factory_msgs/msg/Part"](name=name, grade=3)
    message = types.types[TYPE](header=header, seams=np.array([0.5, 1.5]), part=part)
    return bytes(types.serialize_cdr(message, TYPE))


def check(bag):
    with BagReader(bag) as reader:
        (message,) = reader.messages(["/welds"])
        found = reader.decode(message)
        assert (found.part.name, found.part.grade, list(found.seams)) == ("bracket", 3, [0.5, 1.5])
        assert reader.topics["/welds"].definition.text == definition().text
        return reader.topics["/welds"]


@STORAGES
def test_a_copy_can_be_read_as_the_bag_that_it_comes_from(tmp_path, storage):
    with BagWriter(tmp_path / "one", storage) as writer:
        writer.add_topic("/welds", TYPE, definition=definition())
        writer.write("/welds", weld(), START_NS)
    topic = check(tmp_path / "one")
    with BagWriter(tmp_path / "two", storage) as writer:
        writer.add_topic("/welds", topic.type, topic.qos[0], topic.definition)
        writer.write("/welds", weld(), START_NS)
    check(tmp_path / "two")


@STORAGES
def test_the_hash_of_a_definition_without_one_is_made(tmp_path, storage):
    with BagWriter(tmp_path / "bag", storage) as writer:
        writer.add_topic("/welds", TYPE, definition=definition())
        writer.write("/welds", weld(), START_NS)
    metadata = (tmp_path / "bag" / "metadata.yaml").read_text()
    assert store().hash_rihs01(TYPE) in metadata


def test_one_type_by_two_definitions_is_refused_and_by_two_texts_is_not(tmp_path):
    with BagWriter(tmp_path / "bag") as writer:
        writer.add_topic("/mine", "std_msgs/msg/String")
        same = Definition("ros2msg", "# another comment\nstring data\n")
        writer.add_topic("/theirs", "std_msgs/msg/String", definition=same)
        other = Definition("ros2msg", "string text\nuint8 kind\n")
        with pytest.raises(BagError, match="/other and /mine have std_msgs/msg/String with other"):
            writer.add_topic("/other", "std_msgs/msg/String", definition=other)
        assert set(writer.counts) == {"/mine", "/theirs"}


def test_a_definition_that_cannot_be_parsed_is_kept_as_it_is(tmp_path):
    """As that of service events, which have the text of their .srv file."""
    service = Definition("ros2msg", "bool on\n---\nbool success\n", "RIHS01_of_the_event")
    with BagWriter(tmp_path / "bag") as writer:
        writer.add_topic("/s/_service_event", "std_srvs/srv/SetBool_Event", definition=service)
        writer.write("/s/_service_event", b"\0\1\0\0\1", START_NS)
    with BagReader(tmp_path / "bag") as reader:
        topic = reader.topics["/s/_service_event"]
        assert topic.definition.text == service.text
        (message,) = reader.messages()
        assert bytes(message.data) == b"\0\1\0\0\1"


def test_types_of_a_sourced_ros_2_are_known(tmp_path, monkeypatch):
    share = tmp_path / "prefix" / "share" / "factory_msgs" / "msg"
    share.mkdir(parents=True)
    (share / "Weld.msg").write_text(TEXT)
    (share / "Part.msg").write_text(PART)
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"/nowhere:{tmp_path / 'prefix'}")
    with BagWriter(tmp_path / "bag") as writer:
        writer.add_topic("/welds", TYPE)
        writer.write("/welds", weld(), START_NS)
    check(tmp_path / "bag")
    # One that is not whole is as unknown as before.
    Path(share / "Part.msg").unlink()
    with BagWriter(tmp_path / "other") as writer, pytest.raises(BagError, match="is not known"):
        writer.add_topic("/welds", TYPE)
