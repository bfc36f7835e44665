# SPDX-License-Identifier: Apache-2.0
"""Bytes and programs on a topic that are not of ROS 2."""

import pytest
from cyclonedds.idl import make_idl_struct
from cyclonedds.pub import DataWriter
from cyclonedds.topic import Topic
from rclpy.node import Node
from rclpy.qos import QoSProfile
from std_msgs.msg import String

from rclpy_cyclone.dds.discovery import Discovery
from rclpy_cyclone.dds.endpoints import Participant, Writer
from rclpy_cyclone.dds.qos import to_dds_qos

pytestmark = pytest.mark.embedded_only


def test_messages_that_cannot_be_read_are_dropped_with_one_line(node, spin_until, capfd):
    """Bytes of another definition, put where the DDS reader would put them."""
    got = []
    subscription = node.create_subscription(String, "chatter", got.append, 10)
    publisher = node.create_publisher(String, "chatter", 10)
    too_short = b"\x00\x01\x00\x00\xff\x00\x00\x00ab\x00\x00"
    not_cdr = b"\x00\x03\x00\x00\x03\x00\x00\x00ab\x00\x00"
    too_long = b"\x00\x01\x00\x00\x03\x00\x00\x00ab\x00\x00" + bytes(16)
    broken = [too_short, not_cdr, too_long] * 3
    take = subscription._end.take
    subscription._end.take = lambda: (broken.pop(), None) if broken else take()
    publisher.publish(String(data="ok"))
    assert spin_until(lambda: got, node)
    assert [m.data for m in got] == ["ok"]
    assert not broken
    logged = [line for line in capfd.readouterr().err.splitlines() if "was dropped" in line]
    assert len(logged) == 1
    assert "'/chatter'" in logged[0]


def test_a_writer_that_dies_leaves_no_broken_sample(ros, domain, spin_until):
    node = Node("survivor")
    got = []
    node.create_subscription(String, "chatter", got.append, 10)
    stranger = Participant(domain, Discovery("LOCALHOST"))
    writer = Writer(stranger, "rt/chatter", "std_msgs/msg/String", to_dds_qos(QoSProfile(depth=10)))
    assert spin_until(writer.matched, node)
    writer.write(b"\x00\x01\x00\x00\x03\x00\x00\x00ok\x00")
    assert spin_until(lambda: got, node)
    stranger.close()
    assert spin_until(lambda: node.count_publishers("chatter") == 0, node)
    assert len(got) == 1
    node.destroy_node()


def test_plain_cyclonedds_programs_can_take_part(node, domain, spin_until):
    """A program that knows only the DDS names, with cyclonedds' own serialiser."""
    got = []
    node.create_subscription(String, "chatter", got.append, 10)
    stranger = Participant(domain, Discovery("LOCALHOST"))
    struct = make_idl_struct("String_", "std_msgs::msg::dds_::String_", {"data": str})
    qos = to_dds_qos(QoSProfile(depth=10))
    writer = DataWriter(stranger.entity, Topic(stranger.entity, "rt/chatter", struct), qos=qos)
    assert spin_until(writer.get_matched_subscriptions, node)
    writer.write(struct(data="from outside"))
    assert spin_until(lambda: got, node)
    assert got[0].data == "from outside"
    stranger.close()
