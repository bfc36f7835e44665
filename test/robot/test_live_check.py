# SPDX-License-Identifier: Apache-2.0
"""A contract held against what the graph publishes, and told in words."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from pam_ros.robot import parse_contract
from pam_ros.robot.contract import IMAGE
from pam_ros.robot.explain import explain
from pam_ros.robot.live_check import Heard, check_live, wanted_sources
from pam_ros.robot.values.arrays import FLOAT64_MULTI_ARRAY
from pam_ros.robot.values.joints import JOINT_STATE

SECOND = 10**9
BEGIN = 1000 * SECOND


def image(height=6, width=8, encoding="rgb8"):
    data = np.zeros((height, width, 3), np.uint8).tobytes()
    return SimpleNamespace(
        height=height, width=width, encoding=encoding, step=3 * width, data=data, is_bigendian=0
    )


def joints(names=("gripper", "shoulder"), positions=(0.5, 0.1)):
    return SimpleNamespace(name=list(names), position=list(positions))


def source(topic, kind, message, rate_hz=10.0, age_s=0.01):
    stamps = [BEGIN + round(k * SECOND / rate_hz) for k in range(int(2 * rate_hz))]
    arrivals = [stamp + round(age_s * SECOND) for stamp in stamps]
    return Heard(topic, 2.0, (kind,), stamps, arrivals, message)


@pytest.fixture
def heard():
    """All as the contract wants it."""
    return {
        "top": source("/top/image_raw", IMAGE, image()),
        "wrist": source("/wrist/image_raw", IMAGE, image(12, 16)),
        "joint_states": source("/joint_states", JOINT_STATE, joints(), rate_hz=50.0),
    }


@pytest.fixture
def bound(contract, spec):
    return contract.bind(spec)


def test_a_graph_that_keeps_to_it_has_no_problems(bound, heard):
    notes, problems = check_live(bound, heard)
    assert problems == []
    assert notes == [
        "camera 'wrist' (/wrist/image_raw): 10.0 Hz, 16x12 rgb8",
        "camera 'top' (/top/image_raw): 10.0 Hz, 8x6 rgb8",
        "the joint state (/joint_states): 50.0 Hz",
        (
            "stamps beside those of camera 'wrist' (/wrist/image_raw): camera 'top' "
            "(/top/image_raw) +0.000 s, the joint state (/joint_states) +0.000 s"
        ),
        "100% of the sets lie within sync_tolerance_s, 0.05 s; 0.000 s would fit",
    ]


def test_a_video_without_a_picture_says_why(bound, heard):
    heard["top"] = Heard("/top/image_raw", 2.0, (IMAGE,))
    heard["top"].undecoded = "/top/image_raw: no key frame came yet"
    _, problems = check_live(bound, heard)
    assert problems == ["camera 'top': /top/image_raw: no key frame came yet"]


def silent(heard):
    heard["top"] = Heard("/top/image_raw", 2.0, (IMAGE,))


def absent(heard):
    heard["top"] = Heard("/top/image_raw", 2.0)


def wrong_type(heard):
    heard["top"].types = ("sensor_msgs/msg/CompressedImage",)


def slow(heard):
    heard["top"] = source("/top/image_raw", IMAGE, image(), rate_hz=5.0)


def other_encoding(heard):
    heard["top"].last = image(encoding="bgr8")


def other_size(heard):
    heard["top"].last = image(7, 8)


def truncated(heard):
    heard["top"].last.data = heard["top"].last.data[:-1]


def unknown_joint(heard):
    heard["joint_states"].last = joints(("gripper", "elbow"))


def degrees(heard):
    heard["joint_states"].last = joints(positions=(0.5, 57.0))


def unstamped(heard):
    heard["top"].stamps[3] = 0


def past(heard):
    heard["top"] = source("/top/image_raw", IMAGE, image(), age_s=3.25)


def future(heard):
    heard["top"] = source("/top/image_raw", IMAGE, image(), age_s=-3.25)


def shuffled(heard):
    heard["top"].stamps[3:5] = heard["top"].stamps[4:2:-1]


def apart(heard):
    moved = source("/top/image_raw", IMAGE, image(), age_s=0.2)
    heard["top"], heard["joint_states"] = moved, source("/joint_states", JOINT_STATE, joints())
    heard["top"].stamps = [stamp + SECOND // 16 for stamp in heard["top"].stamps]


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (silent, "no message came in 2 s"),
        (absent, "camera 'top' (/top/image_raw): nobody publishes this topic"),
        (wrong_type, "is published as sensor_msgs/msg/CompressedImage; the contract says"),
        (slow, "comes at 5.0 Hz; the contract ticks at 10 Hz"),
        (other_encoding, "bgr8"),
        (other_size, "7x8"),
        (truncated, "bytes"),
        (unknown_joint, "lacks 'shoulder'"),
        (degrees, "'shoulder' stands at 57.000, outside its limits -1 to 1 rad"),
        (unstamped, "messages without a stamp"),
        (past, "stamped 3.25 s before it arrives"),
        (future, "stamped 3.25 s in the future"),
        (shuffled, "out of order"),
    ],
)
def test_one_fault_is_one_sentence(bound, heard, spoil, sentence):
    spoil(heard)
    (problem,) = check_live(bound, heard)[1]
    assert sentence in problem


def test_stamps_that_never_agree_are_told_where_nothing_else_is_wrong(data, spec, heard):
    data["sync_tolerance_s"] = 0.02
    bound = parse_contract(data, "file.yaml").bind(spec)
    apart(heard)
    (problem,) = check_live(bound, heard)[1]
    assert "no set of observations agrees: no stamps within 0.02 s" in problem


def test_the_skew_of_each_source_and_the_tolerance_that_would_fit_are_told(data, spec, heard):
    data["sync_tolerance_s"] = 0.02
    bound = parse_contract(data, "file.yaml").bind(spec)
    apart(heard)
    notes, _ = check_live(bound, heard)
    assert "camera 'top' (/top/image_raw) -0.03" in notes[-2]
    assert notes[-1] == "0% of the sets lie within sync_tolerance_s, 0.02 s; 0.038 s would fit"


def test_an_offset_that_is_always_the_same_is_noted(data, spec, heard):
    heard["top"] = source("/top/image_raw", IMAGE, image(), age_s=0.41)
    notes, _ = check_live(parse_contract(data, "file.yaml").bind(spec), heard)
    (note,) = [note for note in notes if "stamp_offset_s" in note]
    assert "camera 'top' (/top/image_raw): its stamps are 0.4 s behind its arrival" in note


def test_what_the_contract_says_of_stamps_is_heeded(data, spec, heard):
    heard["top"].stamps = [stamp - 324 * SECOND // 100 for stamp in heard["top"].stamps]
    data["cameras"][0]["stamp_offset_s"] = 3.24
    assert check_live(parse_contract(data, "file.yaml").bind(spec), heard)[1] == []
    heard["top"].stamps = [0] * len(heard["top"].stamps)
    data["cameras"][0] |= {"stamp": "arrival", "stamp_offset_s": 0}
    assert check_live(parse_contract(data, "file.yaml").bind(spec), heard)[1] == []


def test_a_picture_that_loses_its_proportions_is_told(data, spec, heard):
    data["cameras"][1] = {**data["cameras"][1], "crop": {"x": 0, "y": 0, "width": 16, "height": 9}}
    squashed = parse_contract(data, "file.yaml").bind(spec)
    (note,) = [note for note in check_live(squashed, heard)[0] if "squashed" in note]
    assert note.startswith(
        "camera 'wrist' (/wrist/image_raw): 16x9 (16:9) is squashed into 4x3 (4:3); if the training"
    )
    data["cameras"][1]["resize"] = {"keep_aspect": True}
    kept = parse_contract(data, "file.yaml").bind(spec)
    assert not [note for note in check_live(kept, heard)[0] if "squashed" in note]


def test_without_a_policy_sizes_of_its_own_are_not_checked(contract, heard):
    assert check_live(contract, heard)[1] == []
    heard["wrist"].last = image(6, 8)
    (problem,) = check_live(contract, heard)[1]
    assert "its crop reaches to row 7" in problem


def test_an_environment_state_is_listened_to_as_well(data):
    data["environment"] = {"topic": "/goal"}
    wanted = wanted_sources(parse_contract(data, "file.yaml"))
    assert wanted["environment"].type == FLOAT64_MULTI_ARRAY


def test_a_contract_in_words(bound):
    words = "\n".join(explain(bound))
    assert "two_joints ticks 10 times a second" in words
    crop = "crop 8x6 at (2, 1), resize to 3x4 (height x width) -> observation.images.wrist"
    assert crop in words
    assert "[1] gripper, -100..100 over 0 to 2 rad; within 0 to 2 rad, at most 2 rad/s" in words
