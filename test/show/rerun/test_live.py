# SPDX-License-Identifier: Apache-2.0
"""What is published comes into the recording as it would from a bag."""

import threading
import time

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from recorded_run import STAMPS, TYPE_OF, TYPES, run
from rrd_file import Rrd

from pam_ros.robot import load_contract
from pam_ros.robot.topics import topics_of
from pam_ros.share.folders import find_contract
from pam_ros.show.rerun.opening import close, into_file


def test_live_messages_are_shown_as_those_of_a_bag(monkeypatch, tmp_path, free_domain):
    monkeypatch.setenv("ROS_DOMAIN_ID", str(free_domain))
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    from pam_ros.nodes.tools.view_node import ViewNode

    contract = load_contract(find_contract("demo_arm"))
    topics = topics_of(contract)
    recording = into_file(tmp_path / "live.rrd", topics, "live")
    rclpy.init(args=[])
    node, peer = ViewNode(recording, contract, topics), rclpy.create_node("peer")
    executor = SingleThreadedExecutor()
    executor.add_node(node)

    def spin():
        try:
            executor.spin()
        except ExternalShutdownException:
            return

    thread = threading.Thread(target=spin, daemon=True)
    thread.start()
    try:
        publishers = {
            entity.topic_name: peer.create_publisher(entity.msg_type, entity.topic_name, 50)
            for entity in node.subscriptions
            if entity.topic_name in TYPE_OF
        }
        assert set(TYPE_OF) - set(publishers) == {"/act_attention/attention/top/image"}
        wait(lambda: all(p.get_subscription_count() for p in publishers.values()))
        for number, (topic, _, message) in enumerate(run(), 1):
            publishers[topic].publish(bytes(TYPES.serialize_cdr(message, TYPE_OF[topic])))
            wait(lambda: sum(node.scene.counts.values()) == number)  # noqa: B023
    finally:
        executor.shutdown(timeout_sec=5.0)
        thread.join(timeout=5.0)
        node.destroy_node()
        peer.destroy_node()
        rclpy.try_shutdown()
        close(recording)
    rrd = Rrd(tmp_path / "live.rrd")
    assert [time for time, _ in rrd.pictures("/cameras/top/image")] == STAMPS
    # Tick 2 has no map: the last one, dimmed.
    assert [tick for tick, _ in rrd.pictures("/cameras/wrist/attention", "tick")] == [0, 1, 2, 3]
    assert rrd.numbers("/joints/gripper/measured")[1] == (STAMPS[1], 5.125)


def wait(condition, seconds=120.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing came"
        time.sleep(0.01)
