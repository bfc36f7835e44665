# SPDX-License-Identifier: Apache-2.0
"""A first contract, from a policy's statistics and from what a robot's topics carry."""

from __future__ import annotations

import itertools
import re
from types import SimpleNamespace

import numpy as np
import pytest

from pam_ros.policy.interface import CameraSpec, FeatureStatistics, PolicySpec
from pam_ros.robot import ContractError, parse_contract
from pam_ros.robot.contract import COMPRESSED_IMAGE, IMAGE, Size
from pam_ros.robot.draft import Seen, SeenTopic, Watched, draft_contract
from pam_ros.robot.draft.assignment import assign
from pam_ros.robot.section import FILL_IN, parse_yaml
from pam_ros.robot.units import check_units
from pam_ros.robot.urdf import UrdfJoint
from pam_ros.robot.values.arrays import FLOAT64_MULTI_ARRAY
from pam_ros.robot.values.joints import JOINT_STATE, JOINT_TRAJECTORY

DEGREES = 180 / np.pi
TWIST, ODOMETRY = "geometry_msgs/msg/Twist", "nav_msgs/msg/Odometry"
SECOND = 10**9
# Where four joints of an arm go [rad]: each elsewhere.
ARM = {"pan": (-1.0, 1.0), "lift": (0.2, 0.9), "elbow": (-1.6, -0.9), "roll": (1.2, 1.7)}


def statistics(ends, scale=1.0):
    low, high = np.array(ends, float).T * scale
    middle, spread = (low + high) / 2, (high - low) / 4
    return FeatureStatistics(*(tuple(each.tolist()) for each in (middle, spread, low, high)))


def policy(cameras=("top",), ends=(), scale=1.0, sizes=None, **changes):
    """A policy that reads these cameras and joints that went between these ends."""
    ends = ends or [*ARM.values()]
    sizes = sizes or [(240, 320)] * len(cameras)
    known = statistics(ends, scale)
    fields = {
        "name": "act", "sha256": "0" * 64,
        "cameras": tuple(
            CameraSpec(f"observation.images.{name}", *size)
            for name, size in zip(cameras, sizes, strict=True)
        ),
        "state_feature": "observation.state", "state_dim": len(ends),
        "environment_feature": None, "environment_dim": 0, "action_dim": len(ends),
        "chunk_size": 10, "n_action_steps": 10, "chunk_mode": "queue", "device": "cpu",
        "groups": (), "stacks": (), "statistics": {"observation.state": known, "action": known},
        **changes,
    }  # fmt: skip
    return PolicySpec(**fields)


def camera(name, size=(240, 320), kind=IMAGE, encoding="rgb8"):
    encoding = encoding if kind == IMAGE else ""
    return SeenTopic(name, kind, 30.0, times(30), Size(*size), encoding, talkers=("driver",))


def times(rate_hz):
    return tuple(SECOND + round(k * SECOND / rate_hz) for k in range(60))


def joints(name="/joint_states", ends=ARM, kind=JOINT_STATE, **more):
    """A topic on which each joint went where it goes in the training data."""
    rng = np.random.default_rng(0)
    values = {joint: rng.uniform(low, high, 60) for joint, (low, high) in ends.items()}
    more = {"talkers": ("driver",), **more}
    return SeenTopic(name, kind, 50.0, times(50), values=values, **more)


def commands(name="/joint_commands", kind=JOINT_STATE, **more):
    """A topic to which a driver listens, and to which nobody has sent anything."""
    return SeenTopic(name, kind, listeners=("driver",), **more)


def draft(spec, *topics, live=True, known=(), **more):
    return draft_contract(spec, Seen("the graph", topics, live=live, **more), "robot", known)


def parsed(made):
    return parse_contract(parse_yaml(made.text, "draft"), "draft")


def to_fill(made):
    """Lines of the file that have a gap, without their comments."""
    lines = [line for line in made.text.splitlines() if not line.lstrip().startswith("#")]
    return [line.split("  #")[0].strip() for line in lines if FILL_IN in line.split("  #")[0]]


def test_the_assignment_costs_the_least_of_all_there_are():
    rng = np.random.default_rng(1)
    for rows, columns in ((1, 1), (3, 3), (3, 5), (5, 6)):
        cost = rng.uniform(-1, 1, (rows, columns))
        least = min(
            sum(cost[row, column] for row, column in enumerate(chosen))
            for chosen in itertools.permutations(range(columns), rows)
        )
        chosen = assign(cost)
        assert len({*chosen}) == rows
        assert sum(cost[row, column] for row, column in enumerate(chosen)) == pytest.approx(least)


def test_an_arm_whose_names_and_numbers_agree_leaves_nothing_to_fill_in():
    spec = policy(("top", "wrist"))
    topics = (camera("/wrist/image_raw"), camera("/top/image_raw"), joints(), commands())
    made = draft(spec, *topics)
    assert made.gaps == () and to_fill(made) == []
    contract = parsed(made).bind(spec)
    assert [each.topic for each in contract.cameras] == ["/top/image_raw", "/wrist/image_raw"]
    assert [joint.name for joint in contract.command.joints] == list(ARM)
    assert {joint.unit for joint in contract.state.joints} == {"rad"}
    assert contract.rate_hz == 30.0
    assert check_units(contract, spec.statistics).contradictions == ()
    for joint, (low, high) in zip(contract.command.joints, ARM.values(), strict=True):
        span = high - low
        assert low - 0.11 * span < joint.limits[0] < low and high < joint.limits[1]
    assert made.text.count("guess:") - 1 == made.guesses >= 8  # the head names the word too


@pytest.mark.parametrize(
    ("features", "topics"),
    [
        (("left_wrist", "right_wrist", "top"),
         ("/cam_left_wrist/image_raw", "/cam_right_wrist/image_raw", "/cam_high/image_raw")),
        (("cam_high", "cam_left_wrist"), ("/overhead/image", "/left/wrist/color/image_raw")),
        (("camera1", "camera2"), ("/camera_1/image_raw", "/camera_2/image_raw")),
        (("laptop", "phone"), ("/laptop/image_raw/compressed", "/phone/image_raw/compressed")),
        (("observation_leftwrist",), ("/leftWrist/image_raw",)),
    ],
)  # fmt: skip
def test_cameras_are_found_by_their_names_in_any_order(features, topics):
    spec = policy(features)
    kinds = [COMPRESSED_IMAGE if "compressed" in topic else IMAGE for topic in topics]
    seen = [camera(topic, kind=kind) for topic, kind in zip(topics, kinds, strict=True)]
    for order in itertools.permutations(seen):
        contract = parsed(draft(spec, *order, joints(), commands())).bind(spec)
        assert [each.topic for each in contract.cameras] == list(topics)
        assert [each.type for each in contract.cameras] == kinds


def test_cameras_of_one_size_without_a_name_in_common_are_a_tie_that_is_said():
    spec = policy(("camera1", "camera2"))
    made = draft(spec, camera("/port/image"), camera("/starboard/image"), joints(), commands())
    assert to_fill(made) == [f"topic: {FILL_IN}"] * 2
    assert "rate_hz: 30.0" in made.text  # theirs, and not that of the joints
    assert made.text.count("/port/image or /starboard/image: neither name nor size tells") == 2
    with pytest.raises(ContractError) as caught:
        parsed(made)
    assert [problem.split(" ")[0] for problem in caught.value.problems] == [
        "cameras[0].topic", "cameras[1].topic",
    ]  # fmt: skip


def test_a_size_or_what_is_left_decides_where_names_do_not():
    spec = policy(("camera1", "camera2"), sizes=[(480, 640), (240, 424)])
    sized = [camera("/a/image", (240, 424)), camera("/b/image", (480, 640))]
    contract = parsed(draft(spec, *sized, joints(), commands())).bind(spec)
    assert [each.topic for each in contract.cameras] == ["/b/image", "/a/image"]
    spec = policy(("top", "camera2"))
    made = draft(spec, camera("/aside/image"), camera("/top/image"), joints(), commands())
    assert [c.topic for c in parsed(made).bind(spec).cameras] == ["/top/image", "/aside/image"]
    assert "it is the one that is left" in made.text


def test_a_camera_sent_raw_as_well_is_taken_raw_and_depth_and_our_overlays_are_not_taken():
    spec = policy()
    made = draft(
        spec,
        camera("/front/image_raw/compressed", kind=COMPRESSED_IMAGE),
        camera("/front/image_raw"),
        camera("/front/depth/image_raw", encoding="16UC1"),
        camera("/act_attention/attention/top/image"),
        joints(), commands(),
    )  # fmt: skip
    (taken,) = parsed(made).bind(spec).cameras
    assert taken.topic == "/front/image_raw"
    assert "it is the only camera there is" in made.text


def test_a_camera_that_is_missing_or_squashed_is_said():
    made = draft(policy(("top", "wrist")), camera("/top/image_raw"), joints(), commands())
    assert to_fill(made) == [f"topic: {FILL_IN}"]
    made = draft(policy(), camera("/top/image_raw", (480, 480)), joints(), commands())
    assert "480x480 comes, the policy takes 320x240: squashed" in " ".join(
        made.text.replace("#", "").split()
    )


TWO_ARMS = {side: {f"{name}": ends for name, ends in ARM.items()} for side in ("left", "right")}


def two_arms(live):
    topics = []
    for side in ("right", "left"):
        topics.append(joints(f"/{side}/joint_states", TWO_ARMS[side]))
        told = commands(f"/{side}/joint_trajectory", JOINT_TRAJECTORY)
        recorded = joints(f"/{side}/joint_trajectory", TWO_ARMS[side], JOINT_TRAJECTORY)
        topics.append(told if live else recorded)
    return topics


@pytest.mark.parametrize("live", [True, False])
def test_two_arms_are_parts_left_before_right_each_measured_by_its_own(live):
    spec = policy(ends=[*ARM.values()] * 2)
    made = draft(spec, camera("/top/image_raw"), *two_arms(live), live=live)
    assert made.gaps == ()
    contract = parsed(made).bind(spec)
    assert [part.topic for part in contract.state.parts] == [
        "/left/joint_states", "/right/joint_states",
    ]  # fmt: skip
    assert [part.topic for part in contract.command.parts] == [
        "/left/joint_trajectory", "/right/joint_trajectory",
    ]  # fmt: skip
    measured = [part.measured.topic for part in contract.command.parts]
    assert measured == ["/left/joint_states", "/right/joint_states"]
    assert [joint.label for joint in contract.command.joints][::4] == ["left/pan", "right/pan"]


def test_an_arm_and_its_gripper_on_topics_of_their_own_and_a_base():
    finger = {"gripper": (0.0, 0.04)}
    wheels = {"linear.x": (-0.2, 0.2), "angular.z": (-0.5, 0.5)}
    ends = [*ARM.values(), *finger.values(), *wheels.values()]
    spec = policy(ends=ends)
    made = draft(
        spec,
        camera("/top/image_raw"),
        joints("/gripper/joint_states", finger),
        joints("/arm/joint_states", ARM),
        joints("/odom", wheels, ODOMETRY),
        commands("/arm/joint_commands"),
        commands("/gripper/joint_commands"),
        joints("/cmd_vel", wheels, TWIST, listeners=("driver",), talkers=()),
        description={"gripper": UrdfJoint((0.0, 0.05), 0.1, slides=True)},
    )
    contract = parsed(made).bind(spec)
    assert [joint.name for joint in contract.state.joints] == [*ARM, "gripper", *wheels]
    assert [joint.name for joint in contract.command.joints] == [*ARM, "gripper", *wheels]
    sliding = contract.command.joints[4]
    assert (sliding.unit, sliding.limits) == ("m", (0.0, 0.05))
    assert contract.command.parts[2].type == TWIST
    assert contract.command.joints[5].limits == (-0.2, 0.2)


def test_an_array_of_commands_takes_the_joints_of_the_state():
    spec = policy()
    made = draft(
        spec, camera("/top/image_raw"), joints(), commands("/arm/commands", FLOAT64_MULTI_ARRAY)
    )
    contract = parsed(made).bind(spec)
    assert contract.command.parts[0].type == FLOAT64_MULTI_ARRAY
    assert [joint.name for joint in contract.command.joints] == list(ARM)


def shuffled():
    """The arm's joints in the order of the alphabet, as some drivers send them."""
    return {name: ARM[name] for name in sorted(ARM)}


def test_joints_in_another_order_than_the_policys_are_told_apart_by_statistics():
    made = draft(policy(), camera("/top/image_raw"), joints(ends=shuffled()), commands())
    contract = parsed(made).bind(policy())
    assert [joint.name for joint in contract.state.joints] == list(ARM)
    assert "by statistics" in made.text


def test_the_names_of_the_training_data_count_more_than_the_order_of_the_messages():
    ends = dict.fromkeys(sorted(ARM), (-1.0, 1.0))
    spec = policy(ends=[*ends.values()])
    known = [f"{name}.pos" for name in ARM]
    made = draft(spec, camera("/top/image_raw"), joints(ends=ends), commands(), known=known)
    assert [joint.name for joint in parsed(made).state.joints] == list(ARM)
    assert "by the names of the training data" in made.text
    unnamed = draft(spec, camera("/top/image_raw"), joints(ends=ends), commands())
    assert [joint.name for joint in parsed(unnamed).state.joints] == sorted(ARM)
    assert "would fit exchanged as well" in unnamed.text


def test_joints_that_the_policy_does_not_read_are_left_out_or_asked_for():
    spec = policy()
    fingers = {"left_finger": (4.0, 5.0), **ARM}
    contract = parsed(draft(spec, camera("/top/image_raw"), joints(ends=fingers), commands()))
    assert [joint.name for joint in contract.state.joints] == list(ARM)
    twin = {"pan": ARM["pan"], "pan_mimic": ARM["pan"], **ARM}
    made = draft(spec, camera("/top/image_raw"), joints(ends=twin), commands())
    assert "pan or pan_mimic" in made.text and len(to_fill(made)) == 1


def test_degrees_are_told_by_their_size_and_limits_are_in_radians():
    wide = {name: (low * 1.5, high * 1.5) for name, (low, high) in ARM.items()}
    spec = policy(ends=[*wide.values()], scale=DEGREES)
    made = draft(spec, camera("/top/image_raw"), joints(ends=wide), commands())
    contract = parsed(made).bind(spec)
    assert {joint.unit for joint in contract.state.joints} == {"deg"}
    assert contract.command.joints[0].limits == pytest.approx((-1.8, 1.8), abs=0.01)
    assert check_units(contract, spec.statistics).contradictions == ()


def test_degrees_or_percent_is_not_guessed():
    spec = policy(scale=DEGREES)  # none beyond 100
    made = draft(spec, camera("/top/image_raw"), joints(), commands())
    assert to_fill(made)[0] == f"unit: {FILL_IN}"
    assert "deg, or percent (-100..100)" in made.text


def test_a_gripper_of_lerobot_asks_for_the_calibration():
    ends = {**ARM, "gripper": (0.0, 1.5)}
    low, high = np.array([*ARM.values()]).T * DEGREES * 1.5
    known = statistics([*zip(low, high, strict=True), (2.0, 96.0)])
    spec = policy(ends=[*ends.values()], statistics={"observation.state": known, "action": known})
    seen = joints(ends={**{n: (a * 1.5, b * 1.5) for n, (a, b) in ARM.items()}, "gripper": (0, 1)})
    made = draft(spec, camera("/top/image_raw"), seen, commands())
    assert f"calibration: {FILL_IN}" in to_fill(made)
    assert "0..100, as lerobot has a gripper" in " ".join(made.text.replace("#", "").split())
    with pytest.raises(ContractError) as caught:
        parsed(made)
    assert any("calibration is still FILL_IN" in each for each in caught.value.problems)


def test_limits_come_from_the_robots_description_if_there_is_one():
    description = dict.fromkeys(ARM, UrdfJoint((-2.0, 2.5), 1.25))
    made = draft(policy(), camera("/top/image_raw"), joints(), commands(), description=description)
    for joint in parsed(made).command.joints:
        assert joint.limits == (-2.0, 2.5)


def test_a_policy_that_reads_words_gets_the_instruction():
    spec = policy(instruction=True)
    made = draft(spec, camera("/top/image_raw"), joints(), commands())
    assert to_fill(made) == [f"instruction: {FILL_IN}"]
    told = draft(
        spec, camera("/top/image_raw"), joints(), commands(), instruction="pick up the red cube"
    )
    assert parsed(told).instruction == "pick up the red cube"
    assert "instruction" not in draft(policy(), joints(), commands()).text


@pytest.mark.parametrize("cameras", [("top",), ("top", "wrist", "left")])
def test_without_a_robot_every_line_to_fill_in_is_named_by_the_check(cameras):
    made = draft(policy(cameras))
    with pytest.raises(ContractError) as caught:
        parsed(made)
    gaps = [each for each in caught.value.problems if "is still FILL_IN" in each]
    assert len(gaps) == sum(line.count(FILL_IN) for line in to_fill(made)) == len(made.gaps)
    assert gaps == list(caught.value.problems)


def test_two_topics_that_fit_alike_are_said():
    made = draft(policy(), camera("/top/image_raw"), joints("/a/states"), joints("/b/states"))
    assert "a tie: /b/states would do as well" in made.text


def test_a_driver_that_does_not_stamp_is_noticed():
    made = draft(policy(), camera("/top/image_raw"), joints(unstamped=True), commands())
    (part,) = parsed(made).state.parts
    assert part.stamping.by == "arrival"


def test_what_is_watched_has_rate_size_joints_and_speed():
    watched = Watched("/top/image_raw", IMAGE)
    for k in range(11):
        stamp = SimpleNamespace(sec=1 + k // 10, nanosec=k % 10 * 100_000_000)
        picture = SimpleNamespace(
            header=SimpleNamespace(stamp=stamp), height=4, width=6, encoding="bgr8"
        )
        watched.take(picture, 5 * SECOND)  # all at once: the machine was busy
    seen = watched.result()
    assert (seen.size, seen.encoding, seen.rate_hz) == (Size(4, 6), "bgr8", pytest.approx(10.0))
    arm = Watched("/joint_states", JOINT_STATE)
    for k in range(11):
        message = SimpleNamespace(
            header=SimpleNamespace(stamp=SimpleNamespace(sec=0, nanosec=0)),
            name=["b", "a"], position=[0.1 * k, 1.0], velocity=[], effort=[],
        )  # fmt: skip
        arm.take(message, k * SECOND // 10)
    seen = arm.result()
    assert seen.joints == ("b", "a") and seen.unstamped
    assert seen.fastest["b"] == pytest.approx(1.0)
    assert seen.fastest["a"] == 0.0


@pytest.mark.parametrize("stamped", [True, False])
def test_a_speed_is_that_of_the_joint_and_not_of_the_network(stamped):
    arm = Watched("/joint_states", JOINT_STATE)
    for k in range(1000):  # at 100 Hz, in bursts of ten; 0.5 rad/s
        stamp = SimpleNamespace(sec=(1 + k // 100) * stamped, nanosec=k % 100 * 10**7 * stamped)
        message = SimpleNamespace(
            header=SimpleNamespace(stamp=stamp),
            name=["a"], position=[0.005 * k], velocity=[], effort=[],
        )  # fmt: skip
        arm.take(message, (k // 10 * 10 + 10) * SECOND // 100 + k % 10 * 200_000)
    assert arm.result().fastest["a"] == pytest.approx(0.5, rel=0.1 if stamped else 0.2)


def test_a_guessed_speed_has_an_end_and_says_why():
    made = draft(policy(), camera("/top/image_raw"), joints(fastest={"pan": 9.0}), commands())
    parsed(made)
    assert "max_velocity: 3.0\n" in made.text
    assert "no guess is faster, though 9 rad/s was seen" in " ".join(made.text.split())


def test_limits_and_speeds_are_of_a_robots_own_topics_and_of_no_single_value():
    plain = draft(policy(), camera("/top/image_raw"), joints(), commands())
    other = joints("/other/joint_states_raw", dict.fromkeys([*ARM, "more"], (-9.0, 9.0)))
    stood = joints()
    stood.values["pan"][7] = 50.0
    other.fastest["pan"] = 2.0
    made = draft(policy(), camera("/top/image_raw"), stood, commands(), other)
    one, two = parsed(plain).command, parsed(made).command
    assert [joint.limits for joint in one.joints] == [joint.limits for joint in two.joints]
    assert "max_velocity: 0.5" in plain.text and "max_velocity: 0.5" in made.text


def test_every_comment_and_line_is_short_enough_to_read():
    made = draft(policy(ends=[*ARM.values()] * 2), camera("/top/image_raw"), *two_arms(live=True))
    assert max(map(len, made.text.splitlines())) <= 110
    assert not re.search(r"\d[eE][-+]?\d", made.text)  # which YAML 1.1 reads as a text
