# SPDX-License-Identifier: Apache-2.0
"""What the node subscribes to, and what becomes of what arrives."""

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sensor_msgs.msg import Image, JointState

sys.path.insert(0, str(Path(__file__).parents[2] / "robot"))
from video_packets import encode, reference

from pam_ros.nodes.act.sources import Sources
from pam_ros.nodes.kit import video_topic
from pam_ros.nodes.kit.messages import message_class
from pam_ros.robot import ContractError, camera_image, parse_contract
from pam_ros.robot.contract import FFMPEG_PACKET, FOXGLOVE_VIDEO
from pam_ros.robot.parts import StateContract
from pam_ros.robot.stamps import Stamping

NOW_NS = 5_000_000_000
VALUES = {"image_depth": 2, "image_reliability": "best_effort", "joint_reliability": "reliable"}


class Node:
    """Keeps the callbacks of its subscriptions, by topic."""

    def __init__(self) -> None:
        self.callbacks = {}
        self.warnings = []
        self.types = {}
        self.qos = {}

    def get_logger(self):
        return SimpleNamespace(warning=lambda text, **_: self.warnings.append(text))

    def create_subscription(self, kind, topic, callback, qos, callback_group=None):
        assert topic not in self.callbacks
        self.callbacks[topic], self.types[topic], self.qos[topic] = callback, kind, qos

    def get_clock(self):
        return SimpleNamespace(now=lambda: SimpleNamespace(nanoseconds=NOW_NS))


def contract_of(*cameras):
    return parse_contract(
        {
            "robot": "arm",
            "rate_hz": 10,
            "cameras": list(cameras),
            "state": {"topic": "/joints", "joints": [{"name": "pan", "limits": [-3, 3]}]},
            "command": {"topic": "/go", "type": "sensor_msgs/msg/JointState", "max_velocity": 5},
        },
        "arm.yaml",
    )


def stamped(message, stamp_ns=NOW_NS):
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 10**9)
    return message


@pytest.fixture
def node():
    return Node()


def test_cameras_that_share_a_topic_share_its_messages_and_wake_the_node_once(node):
    cameras = [
        {"name": name, "topic": "/wide", "feature": f"observation.images.{name}",
         "crop": {"x": x, "y": 0, "width": 4, "height": 4}}
        for name, x in (("left", 0), ("right", 6))
    ]  # fmt: skip
    ready = []
    sources = Sources(node, contract_of(*cameras), VALUES, lambda: ready.append(1))
    assert node.types == {"/wide": Image, "/joints": JointState}
    node.callbacks["/joints"](stamped(JointState()))
    picture = stamped(Image())
    node.callbacks["/wide"](picture)
    assert len(ready) == 2
    found = sources.newest(NOW_NS)
    assert found.messages["left"] is found.messages["right"] is picture


def packet(kind, data, number, codec="h264"):
    message = message_class(kind)()
    stamp = message.timestamp if kind == FOXGLOVE_VIDEO else message.header.stamp
    stamp.sec, stamp.nanosec = divmod(NOW_NS - 10**9 + number * 33_000_000, 10**9)
    message.data = data
    if kind == FOXGLOVE_VIDEO:
        message.frame_id, message.format = "optical", codec
    else:
        message.header.frame_id, message.encoding, message.pts = "optical", codec, number
    return message


@pytest.mark.parametrize("kind", [FFMPEG_PACKET, FOXGLOVE_VIDEO])
def test_the_packets_of_a_video_become_pictures_with_their_stamps(node, kind):
    pytest.importorskip(f"{kind.partition('/')[0]}.msg")
    camera = {
        "name": "top",
        "topic": "/top/ffmpeg",
        "type": kind,
        "feature": "observation.images.t",
    }
    contract = contract_of(camera)
    woken = []
    sources = Sources(node, contract, VALUES, lambda: woken.append(1))
    assert node.types["/top/ffmpeg"] is message_class(kind)
    # One that is lost costs all until the next key frame.
    assert node.qos["/top/ffmpeg"].depth == video_topic.VIDEO_DEPTH > VALUES["image_depth"]
    packets = encode(24, every=8)
    take = node.callbacks["/top/ffmpeg"]
    for data, number in packets[5:7]:
        take(packet(kind, data, number))
    assert not woken
    assert "/top/ffmpeg: no key frame came yet" in sources.reason()
    assert sources.counts()["video_before_key_frame"] == 2
    for data, number in packets[7:]:
        take(packet(kind, data, number))
    assert len(woken) == 16
    assert "/top/ffmpeg" not in sources.reason()
    node.callbacks["/joints"](stamped(JointState(), NOW_NS - 10**9 + 23 * 33_000_000))
    found = sources.newest(NOW_NS)
    image = found.messages["top"]
    assert image.header.frame_id == "optical"
    assert found.stamps["top"] == NOW_NS - 10**9 + 23 * 33_000_000
    rgb = camera_image(contract.cameras[0], image)
    assert np.abs(rgb.astype(int) - reference(packets)[23]).max() <= 2


def test_another_codec_is_said_by_topic(node):
    pytest.importorskip("ffmpeg_image_transport_msgs.msg")
    camera = {
        "name": "top", "topic": "/top/ffmpeg", "type": FFMPEG_PACKET,
        "feature": "observation.images.top",
    }  # fmt: skip
    sources = Sources(node, contract_of(camera), VALUES, None)
    node.callbacks["/top/ffmpeg"](packet(FFMPEG_PACKET, b"", 0, "hevc_nvenc"))
    sources.newest(NOW_NS)
    sentence = "/top/ffmpeg: video is 'hevc_nvenc'; H.264 is read: let the publisher encode h264"
    assert node.warnings == [sentence]
    assert sentence in sources.reason()


def test_a_ros_2_without_the_package_of_packets_names_it(node, monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(video_topic, "message_class", missing)
    camera = {
        "name": "top", "topic": "/top/ffmpeg", "type": FFMPEG_PACKET,
        "feature": "observation.images.top",
    }  # fmt: skip
    with pytest.raises(ContractError, match=r"apt install ros-[$]ROS_DISTRO-ffmpeg-image"):
        Sources(node, contract_of(camera), VALUES, None)


TOP = {"name": "top", "topic": "/top", "feature": "observation.images.top"}


def fed(node, camera, stamp_ns, count=5):
    """Sources after some pictures of such a stamp, and a joint state that is in order."""
    sources = Sources(node, contract_of(TOP | camera), VALUES, None)
    for _ in range(count):
        node.callbacks["/top"](stamped(Image(), stamp_ns))
    node.callbacks["/joints"](stamped(JointState(name=["pan"], position=[0.5])))
    return sources


def test_a_camera_by_arrival_needs_no_stamp(node):
    found = fed(node, {"stamp": "arrival"}, 0).newest(NOW_NS)
    assert found.stamps == {"top": NOW_NS, "joint_states": NOW_NS}


def test_an_offset_is_added_for_sets_and_ages_and_the_header_stays(node):
    found = fed(node, {"stamp_offset_s": 0.9}, NOW_NS - 900_000_000).newest(NOW_NS)
    assert found.stamps["top"] == found.oldest_ns == NOW_NS
    assert found.messages["top"].header.stamp.nanosec == 100_000_000


@pytest.mark.parametrize(
    ("stamp_ns", "sentence"),
    [
        (
            0,
            "camera 'top' (/top) has the stamp 0: set header.stamp where it is published, or write",
        ),
        (NOW_NS - 900_000_000, "camera 'top' (/top) is stamped 0.90 s before it arrives; at most"),
        (1_700_000_000 * 10**9, "camera 'top' (/top) is stamped by the wall clock, and the clock"),
    ],
)
def test_stamps_of_no_use_are_told_with_their_cure(node, stamp_ns, sentence):
    sources = fed(node, {}, stamp_ns)
    assert sources.newest(NOW_NS) is None
    assert sentence in sources.reason()
    (fault,) = sources.stamp_faults()
    assert fault.startswith(sentence)
    sources.clear()
    assert sources.stamp_faults() == []


def test_joints_by_arrival_are_measured_whatever_their_stamp(node):
    contract = contract_of(TOP)
    part = replace(contract.state.parts[0], stamping=Stamping("arrival"))
    sources = Sources(node, replace(contract, state=StateContract((part,))), VALUES, None)
    node.callbacks["/joints"](stamped(JointState(name=["pan"], position=[0.5]), 3))
    assert sources.latest_measured().tolist() == [0.5]
