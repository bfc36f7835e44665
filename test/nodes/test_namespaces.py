# SPDX-License-Identifier: Apache-2.0
"""Two arms, each with its nodes in a namespace: a recorder hears those of its own."""

import threading
import time

import pytest
import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from sae_folder import tokens_message
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import String

from pam_ros.bags import BagReader
from pam_ros.msg import AttentionMap
from pam_ros.nodes.kit.parameters import ParameterError


def counts(bag):
    with BagReader(bag) as reader:
        return {name: topic.count for name, topic in reader.topics.items()}


def test_a_sidecar_in_a_namespace_encodes_and_records_what_is_in_it(sidecar, contract, tmp_path):
    """Relative topics of the contract are in the namespace, private ones are act_attention's."""
    file = contract()
    text = file.read_text().replace("topic: /joint_states", "topic: joint_states")
    file.write_text(text.replace("topic: /joint_commands", "topic: ~/commands"))
    robot = sidecar("/left", bag=tmp_path / "bag", contract=file, images=True)
    said = {
        "/left/act_attention/attention": AttentionMap(tick=1),
        "/left/joint_states": JointState(name=["pan"]),
        "/left/act_attention/commands": JointState(name=["pan"]),
        "/left/act_attention/annotate": String(data="slipped"),
        "/top/image_raw": Image(),
    }
    others = {
        "/act_attention/attention": AttentionMap(),
        "/right/act_attention/attention": AttentionMap(),
        "/joint_states": JointState(),
        "/left/sae_recorder/commands": JointState(),
    }
    publishers = {
        topic: robot.peer.create_publisher(type(message), topic, 10)
        for topic, message in (said | others).items()
    }
    robot.wait(lambda: all(publishers[topic].get_subscription_count() for topic in said))
    for topic, message in (said | others).items():
        publishers[topic].publish(message)
    assert robot.tick(tokens_message(1)).valid
    wanted = {*said, "/left/sae_recorder/features"}
    robot.wait(lambda: {name for name, n in robot.node._writer.counts.items() if n} == wanted)
    robot.node.close()
    assert counts(tmp_path / "bag") == dict.fromkeys(wanted, 1)


def test_full_names_reach_out_of_the_namespace(sidecar, tmp_path):
    robot = sidecar(
        "/left",
        bag=tmp_path / "bag",
        topics="[/right/act_attention/attention]",
        annotate_topic="/notes",
    )
    maps = robot.peer.create_publisher(AttentionMap, "/right/act_attention/attention", 10)
    notes = robot.peer.create_publisher(String, "/notes", 10)
    robot.wait(lambda: maps.get_subscription_count() and notes.get_subscription_count())


def test_tokens_may_come_from_another_namespace(domain, sae):
    from pam_ros.nodes.recorders.sae_node import SaeRecorderNode

    given = ["-p", f"sae:={sae}", "-p", "tokens_topic:=/right/act_attention/tokens"]
    rclpy.init(args=["--ros-args", "-r", "__ns:=/left", *given])
    node = SaeRecorderNode()
    try:
        wait(lambda: node.count_subscribers("/right/act_attention/tokens") == 1)
        assert node.count_subscribers("/left/act_attention/tokens") == 0
    finally:
        node.close()
        node.destroy_node()
        rclpy.try_shutdown()


@pytest.mark.parametrize("parameter", ["topics", "annotate_topic"])
def test_what_is_no_name_of_a_topic_is_refused_with_its_parameter(sidecar, tmp_path, parameter):
    value = "['//twice']" if parameter == "topics" else "//twice"
    with pytest.raises(ParameterError, match=rf"parameter '{parameter}' has '//twice'"):
        sidecar(bag=tmp_path / "bag", **{parameter: value})
    assert not (tmp_path / "bag").exists()


def test_a_recorder_in_a_namespace_records_what_is_in_it(domain, tmp_path):
    from pam_ros.nodes.recorders.bag_node import RecorderNode

    topics = tmp_path / "topics.yaml"
    topics.write_text("topics: [act_attention/attention, /clock_of_the_house]")
    given = {"bag": tmp_path / "bag", "topics_file": topics, "overlays": "true"}
    parameters = [part for key, value in given.items() for part in ("-p", f"{key}:={value}")]
    rclpy.init(args=["--ros-args", "-r", "__ns:=/left", *parameters])
    node, peer = RecorderNode(), rclpy.create_node("peer")
    said = {
        "/left/act_attention/attention": AttentionMap(),
        "/left/act_attention/annotate": String(data="slipped"),
        "/left/act_attention/attention/top/image": Image(),
        "/clock_of_the_house": String(),
    }
    others = {
        "/act_attention/attention": AttentionMap(),
        "/right/act_attention/attention/top/image": Image(),
    }
    executor = SingleThreadedExecutor()
    for each in (node, peer):
        executor.add_node(each)

    def spin():
        try:
            executor.spin()
        except ExternalShutdownException:
            return

    thread = threading.Thread(target=spin, daemon=True)
    thread.start()
    try:
        publishers = {
            topic: peer.create_publisher(type(message), topic, 10)
            for topic, message in (said | others).items()
        }
        wait(lambda: all(publishers[topic].get_subscription_count() for topic in said))
        for topic, message in (said | others).items():
            publishers[topic].publish(message)
        wait(lambda: all(node._recorder._writer.counts.get(topic) for topic in said))
    finally:
        executor.shutdown(timeout_sec=5.0)
        thread.join(timeout=5.0)
        node.close()
        node.destroy_node()
        peer.destroy_node()
        rclpy.try_shutdown()
    assert counts(tmp_path / "bag") == dict.fromkeys(said, 1)


def wait(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)
