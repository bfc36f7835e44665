# SPDX-License-Identifier: Apache-2.0
"""Limits from a URDF."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pam_ros.robot import ContractError, SafetyLimits, parse_contract
from pam_ros.robot.urdf import UrdfJoint, read_urdf, with_limits

URDF = """<?xml version="1.0"?>
<robot name="arm">
  <link name="base"/>
  <joint name="shoulder" type="revolute">
    <limit lower="-0.8" upper="1.2" effort="10" velocity="1.5"/>
  </joint>
  <joint name="gripper" type="prismatic"><limit lower="0" upper="0.06" velocity="0"/></joint>
  <joint name="wheel" type="continuous"><limit effort="1" velocity="3"/></joint>
  <joint name="mount" type="fixed"/>
  <transmission><joint name="shoulder" type="revolute"/></transmission>
  <ros2_control><joint name="shoulder"><param name="min">-9</param></joint></ros2_control>
</robot>
"""


def test_limits_are_those_of_the_joints_that_move():
    assert read_urdf(URDF) == {
        "shoulder": UrdfJoint((-0.8, 1.2), 1.5),
        "gripper": UrdfJoint((0.0, 0.06), None),
        "wheel": UrdfJoint(None, 3.0),
    }


def test_a_contract_takes_them_and_where_both_speak_the_narrower_counts(data):
    data["command"]["limits"] = "urdf"
    data["command"].pop("max_velocity")
    data["state"]["joints"] = [{"name": "shoulder", "limits": [-1.0, 1.0]},
                               {"name": "gripper", "max_step": 0.01}]  # fmt: skip
    contract = parse_contract(data, "file.yaml")
    limits = SafetyLimits.from_contract(with_limits(contract, read_urdf(URDF)).command)
    assert limits.lower.tolist() == [-0.8, 0.0]
    assert limits.upper.tolist() == [1.0, 0.06]
    assert limits.max_velocity.tolist() == [1.5, float("inf")]
    assert limits.max_step.tolist() == [float("inf"), 0.01]


def test_every_joint_that_stays_unbounded_is_named(data):
    data["command"]["limits"] = "urdf"
    data["command"].pop("max_velocity")
    data["state"]["joints"] = ["elbow", "wheel", "gripper", {"name": "shoulder", "limits": [2, 3]}]
    contract = parse_contract(data, "file.yaml")
    with pytest.raises(ContractError) as error:
        with_limits(contract, read_urdf(URDF))
    assert [problem.split(":")[0] for problem in error.value.problems] == [
        "joint 'elbow' is not in the robot description (shoulder, gripper, wheel)",
        "joint 'wheel' has no limits there",
        "joint 'gripper' has no speed there",
        "joint 'shoulder'",
    ]
    assert "do not meet" in error.value.problems[-1]


def test_without_the_word_a_contract_needs_its_own_limits(data):
    data["state"]["joints"] = ["shoulder", "gripper"]
    with pytest.raises(ContractError, match="'limits: urdf' under command"):
        parse_contract(data, "file.yaml")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "no XML"),
        ("<robot>", "no XML"),
        ("<sdf/>", "a URDF is a <robot>"),
        ('<!DOCTYPE r [<!ENTITY a "b">]><robot/>', "entities"),
        (URDF.replace("-0.8", "low"), "joint 'shoulder' has lower 'low'"),
        (URDF.replace("-0.8", "nan"), "joint 'shoulder' has lower 'nan'"),
    ],
)
def test_what_is_no_urdf_is_one_sentence(text, sentence):
    with pytest.raises(ContractError, match=sentence):
        read_urdf(text)


@given(st.text(max_size=200) | st.text("<>/robotjint =\"'0.9", max_size=200))
def test_any_text_is_read_or_refused(text):
    try:
        read_urdf(text)
    except ContractError:
        return
