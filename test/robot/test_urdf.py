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
        "shoulder": UrdfJoint((-0.8, 1.2), 1.5, max_effort=10.0),
        "gripper": UrdfJoint((0.0, 0.06), None, slides=True),
        "wheel": UrdfJoint(None, 3.0, max_effort=1.0),
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


def urdf(inside: str, kind: str = "revolute") -> str:
    """A URDF of one joint, 'shoulder'."""
    return f'<robot name="arm"><joint name="shoulder" type="{kind}">{inside}</joint></robot>'


HARD = '<limit lower="-2.9" upper="2.9" effort="10" velocity="1.5"/>'


def completed(data, text: str, limits=None):
    """(lower, upper) of the contract's one joint, completed from a URDF."""
    data["command"]["limits"] = "urdf"
    data["state"]["joints"] = [{"name": "shoulder"} | ({"limits": limits} if limits else {})]
    contract = with_limits(parse_contract(data, "file.yaml"), read_urdf(text))
    return contract.command.joints[0].limits


@pytest.mark.parametrize(
    ("soft", "expected"),
    [
        ('soft_lower_limit="-2.8" soft_upper_limit="2.7"', (-2.8, 2.7)),
        ('soft_lower_limit="-9" soft_upper_limit="9"', (-2.9, 2.9)),
        ('soft_lower_limit="-9" soft_upper_limit="1"', (-2.9, 1.0)),
        # One that is missing is 0, as in urdfdom; both missing, or written out as 0, are none.
        ('soft_upper_limit="1"', (0.0, 1.0)),
        ('soft_lower_limit="-1"', (-1.0, 0.0)),
        ("", (-2.9, 2.9)),
        ('soft_lower_limit="0" soft_upper_limit="0.0"', (-2.9, 2.9)),
    ],
)
def test_of_hard_and_soft_limits_the_narrower_count(data, soft, expected):
    text = urdf(f'{HARD}<safety_controller k_position="100" k_velocity="40" {soft}/>')
    assert completed(data, text) == expected


def test_soft_limits_give_a_continuous_joint_its_range(data):
    soft = '<safety_controller k_velocity="4" soft_lower_limit="-3" soft_upper_limit="2"/>'
    assert completed(data, urdf('<limit velocity="1"/>' + soft, "continuous")) == (-3.0, 2.0)


def test_the_contract_the_hard_and_the_soft_limits_all_count(data):
    soft = '<safety_controller k_velocity="4" soft_lower_limit="-2.8" soft_upper_limit="2.7"/>'
    assert completed(data, urdf(HARD + soft), [-2.0, 2.95]) == (-2.0, 2.7)


@pytest.mark.parametrize(
    ("inside", "sentence"),
    [
        (
            HARD + '<safety_controller soft_lower_limit="2" soft_upper_limit="-2"/>',
            r"the soft limits \(2.0, -2.0\) of the robot description are not a range",
        ),
        (
            HARD + '<safety_controller soft_lower_limit="3" soft_upper_limit="4"/>',
            r"limits \(-2.9, 2.9\) and the soft limits \(3.0, 4.0\) of the .* do not meet",
        ),
        (
            '<limit lower="1" upper="-1" velocity="1"/>',
            r"the limits \(1.0, -1.0\) of the robot description are not a range",
        ),
        ('<limit velocity="1"/>', "'shoulder' has no limits there: give limits in the contract"),
        ("", "'shoulder' has no limits there: give limits in the contract"),
    ],
)
def test_ranges_that_bound_nothing_are_one_sentence(data, inside, sentence):
    with pytest.raises(ContractError, match=sentence):
        completed(data, urdf(inside))


def test_limits_that_a_urdf_leaves_out_may_stand_in_the_contract(data):
    assert completed(data, urdf('<limit velocity="1"/>'), [-0.5, 0.5]) == (-0.5, 0.5)


@pytest.mark.parametrize(
    "before",
    [
        "\n\n",
        "\n\n<?xml version='1.0'?>\n",
        "\n<?xml version='1.0' encoding='utf-16'?>",  # a str has been decoded, whatever it says
        "\ufeff<?xml version='1.0'?>",
        "\n\ufeff\n",
        "\n  <!-- made by xacro -->",
    ],
)
def test_what_stands_before_the_robot_does_not_matter(data, before):
    assert completed(data, before + urdf(HARD) + "\n\n") == (-2.9, 2.9)


@pytest.mark.parametrize(
    "text",
    [
        urdf(HARD).replace("<robot", '<robot xmlns="http://www.ros.org"'),
        urdf(HARD).replace("<robot", '<robot xmlns:xacro="http://www.ros.org/wiki/xacro"'),
        urdf(HARD + "<xacro:left_over/>"),
    ],
)
def test_namespaces_do_not_matter(data, text):
    assert completed(data, text) == (-2.9, 2.9)


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
        ('<a:robot xmlns:a="b"/>', "a URDF is a <robot>"),
        (
            urdf('<safety_controller soft_lower_limit="inf"/>'),
            "joint 'shoulder' has soft_lower_limit 'inf'",
        ),
        (
            urdf('<safety_controller soft_upper_limit="high"/>'),
            "joint 'shoulder' has soft_upper_limit 'high'",
        ),
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


def test_a_sliding_joint_is_told_of_in_metres_and_has_no_degrees(data):
    slides = urdf('<limit lower="0" upper="0.06" velocity="0.1"/>', "prismatic")
    data["command"]["limits"] = "urdf"
    data["state"]["joints"] = [{"name": "shoulder"}]
    contract = with_limits(parse_contract(data, "file.yaml"), read_urdf(slides))
    limits = SafetyLimits.from_contract(contract.command)
    assert limits.described(0, 0.5) == "shoulder at 0.500 m is outside its limits 0.000 to 0.060"
    data["state"]["joints"] = [{"name": "shoulder", "unit": "deg"}]
    with pytest.raises(ContractError, match=r"'shoulder' slides, .* its unit cannot be 'deg'"):
        with_limits(parse_contract(data, "file.yaml"), read_urdf(slides))


def test_a_turning_joint_has_no_metres(data):
    data["command"]["limits"] = "urdf"
    data["state"]["joints"] = [{"name": "shoulder", "unit": "m"}]
    with pytest.raises(ContractError, match=r"'shoulder' turns, .* its unit cannot be 'm'"):
        with_limits(parse_contract(data, "file.yaml"), read_urdf(urdf(HARD)))


@pytest.mark.parametrize(
    ("kind", "key", "expected"),
    [("velocity", "max_acceleration", 1.5), ("effort", "max_effort_rate", 10.0)],
)
def test_a_velocity_or_an_effort_keeps_within_the_urdfs(data, kind, key, expected):
    data["command"] = {"topic": "/go", "type": "sensor_msgs/msg/JointState", "kind": kind,
                       "limits": "urdf", "joints": ["shoulder"], key: 2.0}  # fmt: skip
    contract = with_limits(parse_contract(data, "file.yaml"), read_urdf(urdf(HARD)))
    assert contract.command.joints[0].limits == (-expected, expected)
    assert contract.command.joints[0].max_rate == 2.0


@pytest.mark.parametrize("kind", ["velocity", "effort"])
def test_what_is_held_at_0_has_0_within_its_limits_with_the_urdf_too(data, kind):
    rate = "max_acceleration" if kind == "velocity" else "max_effort_rate"
    data["command"] = {"topic": "/go", "type": "sensor_msgs/msg/JointState", "kind": kind,
                       "limits": "urdf", rate: 2.0,
                       "joints": [{"name": "shoulder", "limits": [0.25, 1.0]}]}  # fmt: skip
    contract = parse_contract(data, "file.yaml")
    sentence = "'shoulder' is held at 0, and its limits 0.25 to 1 leave that out"
    with pytest.raises(ContractError, match=sentence):
        with_limits(contract, read_urdf(urdf(HARD)))


def test_of_two_arms_the_joint_that_is_missing_is_told_with_its_topic():
    from two_arms import two_arms

    data = two_arms()
    data["command"][1]["limits"] = "urdf"
    with pytest.raises(ContractError, match=r"/right/joint_commands: joint 'waist' is not in"):
        with_limits(parse_contract(data, "file.yaml"), read_urdf(urdf(HARD)))
