# SPDX-License-Identifier: Apache-2.0
"""Contracts of several parts: what they mean, and every way in which parts do not fit together."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import numpy as np
import pytest
from two_arms import JOINT_STATE, NAMES, SIDES, base, two_arms

from pam_ros.robot import (
    ContractError,
    MessageSet,
    SafetyLimits,
    Synchroniser,
    build_observation,
    parse_contract,
)
from pam_ros.robot.explain import explain
from pam_ros.robot.observation import measured_positions
from pam_ros.robot.parts import part_names
from pam_ros.robot.sources import contract_sources


@pytest.fixture
def data():
    return two_arms()


def parsed(data):
    before = copy.deepcopy(data)
    contract = parse_contract(data, "file.yaml")
    assert data == before
    return contract


def problems_of(data) -> tuple[str, ...]:
    with pytest.raises(ContractError) as caught:
        parse_contract(data, "file.yaml")
    return caught.value.problems


def joints(**positions):
    return SimpleNamespace(
        name=list(positions), position=list(positions.values()), velocity=[], effort=[]
    )


def test_the_parts_follow_each_other_in_the_feature_and_in_the_action(data):
    contract = parsed(data)
    assert contract.state.feature == "observation.state"
    assert [joint.name for joint in contract.state.joints] == [*NAMES, *NAMES]
    labels = [f"{side}/{name}" for side in SIDES for name in NAMES]
    assert [joint.label for joint in contract.state.joints] == labels
    assert list(contract.command.labels) == labels
    assert [part.names for part in contract.command.parts] == [NAMES, NAMES]
    (left, right) = contract.command.split(np.arange(6.0))
    assert (left.tolist(), right.tolist()) == ([0, 1, 2], [3, 4, 5])


def test_a_list_of_one_part_is_what_the_single_form_is(data):
    data["state"], data["command"] = data["state"][:1], data["command"][:1]
    single = data | {"state": data["state"][0], "command": data["command"][0]}
    assert parsed(data) == parsed(single)


def test_each_arm_begins_where_its_own_topic_says_that_it_stands(data):
    for turned in (False, True):
        if turned:
            data["command"].reverse()
        contract = parsed(data)
        measured = [part.measured.topic for part in contract.command.parts]
        assert measured == [f"/{side}/joint_states" for side in (SIDES[::-1] if turned else SIDES)]
    states = {"/left/joint_states": joints(waist=0.1, elbow=0.2, gripper=0.3),
              "/right/joint_states": joints(waist=0.4, elbow=0.5, gripper=0.6)}  # fmt: skip
    stand = measured_positions(contract, lambda topic: [states[topic]])
    assert stand.tolist() == [0.4, 0.5, 0.6, 0.1, 0.2, 0.3]


def test_an_arm_is_not_measured_by_the_other_one_for_a_joint_that_only_that_one_names(data):
    data["state"][0]["joints"].pop()
    data["command"] = [dict(data["command"][0], joints=[
        {"name": name, "limits": [-1, 1]} for name in NAMES
    ])]  # fmt: skip
    assert parsed(data).command.parts[0].measured.topic == "/left/joint_states"
    data["command"][0]["topic"] = "/go"
    (problem,) = problems_of(data)
    assert "may be measured by /left/joint_states or /right/joint_states: say which" in problem


def test_an_observation_joins_what_each_part_brings(data):
    data["cameras"] = [dict(data["cameras"][0], name="none")]
    contract = parsed(data)
    sources = [source.name for source in contract_sources(contract) if not source.camera]
    assert sources == ["joint_states", "joint_states[1]"]
    picture = SimpleNamespace(
        height=2, width=2, encoding="rgb8", step=6, data=bytes(12), is_bigendian=0
    )
    messages = {
        "none": picture,
        sources[0]: joints(gripper=0.3, waist=0.1, elbow=0.2),
        sources[1]: joints(waist=0.4, elbow=0.5, gripper=0.6),
    }
    found = build_observation(contract, MessageSet(dict.fromkeys(messages, 1), messages, 1, 1))
    state = found.features["observation.state"]
    np.testing.assert_allclose(state, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], rtol=1e-6)
    np.testing.assert_allclose(found.measured, state, rtol=1e-6)


def test_a_part_that_is_silent_or_old_is_known_by_its_topic(data):
    data["cameras"] = data["cameras"][:1]
    sync = Synchroniser.for_contract(parsed(data))
    second = 10**9
    sync.add("top", second, "a picture")
    sync.add("joint_states", second, "the left arm")
    assert sync.newest(second) is None
    assert sync.reason == "no message from /right/joint_states"
    sync.add("joint_states[1]", second, "the right arm")
    assert sync.newest(second).messages["joint_states[1]"] == "the right arm"
    sync.add("top", 2 * second, "a picture")
    sync.add("joint_states", 2 * second, "the left arm")
    assert sync.newest(2 * second) is None
    assert "/right/joint_states is 1.000 s behind the newest" in sync.reason


def test_arm_and_gripper_of_one_topic_may_be_parts_of_different_commands(data):
    names = ["waist", "elbow", "gripper"]
    data["state"] = {"topic": "/joint_states",
                     "joints": [{"name": name, "limits": [-1, 1]} for name in names]}  # fmt: skip
    data["command"] = [
        {"topic": "/arm/joint_trajectory", "type": "trajectory_msgs/msg/JointTrajectory",
         "joints": names[:2], "max_velocity": 1.0},
        {"topic": "/gripper/commands", "type": "std_msgs/msg/Float64MultiArray",
         "joints": ["gripper"], "max_velocity": 0.1},
    ]  # fmt: skip
    contract = parsed(data)
    assert [part.measured.topic for part in contract.command.parts] == ["/joint_states"] * 2
    assert [joint.label for joint in contract.command.joints] == names
    assert [joint.max_velocity for joint in contract.command.joints] == [1.0, 1.0, 0.1]


def test_a_base_is_driven_beside_the_arms_and_begins_at_rest(data):
    data["state"].append(
        {"topic": "/odom", "type": "nav_msgs/msg/Odometry",
         "fields": ["twist.twist.linear.x", "angular.z"]}
    )  # fmt: skip
    data["command"].append(base())
    contract = parsed(data)
    assert [joint.name for joint in contract.state.joints[6:]] == ["linear.x", "angular.z"]
    assert [joint.unit for joint in contract.state.joints[6:]] == ["m/s", "rad/s"]
    assert contract.command.parts[2].measured is None
    states = {f"/{side}/joint_states": joints(waist=0.1, elbow=0.2, gripper=0.3) for side in SIDES}
    stand = measured_positions(contract, lambda topic: [states[topic]])
    assert stand[6:].tolist() == [0.0, 0.0]
    limits = SafetyLimits.from_contract(contract.command)
    assert limits.latches.tolist() == [True] * 6 + [False] * 2
    assert limits.units[6:] == ("m/s", "rad/s")
    words = "\n".join(explain(contract))
    assert "[7] angular.z, rad/s; within -1 to 1 rad/s, changed by at most 1 rad/s^2" in words
    assert "[3] right/waist, rad; within -1 to 1 rad, at most 1 rad/s" in words


def test_limits_are_lent_by_the_part_that_measures_and_by_no_other(data):
    data["state"][1]["joints"][0]["limits"] = [-0.25, 0.5]
    command = parsed(data).command
    assert [part.joints[0].limits for part in command.parts] == [(-1.0, 1.0), (-0.25, 0.5)]
    del data["command"][0]["joints"]
    assert [part.names for part in parsed(data).command.parts] == [NAMES, NAMES]


def test_a_part_that_no_policy_reads_only_tells_where_the_robot_stands(data):
    data["state"][1]["feature"] = None
    contract = parsed(data)
    assert [joint.label for joint in contract.state.joints] == [f"left/{name}" for name in NAMES]
    assert contract.command.parts[1].measured.topic == "/right/joint_states"


def at(path, value):
    def change(data):
        *parents, last = path.split(".")
        for step in parents:
            data = data[int(step)] if step.isdigit() else data[step]
        data[int(last) if last.isdigit() else last] = value

    return change


def overlapping(data):
    data["state"][1]["topic"] = "/left/joint_states"
    data["command"] = data["command"][:1]


def of_two_types(data):
    data["state"].append({"topic": "/left/joint_states", "type": "nav_msgs/msg/Odometry",
                          "fields": ["linear.x"]})  # fmt: skip


def twice(data):
    data["command"][1]["joints"] = ["gripper"]
    data["command"][1]["measured_by"] = "/left/joint_states"


def unclear(data):
    for place, part in enumerate(data["state"]):
        part["topic"] = f"/joints_{place}"
    data["command"] = data["command"][:1]


def nowhere(data):
    data["state"] = [{"topic": "/odom", "type": "nav_msgs/msg/Odometry", "fields": ["linear.x"]}]
    data["command"] = [dict(data["command"][0], joints=[{"name": "waist", "limits": [-1, 1]}])]


def added(**changes):
    return lambda data: data["command"].append(base() | changes)


POSE = {"topic": "/go_to", "type": "geometry_msgs/msg/PoseStamped", "frame_id": "base",
        "max_velocity": 0.1}  # fmt: skip


def pose(*fields, **changes):
    part = POSE | {"fields": [{"name": name, "limits": [-1, 1]} for name in fields]} | changes

    def change(data):
        data["state"].append({"topic": "/pose", "type": "geometry_msgs/msg/PoseStamped",
                              "fields": ["position.x"]})  # fmt: skip
        data["command"].append(part)

    return change


WHOLE = ("position.x", "position.y", "position.z", "rpy.roll", "rpy.pitch", "rpy.yaw")


def array(*fields):
    return lambda data: data["command"].append(
        {"topic": "/array", "type": "std_msgs/msg/Float64MultiArray", "kind": "velocity",
         "fields": [{"name": name, "limits": [-1, 1]} for name in fields], "max_acceleration": 1.0}
    )  # fmt: skip


def guessed(key, *names):
    def change(data):
        numbers = {"type": "std_msgs/msg/Float64MultiArray", "kind": "position"}
        data["state"] = [{"topic": "/arm/state", key: list(names[:2]), **numbers}]
        limited = [{"name": name, "limits": [-1, 1]} for name in names]
        data["command"] = [{"topic": "/arm/go", key: limited, "max_velocity": 1.0, **numbers}]

    return change


def by_two_kinds(data):
    data["state"], data["command"] = data["state"][:1], data["command"][:1]
    data["command"].append(
        {"topic": "/left/velocities", "type": JOINT_STATE, "kind": "velocity",
         "joints": [{"name": "elbow", "limits": [-1, 1]}], "max_acceleration": 1.0}
    )  # fmt: skip


UNLISTED = "tells where its joints stand and does not list"
WRONG = {
    "a joint commanded by two kinds": (
        by_two_kinds, ("command[1] (/left/velocities): joint 'elbow' of /left/joint_states is "
                       "commanded twice: command[0] (/left/joint_commands) has it already"),
    ),
    "a joint of an array that is not listed": (
        guessed("joints", "a", "b", "c"),
        f"command[0] (/arm/go): /arm/state {UNLISTED} 'c', and nobody else knows which number",
    ),
    "a number of an array that is not listed": (
        guessed("fields", "data[0]", "data[1]", "data[2]"), f"/arm/state {UNLISTED} 'data[2]'",
    ),
    "a part that overlaps": (overlapping, ("state[1] (/left/joint_states): overlaps state[0], "
                             "which reads 'waist', 'elbow', 'gripper' of the same topic")),
    "a topic of two types": (of_two_types, "state[2] (/left/joint_states): is a nav_msgs/msg/Odom"),
    "two features": (at("state.1.feature", "observation.other"), "the parts make up one feature"),
    "a joint commanded twice": (twice, ("command[1] (/right/joint_commands): joint 'gripper' of "
                                "/left/joint_states is commanded twice: command[0] "
                                "(/left/joint_commands) has it already")),
    "a topic of two parts": (at("command.1.topic", "/left/joint_commands"),
                             "command[1] (/left/joint_commands): goes to the topic of command[0]"),
    "measured by nobody knows whom": (unclear, "may be measured by /joints_0 or /joints_1: say"),
    "measured by a stranger": (at("command.1.measured_by", "/up"),
                               "measured_by is '/up', which is no topic of the state (/left/joint"),
    "measured by nobody": (nowhere, "no part of the state tells where 'waist' stand"),
    "a command that is a state": (at("command.1.topic", "/left/joint_states"),
                                  "command[1].topic is the topic of the joint states"),
    "an unknown field": (added(fields=[{"name": "linear.w", "limits": [-1, 1]}]),
                         "is 'linear.w', which a geometry_msgs/msg/Twist has not"),
    "a unit of another kind": (added(unit="rad"), ("command[2] (/cmd_vel): 'linear.x' is a "
                               "velocity, whose unit may be m/s, none; it is 'rad'")),
    "a position in m/s": (at("state.0.unit", "m/s"), ("state[0] (/left/joint_states): 'waist' is a "
                          "position, whose unit may be rad, deg, percent, m, none; it is 'm/s'")),
    "a base without limits": (added(fields=["linear.x"]), ("command[2] (/cmd_vel): joint "
                              "'linear.x' is commanded without limits: give limits: [lower, upper] "
                              "in m/s")),
    "a base that never rests": (added(fields=[{"name": "linear.x", "limits": [0.1, 1]}]),
                                "is held at 0, and its limits 0.1 to 1 leave that out"),
    "a base of any acceleration": (added(max_acceleration=None),
                                   "a bound on its changes: give max_acceleration"),
    "a position's speed for a base": (added(max_velocity=1.0), "max_velocity is for a position"),
    "half a pose": (pose(*WHOLE[:5]), ("command[2] (/go_to): leaves a gap: a pose is commanded "
                    "whole, and rpy.yaw is missing")),
    "a quaternion": (pose(*WHOLE[:3], "orientation.w"), "'orientation.w' is a quaternion's"),
    "a pose in no frame": (pose(*WHOLE, frame_id=None), "command[2].frame_id is missing"),
    "a frame of a twist": (added(frame_id="base"), "frame_id says nothing about a geometry_msgs"),
    "a slice that leaves a gap": (array("data[0]", "data[2]"), ("command[2] (/array): leaves a "
                                  "gap: data[1] is commanded by nobody")),
    "a list without parts": (at("state", []), "state is an empty list"),
    "a part that is a text": (at("state.1", "/joint_states"), "state[1] is the text '/joint_state"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_together_is_a_sentence_with_part_and_topic(data, name):
    spoil, sentence = WRONG[name]
    spoil(data)
    problems = problems_of(data)
    assert any(sentence in problem for problem in problems), problems
    assert len(set(problems)) == len(problems)


def test_a_whole_pose_and_a_whole_array_are_right(data):
    pose(*WHOLE)(data)
    array("data[1]", "data[0]")(data)
    contract = parsed(data)
    assert contract.command.parts[2].measured.topic == "/pose"
    assert contract.command.parts[3].fields == ("data[1]", "data[0]")


def test_a_slice_of_an_array_is_all_its_numbers(data):
    data["state"].append(
        {"topic": "/touch", "type": "std_msgs/msg/Float64MultiArray", "fields": ["data[2:5]"]}
    )
    state = parsed(data).state
    assert [joint.field for joint in state.joints[6:]] == ["data[2]", "data[3]", "data[4]"]
    assert {joint.unit for joint in state.joints[6:]} == {"none"}


def test_position_and_velocity_of_one_topic_are_two_parts(data):
    names = [{"name": name} for name in NAMES]
    data["state"].append({"topic": "/left/joint_states", "kind": "velocity", "joints": names})
    contract = parsed(data)
    assert len(contract.state.topics) == 2
    assert [joint.label for joint in contract.state.joints[6:]] == [
        f"left/velocity/{name}" for name in NAMES
    ]
    message = joints(waist=0.1, elbow=0.2, gripper=0.3)
    message.velocity = [1.0, 2.0, 3.0]
    from pam_ros.robot import message_values

    part = contract.state.parts[2]
    assert message_values(JOINT_STATE, [message], part.joints).tolist() == [1.0, 2.0, 3.0]


def test_a_policy_of_another_size_is_told_what_each_part_names(data, spec):
    from dataclasses import replace

    problems = parsed(data).check(replace(spec, state_dim=7, action_dim=14))
    assert (
        "the parts of state name 3 (/left/joint_states) and 3 (/right/joint_states) joints, "
        "6 together; the policy's observation.state has 7 dimensions"
    ) in problems
    assert "the policy's action has 14 dimensions" in problems[-1]


@pytest.mark.parametrize(
    ("topics", "words"),
    [
        (("/left/joint_states", "/right/joint_states"), ["left", "right"]),
        (("/robot/left/arm/states", "/robot/right/arm/states"), ["left", "right"]),
        (("/joint_states", "/right/joint_states"), ["joint_states", "right"]),
        (("/left_arm/a", "/right_arm/b"), ["left_arm", "right_arm"]),
        (("/a/x/1", "/a/y/1", "/a/x/2"), ["x/1", "y/1", "x/2"]),
        (("/joint_states",), ["joint_states"]),
    ],
)
def test_topics_are_told_apart_by_what_differs(topics, words):
    assert part_names(topics) == words
