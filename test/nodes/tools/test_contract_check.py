# SPDX-License-Identifier: Apache-2.0
"""`pam_ros contract check`, on files, a checkpoint and a graph."""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest
import rclpy
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image, JointState

from pam_ros import cli
from pam_ros.share.folders import share_directory


def test_the_shipped_contract_fits_the_shipped_policy(capsys):
    policy = str(share_directory() / "models" / "demo_act")
    assert cli.main(["contract", "check", "demo_arm", "--policy", policy]) == 0
    out = capsys.readouterr().out
    assert "rgb8 -> observation.images.top" in out
    assert "[5] gripper, rad; within -0.17 to 1.75 rad, at most 3 rad/s" in out
    assert f"it fits {policy}" in out


def test_every_problem_with_the_policy_is_listed(contract, checkpoint, capsys):
    file = contract()
    text = file.read_text().replace("- {name: lift, limits: [-3.0, 3.0]}", "")
    file.write_text(text.replace("observation.images.top", "observation.images.side"))
    assert cli.main(["contract", "check", str(file), "--policy", str(checkpoint)]) == 1
    error = capsys.readouterr().err
    assert "observation.images.side" in error
    assert "state.joints names 1 joints; the policy's observation.state has 2" in error
    assert "command.joints names 1 joints; the policy's action has 2" in error


@pytest.fixture
def demo_arm_in_degrees(tmp_path):
    """The demo's contract as if its policy, which is in rad, were in degrees."""

    def write(confirmed):
        text = (share_directory() / "config" / "robots" / "demo_arm.yaml").read_text()
        file = tmp_path / "degrees.yaml"
        text = text.replace("unit: rad", "unit: deg")
        file.write_text(f"{text}\nunits_confirmed: {str(confirmed).lower()}\n")
        return str(file)

    return write


def test_units_that_the_training_data_contradict_are_a_problem(
    demo_arm_in_degrees, capsys, complaint
):
    policy = str(share_directory() / "models" / "demo_act")
    assert cli.main(["contract", "check", demo_arm_in_degrees(False), "--policy", policy]) == 1
    said = capsys.readouterr()
    assert "it fits" not in said.out
    error = " ".join(complaint(said.err).split())
    assert error.startswith(
        "pam_ros contract: the units look wrong; correct the contract, or write "
        "'units_confirmed: true' there if you know that it is right: - observation.state and "
        "action of 'shoulder_pan', 'shoulder_lift'"
    )
    assert "the contract says deg, the training data are likely rad" in error
    assert cli.main(["contract", "check", demo_arm_in_degrees(True), "--policy", policy]) == 0
    said = capsys.readouterr()
    assert complaint(said.err) == ""
    assert "note: observation.state and action of 'shoulder_pan'" in said.out
    assert "; units_confirmed\n" in said.out
    assert f"it fits {policy}" in said.out


def test_a_contract_that_does_not_exist_is_one_sentence(capsys):
    assert cli.main(["contract", "check", "so999"]) == 1
    assert capsys.readouterr().err.startswith("pam_ros contract: contract 'so999' is neither")


@pytest.fixture
def graph(domain):
    """Publishes what a test wants, ten times a second, in a thread."""
    rclpy.init(args=[])
    node = rclpy.create_node("driver")
    images = node.create_publisher(Image, "/top/image_raw", 5)
    joints = node.create_publisher(JointState, "/joint_states", 5)
    node.create_subscription(JointState, "/joint_commands", lambda _: None, 5)
    node.declare_parameter("joints", ["lift", "pan"])
    stop = threading.Event()
    wanted = {"encoding": "rgb8", "names": ["lift", "pan"]}

    def publish() -> None:
        image = Image(height=64, width=96, step=96 * 3)
        image.data = np.zeros((64, 96, 3), np.uint8).tobytes()
        while not stop.wait(0.1):
            stamp = node.get_clock().now().to_msg()
            image.encoding = wanted["encoding"]
            state = JointState(name=wanted["names"], position=[0.1, 0.2])
            image.header.stamp = state.header.stamp = stamp
            images.publish(image)
            joints.publish(state)
            rclpy.spin_once(node, timeout_sec=0.0)

    thread = threading.Thread(target=publish)
    thread.start()
    wanted["controller"] = node
    yield wanted
    stop.set()
    thread.join()
    node.destroy_node()
    rclpy.try_shutdown()


def live(file, checkpoint):
    command = [sys.executable, "-m", "pam_ros.cli", "contract", "check", str(file)]
    command += ["--live", "--seconds", "3"]
    command += [] if checkpoint is None else ["--policy", str(checkpoint)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_a_graph_that_keeps_to_the_contract(graph, contract, checkpoint):
    done = live(contract(), checkpoint)
    assert done.returncode == 0, done.stderr
    assert "96x64 rgb8" in done.stdout
    assert "commands (/joint_commands): heard by driver" in done.stdout
    assert "the graph keeps to it" in done.stdout


def test_a_page_and_a_recorder_that_listen_are_no_driver(domain):
    from pam_ros.nodes.tools.contract_listener import _command_topic

    rclpy.init(args=[])
    names = ("pam_ros_live_7", "recorder", "rosbag2_recorder", "asks")
    nodes = [rclpy.create_node(name) for name in names]
    topic, kind = "/joint_commands", "sensor_msgs/msg/JointState"
    try:
        for node in nodes[:-1]:
            node.create_subscription(JointState, topic, lambda _: None, 5)
        asks = nodes[-1]
        while len(asks.get_subscriptions_info_by_topic(topic)) < len(names) - 1:
            rclpy.spin_once(asks, timeout_sec=0.05)
        assert _command_topic(asks, topic, kind) == (
            [], [f"nobody listens to the commands on {topic}"]
        )  # fmt: skip
    finally:
        for node in nodes:
            node.destroy_node()
        rclpy.try_shutdown()


def test_other_joints_of_the_controller_are_told_and_no_policy_is_needed(graph, contract):
    graph["controller"].set_parameters([Parameter("joints", value=["pan", "elbow"])])
    done = live(contract(), None)
    assert done.returncode == 1
    assert (
        "/driver moves pan, elbow by /joint_commands: it does not have 'lift'; the contract leaves "
        "out 'elbow'"
    ) in done.stderr, done.stderr
    assert "bind the contract" not in done.stderr
    assert "% of the sets lie within sync_tolerance_s, 0.02 s" in done.stdout


def test_a_graph_that_does_not_is_told_all_its_faults(graph, contract, checkpoint):
    graph.update(encoding="bgr8", names=["lift", "elbow"])
    done = live(contract(command="std_msgs/msg/Float64MultiArray"), checkpoint)
    assert done.returncode == 1
    assert "(/top/image_raw): image encoding is 'bgr8'; the contract says 'rgb8'" in done.stderr, (
        done.stderr
    )
    assert "joint message lacks 'pan'" in done.stderr
    wrong = "driver listens to /joint_commands as sensor_msgs/msg/JointState; the contract says"
    assert wrong in done.stderr
