# SPDX-License-Identifier: Apache-2.0
"""The contracts that docs/contract.md shows are contracts, and mean what the page says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from pam_ros.robot import COMMAND_TYPES, STATE_TYPES, parse_contract
from pam_ros.robot.values.kinds import KINDS, UNITS

PAGE = (Path(__file__).parents[2] / "docs" / "contract.md").read_text(encoding="utf-8")


def test_the_parts_of_the_page_are_two_arms_and_a_base():
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    contract = parse_contract(yaml.safe_load(text), "two_arms.yaml")
    arms = ["left/waist", "left/elbow", "right/waist", "right/elbow"]
    assert [joint.label for joint in contract.state.joints] == [*arms, "linear.x", "angular.z"]
    assert list(contract.command.labels) == [*arms, "linear.x", "angular.z"]
    measured = [part.measured and part.measured.topic for part in contract.command.parts]
    assert measured == ["/left/joint_states", "/right/joint_states", None]


def test_without_measured_by_the_page_is_right_that_it_is_asked_for():
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    data = yaml.safe_load(text)
    del data["command"][0]["measured_by"]
    data["command"][0]["joints"] = ["waist", "elbow"]
    with pytest.raises(Exception, match="measured_by: /left/joint_states"):
        parse_contract(data, "two_arms.yaml")


def test_the_calibration_of_the_page_is_read(tmp_path):
    (text,) = re.findall(r"\n(    state:\n      topic: .*?)\n\n", PAGE, re.DOTALL)
    state = yaml.safe_load(text)["state"] | {"joints": [{"name": "elbow", "limits": [-1, 1]}]}
    motor = {"id": 1, "drive_mode": 0, "homing_offset": 0, "range_min": 1000, "range_max": 3000}
    (tmp_path / state["calibration"]).write_text(json.dumps({"elbow": motor}))
    data = {
        "robot": "arm",
        "rate_hz": 30,
        "cameras": [{"name": "top", "topic": "/top", "feature": "observation.image"}],
        "state": state,
        "command": {"topic": "/go", "type": "sensor_msgs/msg/JointState", "max_velocity": 1},
    }
    (joint,) = parse_contract(data, "arm.yaml", tmp_path).state.joints
    assert (joint.unit, joint.offset) == ("deg", pytest.approx(48 * 360 / 4096))


def test_the_tables_of_the_page_name_every_type_and_unit():
    rows = [row for row in PAGE.splitlines() if row.startswith("| `") and "_msgs/msg/" in row]
    states = " ".join(row for row in rows if "yes" in row.split("|")[2])
    commands = " ".join(row for row in rows if row.split("|")[3].strip())
    for types, shown in ((STATE_TYPES, states), (COMMAND_TYPES, commands)):
        for name in types:
            assert f"`{name}`" in shown or f"`{name.rpartition('/')[2]}`" in shown, name
    for kind in KINDS.values():
        units = ", ".join(f"`{unit}`" for unit in kind.units)
        assert f"| {units} |" in PAGE
        assert f"`{kind.rate_key}`" in PAGE
    assert set(UNITS) == {unit for kind in KINDS.values() for unit in kind.units}
