# SPDX-License-Identifier: Apache-2.0
"""The recorder with a contract: its topics, and its cameras stored compressed."""

import json
import threading
import time

import numpy as np
import pytest
import rclpy
import yaml
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import String

from pam_ros.bags import BagReader
from pam_ros.nodes.kit.parameters import ParameterError
from pam_ros.nodes.recorders.camera_store import CUSTOM_KEY, psnr
from pam_ros.robot.images import fill_image, image_to_rgb

CONTRACT = {
    "robot": "cell",
    "rate_hz": 10.0,
    "cameras": [
        {
            "name": "top",
            "topic": "/cell/top/image",
            "type": "sensor_msgs/msg/Image",
            "feature": "observation.images.top",
        }
    ],
    "state": {
        "topic": "/cell/joints",
        "feature": "observation.state",
        "unit": "rad",
        "joints": [{"name": "j1", "limits": [-1, 1]}],
    },
    "command": {
        "topic": "/cell/commands",
        "type": "sensor_msgs/msg/JointState",
        "joints": ["j1"],
        "max_velocity": 1.0,
    },
}


def picture(index):
    rows, cols = np.mgrid[:48, :64]
    rgb = np.stack([3 * rows, 2 * cols, 90 + rows + cols], axis=2) + 2 * index
    return np.clip(rgb, 0, 255).astype(np.uint8)


def image(index):
    message = Image()
    message.header.stamp.sec, message.header.stamp.nanosec = 5, index
    message.header.frame_id = "top"
    fill_image(message, picture(index))
    return message


def record(bag, contract, *parameters):
    """Five pictures, joint states, commands and gossip; returns the node's custom data."""
    from pam_ros.nodes.recorders.bag_node import RecorderNode

    given = [f"bag:={bag}", f"contract:={contract}", *parameters]
    rclpy.init(args=["--ros-args", *(word for one in given for word in ("-p", one))])
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
        cameras = peer.create_publisher(Image, "/cell/top/image", 10)
        joints = peer.create_publisher(JointState, "/cell/joints", 10)
        commands = peer.create_publisher(JointState, "/cell/commands", 10)
        gossip = peer.create_publisher(String, "/gossip", 10)
        end = time.monotonic() + 60
        while not all(p.get_subscription_count() for p in (cameras, joints, commands)):
            assert time.monotonic() < end
            time.sleep(0.01)
        for index in range(5):
            cameras.publish(image(index))
            joints.publish(JointState(name=["j1"], position=[0.1 * index]))
            commands.publish(JointState(name=["j1"], position=[0.2 * index]))
            gossip.publish(String(data="no"))
        while sum(node._recorder._writer.counts.values()) < 15:
            assert time.monotonic() < end
            time.sleep(0.01)
    finally:
        executor.shutdown(timeout_sec=5.0)
        thread.join(timeout=5.0)
        node.close()
        node.destroy_node()
        peer.destroy_node()
        rclpy.try_shutdown()
    document = yaml.safe_load((bag / "metadata.yaml").read_text())
    return document["rosbag2_bagfile_information"]["custom_data"]


@pytest.fixture
def contract(tmp_path):
    file = tmp_path / "cell.yaml"
    file.write_text(yaml.safe_dump(CONTRACT))
    return file


def test_a_contract_names_what_is_recorded(domain, tmp_path, contract):
    said = record(tmp_path / "bag", contract)
    assert said is None
    with BagReader(tmp_path / "bag") as reader:
        counts = {name: topic.count for name, topic in reader.topics.items() if topic.count}
        types = {name: topic.type for name, topic in reader.topics.items()}
    assert counts == {"/cell/top/image": 5, "/cell/joints": 5, "/cell/commands": 5}
    assert types["/cell/top/image"] == "sensor_msgs/msg/Image"
    assert types["/act_attention/annotate"] == "std_msgs/msg/String"


@pytest.mark.parametrize(
    ("kind", "ending", "setting"),
    [("jpeg", "compressed", {"quality": 90}), ("h264", "ffmpeg", {"crf": 20})],
)
def test_cameras_are_stored_compressed_and_the_bag_says_how(
    domain, tmp_path, contract, kind, ending, setting
):
    said = record(
        tmp_path / "bag", contract, f"cameras:={kind}", "jpeg_quality:=90", "h264_crf:=20"
    )
    known = json.loads(said[CUSTOM_KEY])["/cell/top/image"]
    assert known["stored_as"] == f"/cell/top/image/{ending}"
    assert known["codec"] == kind
    assert known.items() >= setting.items()
    assert known["pictures"] == 5
    with BagReader(tmp_path / "bag") as reader:
        assert reader.topics[f"/cell/top/image/{ending}"].count == 5
        found = [reader.decode(message) for message in reader.messages(["/cell/top/image"])]
        assert [message.header.stamp.nanosec for message in found] == list(range(5))
        assert all(psnr(picture(i), image_to_rgb(m)) > 30 for i, m in enumerate(found))


def test_h264_without_an_encoder_is_refused_at_the_start(domain, tmp_path, contract, monkeypatch):
    from pam_ros.bags.errors import BagError
    from pam_ros.nodes.recorders import bag_node

    def missing():
        raise BagError("videos need PyAV: pip install av")

    monkeypatch.setattr(bag_node, "import_av", missing)
    args = ["-p", f"bag:={tmp_path / 'bag'}", "-p", "cameras:=h264", "-p", f"contract:={contract}"]
    rclpy.init(args=["--ros-args", *args])
    try:
        with pytest.raises(ParameterError, match="'cameras' is h264: videos need PyAV"):
            bag_node.RecorderNode()
    finally:
        rclpy.try_shutdown()
    assert not (tmp_path / "bag").exists()
