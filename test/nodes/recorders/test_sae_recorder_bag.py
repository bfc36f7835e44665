# SPDX-License-Identifier: Apache-2.0
"""What the sidecar records, and what is left where the disk or the process ends."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest
import rclpy
from sae_folder import tokens_message
from sensor_msgs.msg import JointState
from sidecar_robot import FEATURES_TOPIC, TOKENS

from pam_ros.bags import BagError, BagReader, repair
from pam_ros.msg import AttentionMap, SaeFeatures, TokenActivations
from pam_ros.nodes.act.token_publisher import TOKEN_QOS


def ticks_on_disk(bag, copy) -> set[int]:
    """The ticks that would be left if the process ended now."""
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(bag, copy)
    try:
        repair(copy)
        with BagReader(copy) as reader:
            return {reader.decode(message).tick for message in reader.messages([FEATURES_TOPIC])}
    except BagError:
        return set()  # copied while it was being written


def test_the_bag_holds_features_maps_and_commands(sidecar, tmp_path):
    contract = "demo_arm"
    robot = sidecar(bag=tmp_path / "bag", contract=contract)
    maps = robot.peer.create_publisher(AttentionMap, "/act_attention/attention", 10)
    commands = robot.peer.create_publisher(JointState, "/joint_commands", 10)
    robot.wait(lambda: maps.get_subscription_count() > 0 and commands.get_subscription_count() > 0)
    for tick in range(5):
        robot.tick(tokens_message(tick))
        maps.publish(AttentionMap(tick=tick))
        commands.publish(JointState(name=["a"], position=[float(tick)]))
    topics = ("/act_attention/attention", "/joint_commands", FEATURES_TOPIC)
    robot.wait(lambda: [robot.node._writer.counts.get(topic) for topic in topics] == [5, 5, 5])
    robot.node.close()
    with BagReader(tmp_path / "bag") as reader:
        found = [reader.decode(message) for message in reader.messages([FEATURES_TOPIC])]
        assert [message.tick for message in found] == [0, 1, 2, 3, 4]
        assert all(message.valid and len(message.feature) for message in found)
        kinds = {name: (topic.type, topic.count) for name, topic in reader.topics.items()}
        assert kinds["/act_attention/attention"] == ("pam_ros/msg/AttentionMap", 5)
        assert kinds["/joint_commands"] == ("sensor_msgs/msg/JointState", 5)
        assert "/top/image_raw" not in kinds


def test_a_full_disk_is_reported_and_costs_no_feature(sidecar, tmp_path, monkeypatch):
    robot = sidecar(bag=tmp_path / "bag")
    robot.tick(tokens_message(0))
    robot.wait(lambda: ticks_on_disk(tmp_path / "bag", tmp_path / "copy") == {0})
    pwrite = os.pwrite

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    robot.wait(lambda: robot.node._writer.trouble or robot.tick(tokens_message(1)) is None)
    assert robot.tick(tokens_message(2)).valid
    robot.wait(
        lambda: any(
            level == b"\x02" and "No space left" in text for level, text, _ in robot.reports
        )
    )
    robot.wait(lambda: int(robot.reports[-1][2]["not_recorded"]) > 0)
    monkeypatch.setattr(os, "pwrite", pwrite)
    robot.wait(lambda: not robot.node._writer.trouble)
    robot.tick(tokens_message(3))
    robot.node.close()
    with BagReader(tmp_path / "bag") as reader:
        ticks = [reader.decode(message).tick for message in reader.messages()]
    assert (ticks[0], ticks[-1]) == (0, 3)
    assert 2 not in ticks


def test_ticks_that_the_end_leaves_behind_are_counted(sidecar, tmp_path, monkeypatch):
    robot = sidecar(bag=tmp_path / "bag")
    robot.tick(tokens_message(0))
    node, encoded, go = robot.node, robot.node._encoding.encode, threading.Event()

    def slow(tokens):
        go.wait(60)
        return encoded(tokens)

    monkeypatch.setattr(node._encoding, "encode", slow)
    for tick in range(1, 6):
        robot.tokens.publish(tokens_message(tick))
    robot.wait(lambda: node._thread.waiting() == 4)
    close = node._thread.close
    monkeypatch.setattr(node._thread, "close", lambda: close(0.05))
    node.close()
    assert node._thread.dropped == 4
    assert node._recorder.not_recorded == 0
    go.set()
    robot.wait(lambda: node._recorder.not_recorded == 1)
    with BagReader(tmp_path / "bag") as reader:
        assert [reader.decode(message).tick for message in reader.messages()] == [0]


@pytest.mark.parametrize(
    ("storage", "kill"), [("mcap", signal.SIGTERM), ("sqlite3", signal.SIGKILL)]
)
def test_the_process_closes_its_bag_on_sigterm_and_leaves_a_repairable_one_when_killed(
    domain, sae, tmp_path, storage, kill
):
    bag = tmp_path / "bag"
    command = [sys.executable, "-m", "pam_ros.cli", "run", "sae_recorder", "--ros-args"]
    command += ["-p", f"sae:={sae}", "-p", f"bag:={bag}", "-p", f"storage:={storage}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    rclpy.init(args=[])
    peer = rclpy.create_node("peer")
    received = []
    try:
        tokens = peer.create_publisher(TokenActivations, TOKENS, TOKEN_QOS)
        peer.create_subscription(SaeFeatures, FEATURES_TOPIC, received.append, 50)
        end = time.monotonic() + 240
        tick = 0
        while len(received) < 30:
            assert time.monotonic() < end
            tokens.publish(tokens_message(tick))
            tick += 1
            rclpy.spin_once(peer, timeout_sec=0.02)
        sent = {message.tick for message in received}
        while not sent <= ticks_on_disk(bag, tmp_path / "copy"):
            assert time.monotonic() < end
            time.sleep(0.1)
        process.send_signal(kill)
        process.wait(120)
        assert "Traceback" not in process.stderr.read().decode()
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
        peer.destroy_node()
        rclpy.try_shutdown()
    if kill == signal.SIGTERM:
        assert process.returncode == 0
        assert (bag / "metadata.yaml").is_file()
        assert not repair(bag).changed
    else:
        assert repair(bag).changed
    with BagReader(bag) as reader:
        ticks = [reader.decode(message).tick for message in reader.messages([FEATURES_TOPIC])]
    assert sent <= set(ticks)
