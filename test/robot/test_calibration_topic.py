# SPDX-License-Identifier: Apache-2.0
"""Where a camera's CameraInfo is."""

import pytest

from pam_ros.robot import ContractError, parse_contract
from pam_ros.robot.contract import info_beside, is_rectified
from pam_ros.robot.topics import topics_of


def contract(**camera):
    return parse_contract(
        {
            "robot": "r",
            "rate_hz": 10,
            "cameras": [{"name": "top", "topic": "/top/image_raw",
                         "feature": "observation.images.top", **camera}],
            "state": {"topic": "/joint_states", "joints": [{"name": "a", "limits": [-1, 1]}]},
            "command": {"topic": "/go", "type": "sensor_msgs/msg/JointState", "max_velocity": 1},
        },
        "c.yaml",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("pictures", "info"),
    [
        ("/top/image_raw", "/top/camera_info"),
        ("/top/image_raw/compressed", "/top/camera_info"),
        ("/arm/top/image_rect/ffmpeg", "/arm/top/camera_info"),
        ("/image", "/camera_info"),
        ("image", "camera_info"),
        ("top/image", "top/camera_info"),
        ("~/top/image", "~/top/camera_info"),
        ("/compressed", "/camera_info"),
    ],
)
def test_it_is_beside_the_pictures_as_image_transport_has_it(pictures, info):
    assert info_beside(pictures) == info


@pytest.mark.parametrize("transport", ["", "/compressed", "/ffmpeg"])
def test_rectified_pictures_are_known_by_their_name_whatever_brings_them(transport):
    for name in ("/top/image_rect", "/top/image_rect_color", "image_rect"):
        assert is_rectified(name + transport)
    for name in ("/top/image_raw", "/rectifier/image", "image"):
        assert not is_rectified(name + transport)


def test_a_contract_may_name_another_topic():
    (camera,) = contract(camera_info="calibrated/info").cameras
    assert camera.info_topic == "calibrated/info"
    (topics,) = topics_of(contract(camera_info="info"), "/left/act_attention").cameras
    assert topics.info == "/left/info"
    (topics,) = topics_of(contract()).cameras
    assert topics.info == "/top/camera_info"


def test_a_name_that_is_no_topic_is_refused():
    with pytest.raises(ContractError, match=r"cameras\[0\].camera_info is 'a b', which is no ROS"):
        contract(camera_info="a b")
