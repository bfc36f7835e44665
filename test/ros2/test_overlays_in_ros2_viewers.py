# SPDX-License-Identifier: Apache-2.0
"""Overlays as RViz's Image display and rqt_image_view ask for them, by their QoS and names."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.ros2, pytest.mark.slow, pytest.mark.timeout(600)]

HERE = Path(__file__).parent
OVERLAY = "/act_attention/attention/front/image"
# One subscription as each program makes it, and what arrived: RViz's Image display is reliable and
# keeps 5 by default, rqt_image_view and image_transport's tools take sensor data.
VIEWERS = """
import json, sys, time
import rclpy
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.qos import QoSProfile, qos_profile_sensor_data
from sensor_msgs.msg import Image
rclpy.init()
node = rclpy.create_node("viewers")
got, incompatible = {}, []
events = SubscriptionEventCallbacks(
    incompatible_qos=lambda event: incompatible.append(event.last_policy_kind))
for name, qos in (("rviz", QoSProfile(depth=5)), ("rqt", qos_profile_sensor_data)):
    node.create_subscription(
        Image, sys.argv[1], lambda message, name=name: got.setdefault(name, message), qos,
        event_callbacks=events)
end = time.monotonic() + 60
while len(got) < 2 and time.monotonic() < end:
    rclpy.spin_once(node, timeout_sec=0.2)
print(json.dumps({
    "incompatible": incompatible,
    "got": {name: [m.encoding, m.height, m.width, m.header.frame_id, sum(m.data[::101])]
            for name, m in got.items()}}))
"""


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("policy") / "act"
    subprocess.run([sys.executable, str(HERE / "checkpoint.py"), str(folder)], check=True)
    return folder


@pytest.fixture(scope="module")
def overlays(ros2, embedded, checkpoint):
    """An embedded act_attention that explains the pictures of an embedded /near."""
    pytest.importorskip("lerobot")
    process = ros2.embedded_module(
        "pam_ros.cli", "run", "act_attention", "--ros-args",
        "-p", f"policy:={checkpoint}", "-p", f"contract:={HERE / 'contract.yaml'}",
    )  # fmt: skip
    process.wait_for(lambda line: "ms per forward pass" in line, timeout=180)
    return process


def test_both_viewers_get_the_overlay(ros2_python, overlays):
    done = ros2_python.command("python3", "-c", VIEWERS, OVERLAY)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["incompatible"] == []
    for viewer in ("rviz", "rqt"):
        encoding, height, width, frame_id, content = seen["got"][viewer]
        assert (encoding, height, width, frame_id) == ("rgb8", 480, 640, "near_frame")
        assert content > 0


def test_image_transport_finds_and_decodes_the_compressed_overlay(ros2, overlays):
    if ros2.share("compressed_image_transport") is None:
        pytest.skip("this ROS 2 has no compressed_image_transport")
    republisher = ros2.start(
        "run", "image_transport", "republish", "--ros-args",
        "-p", "in_transport:=compressed", "-p", "out_transport:=raw",
        "-r", f"in/compressed:={OVERLAY}/compressed", "-r", "out:=/decoded",
    )  # fmt: skip
    done = ros2.run(
        "topic", "echo", "--once", "--no-arr", "/decoded", "sensor_msgs/msg/Image", timeout=90
    )
    assert "height: 480" in done.stdout, "\n".join(republisher.lines[-10:]) + done.stderr
    assert "width: 640" in done.stdout
    assert "frame_id: near_frame" in done.stdout
    assert "encoding: rgb8" in done.stdout
    republisher.stop()
