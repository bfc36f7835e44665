# SPDX-License-Identifier: Apache-2.0
"""Units against a policy's training data: wrong ones are found, right ones are left alone."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from synthetic_so101 import UNITS, WORKSPACES, contracts, policy_data, statistics, with_joints

from pam_ros.policy.interface import FeatureStatistics
from pam_ros.robot import JointContract, to_policy
from pam_ros.robot.units import check_units, refusal
from pam_ros.robot.units.grid import grid_unit

TASKS = 20


def refused(contract, data):
    """Whether the data contradict the contract."""
    return bool(check_units(contract, data).contradictions)


def table(contract_unit, data_unit, **options):
    """How many of the tasks in each workspace are refused."""
    contract = contracts()[contract_unit]
    return {
        workspace: sum(
            refused(contract, policy_data(seed, workspace, data_unit, **options))
            for seed in range(TASKS)
        )
        for workspace in WORKSPACES
    }


EVERY_KIND = [
    {},
    {"whole_steps": False},
    {"keys": "mean std"},
    {"keys": "min max mean std q01 q99"},
]


@pytest.mark.parametrize("options", EVERY_KIND, ids=str)
@pytest.mark.parametrize("unit", UNITS)
def test_the_right_unit_is_never_refused(unit, options):
    assert table(unit, unit, **options) == dict.fromkeys(WORKSPACES, 0)


@pytest.mark.parametrize(
    ("contract_unit", "data_unit"),
    [(says, means) for says in UNITS[:3] for means in UNITS if says != means],
)
def test_as_lerobot_records_every_wrong_unit_is_found_in_every_workspace(contract_unit, data_unit):
    assert table(contract_unit, data_unit) == dict.fromkeys(WORKSPACES, TASKS)


@pytest.mark.parametrize(
    ("contract_unit", "data_unit"),
    [("deg", "rad"), ("percent", "rad"), ("rad", "deg"), ("rad", "percent")],
)
@pytest.mark.parametrize("options", EVERY_KIND[1:3], ids=str)
def test_radians_are_never_taken_for_another_unit_whatever_the_statistics(
    contract_unit, data_unit, options
):
    assert table(contract_unit, data_unit, **options) == dict.fromkeys(WORKSPACES, TASKS)


def test_without_encoder_steps_degrees_and_percent_differ_at_the_ends_of_the_travel_only():
    # Of 100 tasks in a small, medium and large workspace, degrees are found to be no percent in
    # 37, 66 and 99 (some joint beyond 100), percent no degrees in 0, 0 and 60.
    degrees = table("percent", "deg", whole_steps=False)
    assert degrees["large"] > 0.9 * TASKS
    assert 0 < degrees["small"] < TASKS
    percent = table("deg", "percent", whole_steps=False)
    assert percent["large"] > TASKS / 2
    assert percent["small"] < TASKS / 4


def test_what_deg_and_percent_leave_open_is_noted():
    data = policy_data(2, "small", "deg", whole_steps=False, keys="mean std")
    for unit in ("deg", "percent"):
        report = check_units(contracts()[unit], data)
        assert report.contradictions == ()
        state, action = report.notes
        assert "observation.state of 'shoulder_pan', 'shoulder_lift'" in state
        assert f"fit deg and -100..100 (percent) alike, so that '{unit}' is not confirmed" in state
        assert "use_degrees" in action
    assert check_units(contracts()["deg"], policy_data(2, "small", "deg")).notes == ()


@pytest.mark.parametrize(
    ("contract_unit", "data_unit", "words"),
    [
        (
            "deg",
            "percent",
            "the contract says deg, the training data are likely -100..100 (percent)",
        ),
        ("percent", "deg", "the contract says percent, the training data are likely deg"),
        ("rad", "deg", "the contract says rad, the training data are likely deg"),
        ("deg", "rad", "the contract says deg, the training data are likely rad"),
        ("rad", "0..1", "the contract says rad, the training data are likely 0..1"),
    ],
)
def test_the_sentence_says_which_joints_both_units_and_an_example(contract_unit, data_unit, words):
    data = policy_data(1, "large", data_unit)
    sentence, *_ = check_units(contracts()[contract_unit], data).contradictions
    assert sentence.startswith("observation.state and action of 'shoulder_pan', 'shoulder_lift'")
    assert words in sentence
    assert "' went from " in sentence
    assert "its limits there are " in sentence


def test_a_refusal_says_what_to_do():
    report = check_units(contracts()["rad"], policy_data(1, "large", "deg"))
    text = refusal(report.contradictions)
    assert text.startswith("not enabled, since the units look wrong: observation.state")
    assert "write 'units_confirmed: true' there if you know" in text
    assert refusal(()) == ""


def test_a_checkpoint_without_statistics_is_noted():
    for known in ({}, {"action": FeatureStatistics()}):
        report = check_units(contracts()["deg"], known)
        assert report.contradictions == ()
        assert len(report.notes) == 2
        assert report.notes[1].startswith("action: units not checked")


@pytest.mark.parametrize(
    "values",
    [(0.0,) * 5, (math.nan,) * 6, (math.inf,) * 6],
    ids=["another size", "no number", "infinite"],
)
def test_statistics_that_cannot_be_used_are_as_none(values):
    known = FeatureStatistics(mean=values, std=values, min=values, max=values)
    notes = check_units(contracts()["deg"], {"action": known, "observation.state": known}).notes
    assert [note.split(":")[0] for note in notes] == ["observation.state", "action"]


ARM = tuple(
    JointContract(name, unit="rad", limits=limits)
    for name, limits in (
        ("pan", (-1.9, 1.9)), ("lift", (0.3, 2.0)), ("elbow", (-2.5, -0.2)), ("roll", (-3.0, 3.0)),
    )
)  # fmt: skip


def of_arm(values, joints=ARM):
    """What is said of an arm in rad, with values (frames, joints) as data."""
    contract = with_joints(contracts()["rad"], joints)
    known = statistics(values.astype(np.float32))
    return check_units(contract, {"observation.state": known, "action": known}).contradictions


def in_limits(joints, rng, frames=5000):
    """Positions (frames, joints) [rad] in a part of each joint's limits."""
    lower, upper = np.array([joint.limits for joint in joints]).T
    return lower + (upper - lower) * rng.uniform(0.2, 0.6, (frames, len(joints)))


def test_joints_that_count_from_elsewhere_are_told_from_a_wrong_unit():
    rng = np.random.default_rng(3)
    values = in_limits(ARM, rng)
    assert of_arm(values) == ()
    (shifted,) = of_arm(values + np.array([0, math.pi, 0, 0]))
    assert (
        "of 'lift': the training data lie outside the limits altogether, likely an offset"
        in shifted
    )
    mirrored = of_arm(values * np.array([1, -1, -1, 1]))
    assert [text.split("likely ")[1].split(" (")[0] for text in mirrored] == ["a sign"] * 2


def test_one_joint_in_another_unit_than_the_rest_is_named():
    values = in_limits(ARM, np.random.default_rng(4))
    values[:, 3] = np.linspace(3, 97, len(values))
    (sentence,) = of_arm(values)
    assert "of 'roll': the contract says rad, the training data are likely 0..100" in sentence


def test_one_misread_frame_is_no_unit():
    values = in_limits(ARM, np.random.default_rng(5))
    values[100, 0], values[200, 2] = 170.0, -90.0
    assert of_arm(values) == ()


@pytest.mark.parametrize("decimals", [0, 1, 2, 3])
@pytest.mark.parametrize("unit", ["deg", "percent"])
def test_rounded_numbers_lie_on_no_encoders_grid(unit, decimals):
    rng = np.random.default_rng(6)
    joints = tuple(replace(joint, unit=unit, range=joint.limits) for joint in ARM)
    values = np.round(to_policy(in_limits(ARM, rng), joints), decimals)
    assert of_arm(values, joints) == ()


def test_two_grippers_that_stay_shut_are_in_no_other_unit():
    joints = tuple(
        JointContract(name, "percent", 0.5, 50.0, range=(0.0, 1.7), limits=(0.0, 1.7))
        for name in ("left", "right")
    )
    assert of_arm(np.full((10, 2), 1.6), joints) == ()


def test_limits_that_only_the_urdf_knows_leave_the_unit_checked():
    rng = np.random.default_rng(7)
    values = in_limits(ARM, rng)
    unlimited = tuple(replace(joint, limits=None) for joint in ARM)
    assert of_arm(values, unlimited) == ()
    (sentence,) = of_arm(values * 180 / math.pi, unlimited)
    assert "the contract says rad, the training data are likely deg" in sentence


def test_joints_that_may_slide_are_not_taken_for_0_to_1():
    unlimited = tuple(replace(joint, limits=None) for joint in ARM)
    assert of_arm(np.random.default_rng(8).uniform(0, 0.04, (100, 4)), unlimited) == ()


@pytest.mark.parametrize("step", [360 / 4095, 360 / 4096], ids=["since 2025", "before"])
def test_encoder_steps_in_degrees_are_known_from_four_joints(step):
    rng = np.random.default_rng(9)
    whole = rng.integers(-900, 900, (2, 4))
    ends = np.sort((whole * step).astype(np.float32).astype(np.float64), axis=0)
    assert grid_unit(*ends) == "deg"


def test_numbers_of_no_encoder_lie_on_no_grid():
    for seed in range(500):
        ends = np.sort(np.random.default_rng(seed).uniform(-100, 100, (2, 5)), axis=0)
        assert grid_unit(*ends) is None


def lerobots_numbers(steps, degrees):
    """What lerobot makes of encoder steps of the arm that so101_normalized.yaml describes."""
    from lerobot.motors import Motor, MotorCalibration, MotorNormMode
    from lerobot.motors.motors_bus import MotorsBus

    body = MotorNormMode.DEGREES if degrees else MotorNormMode.RANGE_M100_100
    joints = contracts()["percent"].command.joints
    ends = [np.array(joint.range) / (2 * math.pi) * 4096 for joint in joints]
    names = [joint.name for joint in joints]
    bus = SimpleNamespace(
        motors={
            name: Motor(number, "sts3215", MotorNormMode.RANGE_0_100 if name == "gripper" else body)
            for number, name in enumerate(names)
        },
        calibration={
            name: MotorCalibration(number, 0, 0, *(round(2047.5 + end) for end in pair))
            for number, (name, pair) in enumerate(zip(names, ends, strict=True))
        },
        apply_drive_mode=True,
        model_resolution_table={"sts3215": 4096},
        _id_to_name=names.__getitem__,
        _id_to_model=lambda _: "sts3215",
    )
    return list(MotorsBus._normalize(bus, dict(enumerate(steps))).values())


@pytest.mark.parametrize("unit", ["deg", "percent"])
def test_the_shipped_variants_convert_as_lerobot_does(unit):
    joints = contracts()[unit].command.joints
    for position in (
        [0.0] * 5 + [0.7],
        [1.0, -1.5, 1.2, -0.4, 2.0, 0.1],
        [-1.8, 1, -1, 1, -2, 1.5],
    ):
        steps = [round(2047.5 + angle / (2 * math.pi) * 4096) for angle in position]
        ours = to_policy(np.array(position), joints)
        # An encoder step is 0.09 degrees, and lerobot counts 4095 to a turn.
        np.testing.assert_allclose(ours, lerobots_numbers(steps, unit == "deg"), atol=0.15)
