# SPDX-License-Identifier: Apache-2.0
"""The embedded demo robot and displays, as RViz on a real ROS 2 subscribes to them."""

import json
from pathlib import Path

import pytest

pytestmark = [pytest.mark.ros2, pytest.mark.slow, pytest.mark.timeout(600)]

HERE = Path(__file__).parent
# One subscription as each of RViz's displays makes it, and what came; tf2 itself joins frames.
RVIZ = """
import json, time
import rclpy
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.time import Time
from std_msgs.msg import String
from tf2_ros import Buffer, TransformListener
from visualization_msgs.msg import MarkerArray
rclpy.init()
node = rclpy.create_node("rviz")
buffer = Buffer()
listener = TransformListener(buffer, node)
got = {}
latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
node.create_subscription(String, "/robot_description", lambda m: got.setdefault("urdf", m.data),
                         latched)
node.create_subscription(MarkerArray, "/displays/cameras",
    lambda m: got.setdefault("cameras", [x.header.frame_id for x in m.markers]),
    QoSProfile(depth=2))
frames = ("top_camera_optical_frame", "wrist_camera_optical_frame", "gripper_frame_link")
joined = []
end = time.monotonic() + 90
while (len(got) < 2 or len(joined) < 3) and time.monotonic() < end:
    rclpy.spin_once(node, timeout_sec=0.2)
    joined = [one for one in frames if buffer.can_transform("base_link", one, Time())]
print(json.dumps({"got": got, "joined": joined}))
"""


def test_rviz_gets_the_description_the_frames_and_the_cameras(ros2_python, embedded):
    pytest.importorskip("mujoco")
    done = ros2_python.python("import tf2_ros, visualization_msgs")
    if done.returncode:
        pytest.skip("this ROS 2 has no tf2_ros")
    displays = ros2_python.embedded_module(
        "pam_ros.cli", "run", "displays", "--ros-args", "-p", "contract:=demo_arm"
    )
    robot = ros2_python.embedded(HERE / "demo_frames.py")
    done = ros2_python.command("python3", "-c", RVIZ)
    robot.stop()
    displays.stop()
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["joined"] == [
        "top_camera_optical_frame", "wrist_camera_optical_frame", "gripper_frame_link"
    ]  # fmt: skip
    assert seen["got"]["urdf"].startswith("<robot")
    assert set(seen["got"]["cameras"]) == {
        "top_camera_optical_frame", "wrist_camera_optical_frame"
    }  # fmt: skip
