# SPDX-License-Identifier: Apache-2.0
"""Publishers and subscriptions within one process."""

import time

import numpy as np
import pytest
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.exceptions import InvalidHandle, InvalidTopicNameException
from rclpy.node import Node
from rclpy.qos import (
    DurabilityPolicy,
    QoSProfile,
    ReliabilityPolicy,
    qos_policy_name_from_kind,
    qos_profile_sensor_data,
)
from rclpy.serialization import deserialize_message, serialize_message
from rclpy.wait_for_message import wait_for_message
from sensor_msgs.msg import Image
from std_msgs.msg import Int32, String
from std_srvs.srv import SetBool


def test_messages_arrive_in_order(node, spin_until):
    publisher = node.create_publisher(Int32, "count", 10)
    got = []
    node.create_subscription(Int32, "count", lambda m: got.append(m.data), 10)
    for number in range(5):
        publisher.publish(Int32(data=number))
    assert spin_until(lambda: len(got) == 5, node)
    assert got == [0, 1, 2, 3, 4]


def test_a_queue_keeps_the_last_messages_of_its_depth(node, spin_until):
    publisher = node.create_publisher(Int32, "count", 10)
    got = []
    node.create_subscription(Int32, "count", lambda m: got.append(m.data), 3)
    for number in range(8):
        publisher.publish(Int32(data=number))
    assert spin_until(lambda: got[-1:] == [7], node)
    assert got == [5, 6, 7]


def test_late_subscriptions_get_transient_local_messages(node, spin_until):
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    publisher = node.create_publisher(String, "map", latched)
    publisher.publish(String(data="kept"))
    got = []
    node.create_subscription(String, "map", got.append, latched)
    assert spin_until(lambda: got, node)
    assert got[0].data == "kept"


def test_raw_subscriptions_get_bytes_and_publishers_take_them(node, spin_until):
    publisher = node.create_publisher(String, "raw", 10)
    raw, whole = [], []
    node.create_subscription(String, "raw", raw.append, 10, raw=True)
    node.create_subscription(String, "raw", whole.append, 10)
    publisher.publish(serialize_message(String(data="abc")))
    assert spin_until(lambda: raw and whole, node)
    assert isinstance(raw[0], bytes)
    assert deserialize_message(raw[0], String) == whole[0] == String(data="abc")


def test_a_callback_of_two_arguments_gets_the_message_info(node, spin_until):
    publisher = node.create_publisher(String, "info", 10)
    got = []

    def callback(message, info):
        got.append((message, info))

    node.create_subscription(String, "info", callback, 10)
    before = time.time_ns()
    publisher.publish(String(data="x"))
    assert spin_until(lambda: got, node)
    assert before <= got[0][1]["source_timestamp"] <= got[0][1]["received_timestamp"]


def test_a_callback_of_three_arguments_is_refused(node):
    with pytest.raises(RuntimeError, match="one argument"):
        node.create_subscription(String, "x", lambda a, b, c: None, 10)


def test_images_keep_every_pixel(node, spin_until):
    pixels = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    publisher = node.create_publisher(Image, "image", qos_profile_sensor_data)
    got = []
    node.create_subscription(Image, "image", got.append, qos_profile_sensor_data)
    message = Image(height=480, width=640, encoding="rgb8", step=1920, data=pixels.reshape(-1))
    publisher.publish(message)
    assert spin_until(lambda: got, node)
    assert np.array_equal(np.frombuffer(got[0].data, np.uint8).reshape(480, 640, 3), pixels)


def test_other_types_are_not_published(node):
    publisher = node.create_publisher(String, "chatter", 10)
    with pytest.raises(TypeError, match="Expected"):
        publisher.publish(Int32())


def test_destroyed_entities_refuse_and_leave(node, spin_until):
    publisher = node.create_publisher(String, "chatter", 10)
    subscription = node.create_subscription(String, "chatter", lambda _: None, 10)
    assert spin_until(lambda: publisher.get_subscription_count() == 1, node)
    assert node.destroy_subscription(subscription)
    assert not node.destroy_subscription(subscription)
    assert spin_until(lambda: publisher.get_subscription_count() == 0, node)
    assert node.destroy_publisher(publisher)
    with pytest.raises(InvalidHandle):
        publisher.publish(String())


def test_publishing_after_shutdown_raises(ros):
    from rclpy._rclpy_pybind11 import RCLError

    node = Node("late")
    publisher = node.create_publisher(String, "chatter", 10)
    ros.shutdown()
    with pytest.raises(RCLError, match="context is invalid"):
        publisher.publish(String())
    node.destroy_node()


def test_names_are_resolved_against_namespace_and_node(ros):
    node = Node("eye", namespace="robot")
    names = [node.create_publisher(String, n, 1).topic_name for n in ("image", "~/image", "/image")]
    assert names == ["/robot/image", "/robot/eye/image", "/image"]
    node.destroy_node()


@pytest.mark.parametrize("name", ["", "a b", "a//b", "1a", "a/", "a.b", "a/~"])
def test_invalid_topic_names_are_refused(node, name):
    with pytest.raises(InvalidTopicNameException):
        node.create_publisher(String, name, 1)


def test_incompatible_qos_calls_back_and_delivers_nothing(node, spin_until):
    best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    events, got = [], []
    node.create_subscription(
        String, "x", got.append, 10,
        event_callbacks=SubscriptionEventCallbacks(incompatible_qos=events.append),
    )  # fmt: skip
    publisher = node.create_publisher(String, "x", best_effort)
    assert spin_until(lambda: events, node)
    assert qos_policy_name_from_kind(events[0].last_policy_kind) == "RELIABILITY"
    publisher.publish(String())
    assert publisher.get_subscription_count() == 0
    assert not got


def test_incompatible_qos_is_logged_by_default(node, spin_until, capfd):
    node.create_subscription(String, "x", lambda _: None, 10)
    node.create_publisher(String, "x", qos_profile_sensor_data)
    lines = []

    def logged():
        lines.append(capfd.readouterr().err)
        return "offering incompatible QoS" in "".join(lines)

    assert spin_until(logged, node)
    assert "No messages will be received from it. Last incompatible policy: RELIABILITY" in (
        "".join(lines)
    )


def test_wait_for_message_returns_the_next_one(node):
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    node.create_publisher(String, "x", latched).publish(String(data="here"))
    assert wait_for_message(String, node, "x", qos_profile=latched, time_to_wait=60) == (
        True, String(data="here"),
    )  # fmt: skip
    assert wait_for_message(String, node, "silent", time_to_wait=0.1) == (False, None)


def test_a_wrong_depth_or_type_is_refused(node):
    with pytest.raises(ValueError, match="greater than or equal to zero"):
        node.create_publisher(String, "x", -1)
    with pytest.raises(TypeError, match="Expected QoSProfile or int"):
        node.create_publisher(String, "x", "ten")
    with pytest.raises(AttributeError, match="might be a ROS 1 message type"):
        node.create_publisher(str, "x", 1)
    with pytest.raises(RuntimeError, match="might be a service or action"):
        node.create_publisher(SetBool, "x", 1)


def test_an_unknown_substitution_is_refused(node):
    with pytest.raises(ValueError, match=r"unknown substitution: \{nope\}"):
        node.create_publisher(String, "{nope}", 1)
    with pytest.raises(RuntimeError, match="failed to resolve name"):
        node.resolve_topic_name("{nope}")
