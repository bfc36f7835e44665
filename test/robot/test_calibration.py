# SPDX-License-Identifier: Apache-2.0
"""A calibration of lerobot gives range, offset and unit, so that numbers are those of its bus."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from lerobot.motors import Motor, MotorCalibration, MotorNormMode
from lerobot.motors.motors_bus import MotorsBus

from pam_ros.robot import ContractError, load_contract, to_policy

MOTORS = {"shoulder": (812, 3390), "elbow": (700, 3000), "gripper": (2040, 3511)}
STEP_DEGREES = 360 / 4096
LIMITS = "limits: [-3, 3]"


def calibration(**changes):
    return {
        name: {"id": k, "drive_mode": 0, "homing_offset": 12, "range_min": a, "range_max": b}
        for k, (name, (a, b)) in enumerate(MOTORS.items(), 1)
    } | changes


def contract_with(tmp_path, content, *lines, joints=tuple(MOTORS)):
    (tmp_path / "arm.json").write_text(content if isinstance(content, str) else json.dumps(content))
    listed = "\n".join(f"    - {{name: {name}, {LIMITS}}}" for name in joints)
    extra = "".join(f"  {line}\n" for line in lines)
    (tmp_path / "robot.yaml").write_text(
        "robot: arm\nrate_hz: 10\ncameras: [{name: top, topic: /top, feature: observation.image}]\n"
        f"state:\n  topic: /joint_states\n  calibration: arm.json\n{extra}  joints:\n{listed}\n"
        "command: {topic: /go, type: sensor_msgs/msg/JointState, max_velocity: 1}\n"
    )
    return load_contract(tmp_path / "robot.yaml")


def of_lerobot(steps, mode):
    """What lerobot's own bus makes of encoder steps."""
    body = {"deg": MotorNormMode.DEGREES, "percent": MotorNormMode.RANGE_M100_100}[mode]
    modes = {"gripper": MotorNormMode.RANGE_0_100}
    motors = {name: Motor(k, "sts3215", modes.get(name, body)) for k, name in enumerate(MOTORS, 1)}
    known = {name: MotorCalibration(**entry) for name, entry in calibration().items()}
    # As a FeetechMotorsBus, which needs the motors' SDK.
    bus = SimpleNamespace(
        motors=motors,
        calibration=known,
        apply_drive_mode=True,
        model_resolution_table={"sts3215": 4096},
        _id_to_name=lambda number: list(motors)[number - 1],
        _id_to_model=lambda _: "sts3215",
    )
    return list(MotorsBus._normalize(bus, dict(enumerate(steps, 1))).values())


@pytest.mark.parametrize("unit", ["deg", "percent"])
@pytest.mark.parametrize("zero", ["encoder", "middle"])
def test_the_policys_numbers_are_those_of_lerobots_bus(tmp_path, unit, zero):
    contract = contract_with(tmp_path, calibration(), f"unit: {unit}", f"driver_zero: {zero}")
    rng = np.random.default_rng(3)
    for _ in range(50):
        steps = [int(rng.integers(a, b)) for a, b in MOTORS.values()]
        at_zero = [2048 if zero == "encoder" else (a + b) / 2 for a, b in MOTORS.values()]
        radians = (np.array(steps) - at_zero) * 2 * math.pi / 4096
        found = to_policy(radians, contract.state.joints)
        # lerobot divides by 4095 steps a turn, where a turn has 4096.
        within = STEP_DEGREES if unit == "deg" else 1e-9
        np.testing.assert_allclose(found[:2], of_lerobot(steps, unit)[:2], atol=within)
        assert found[2] == pytest.approx(of_lerobot(steps, unit)[2])
    assert [joint.unit for joint in contract.command.joints] == [unit, unit, "percent"]


def test_degrees_are_what_lerobot_makes_unless_the_contract_says_otherwise(tmp_path):
    joints = contract_with(tmp_path, calibration()).state.joints
    assert [joint.unit for joint in joints] == ["deg", "deg", "percent"]
    assert (joints[2].scale, joints[2].offset) == (0.5, 50.0)
    assert joints[1].offset == pytest.approx((2048 - 1850) * STEP_DEGREES)


def test_a_motor_that_lerobot_turns_round_is_left_to_the_person(tmp_path):
    turned = calibration()["elbow"] | {"drive_mode": 1}
    content = calibration(elbow=turned)
    assert contract_with(tmp_path, content).state.joints[1].unit == "deg"
    with pytest.raises(ContractError, match="motor 'elbow' has drive_mode 1"):
        contract_with(tmp_path, content, "unit: percent")


@pytest.mark.parametrize(
    ("content", "lines", "sentence"),
    [
        (calibration(), ["unit: rad"], "lerobot makes deg or percent of a motor; unit is 'rad'"),
        ("{", [], "arm.json is no JSON"),
        ("[]", [], "is no calibration of lerobot: it has no motors"),
        ({"shoulder": {"id": 1}}, [], "'shoulder' must have the whole numbers range_min"),
        (calibration(elbow=calibration()["elbow"] | {"range_min": 3000}), [], "from 3000 to 3000"),
        (calibration(elbow=calibration()["elbow"] | {"range_max": 9000}), [], "must rise, within"),
        ({"sholder": calibration()["shoulder"]}, [], "there is no motor 'shoulder' in the file"),
        (calibration(), ["driver_zero: left"], "driver_zero is 'left'; it must be one of encoder"),
    ],
)
def test_a_calibration_that_cannot_be_used_is_one_sentence(tmp_path, content, lines, sentence):
    with pytest.raises(ContractError, match=r".") as caught:
        contract_with(tmp_path, content, *lines)
    assert any(sentence in problem for problem in caught.value.problems), caught.value


def test_a_missing_calibration_is_named(tmp_path):
    contract_with(tmp_path, calibration())
    (tmp_path / "arm.json").unlink()
    with pytest.raises(ContractError, match=r"calibration: .*arm\.json does not exist"):
        load_contract(tmp_path / "robot.yaml")


def test_a_zero_without_a_calibration_says_nothing(data):
    from pam_ros.robot import parse_contract

    data["state"]["driver_zero"] = "middle"
    with pytest.raises(ContractError, match="driver_zero says nothing without a calibration"):
        parse_contract(data, "file.yaml")
