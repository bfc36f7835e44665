# SPDX-License-Identifier: Apache-2.0
"""The recorder: the topics of its list, as they were sent, in a bag that is closed."""

import threading
import time

import pytest
import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from std_msgs.msg import String

from pam_ros.bags import BagReader
from pam_ros.msg import AttentionMap
from pam_ros.nodes.kit.parameters import ParameterError

FURTHER = "/act_attention/attention_map/grip_3"


def test_listed_topics_are_recorded_as_they_were_sent_and_others_are_not(domain, tmp_path):
    from pam_ros.nodes.recorders.bag_node import RecorderNode

    bag = tmp_path / "bag"
    rclpy.init(args=["--ros-args", "-p", f"bag:={bag}", "-p", "compression:=zstd"])
    node, peer = RecorderNode(), rclpy.create_node("peer")
    executor = SingleThreadedExecutor()

    def spin():
        try:
            executor.spin()
        except ExternalShutdownException:
            return

    for each in (node, peer):
        executor.add_node(each)
    thread = threading.Thread(target=spin, daemon=True)
    thread.start()
    try:
        # The recorder is there before whoever has something to say: one message is enough.
        notes = peer.create_publisher(String, "/act_attention/annotate", 10)
        maps = peer.create_publisher(AttentionMap, "/act_attention/attention", 10)
        further = peer.create_publisher(AttentionMap, FURTHER, 10)
        other = peer.create_publisher(String, "/gossip", 10)
        end = time.monotonic() + 60
        while not all(each.get_subscription_count() for each in (maps, notes, further)):
            assert time.monotonic() < end
            time.sleep(0.01)
        before_ns = time.time_ns()
        notes.publish(String(data="slipped"))
        for tick in range(5):
            maps.publish(AttentionMap(tick=tick, policy_name="act"))
            other.publish(String(data="no"))
        further.publish(AttentionMap(tick=4, target="grip[3]"))
        while sum(node._recorder._writer.counts.values()) < 7:
            assert time.monotonic() < end
            time.sleep(0.01)
        after_ns = time.time_ns()
    finally:
        executor.shutdown(timeout_sec=5.0)
        thread.join(timeout=5.0)
        node.close()
        node.destroy_node()
        peer.destroy_node()
        rclpy.try_shutdown()
    with BagReader(bag) as reader:
        topics = {"/act_attention/attention", "/act_attention/annotate", FURTHER}
        assert set(reader.topics) == topics
        (note,) = reader.messages(["/act_attention/annotate"])
        assert reader.decode(note).data == "slipped"
        assert before_ns < note.stamp_ns < after_ns
        found = [reader.decode(m) for m in reader.messages(["/act_attention/attention"])]
    assert [(message.tick, message.policy_name) for message in found] == [
        (tick, "act") for tick in range(5)
    ]


def test_a_recorder_without_a_bag_says_which_parameter_is_missing(domain):
    from pam_ros.nodes.recorders.bag_node import RecorderNode

    rclpy.init(args=[])
    try:
        with pytest.raises(ParameterError, match="parameter 'bag' is not set"):
            RecorderNode()
    finally:
        rclpy.try_shutdown()
