# SPDX-License-Identifier: Apache-2.0
"""Whatever stands in a contract of parts, it is a contract or a ContractError."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from two_arms import base, two_arms

from pam_ros.robot import ContractError, SafetyLimits, parse_contract
from pam_ros.robot.explain import explain
from pam_ros.robot.sources import contract_sources
from pam_ros.robot.values.kinds import KINDS, UNITS
from pam_ros.robot.values.registry import VALUE_TYPES

WORDS = [
    "/left/joint_states", "/right/joint_commands", "/odom", "waist", "gripper", "linear.x",
    "position.x", "rpy.yaw", "data[0]", "data[2:4]", "data[3:1]", "data[]", "observation.state",
    "encoder", "missing.json", "urdf", *VALUE_TYPES, *KINDS, *UNITS,
]  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers(-3, 3) | st.sampled_from(WORDS),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "limits", "unit", "range", "scale"]), inner)
    ),
    max_leaves=6,
)
KEYS = (
    "topic", "type", "kind", "feature", "unit", "joints", "fields", "limits", "limit_margin",
    "max_velocity", "max_acceleration", "max_effort_rate", "max_step", "measured_by", "frame_id",
    "calibration", "driver_zero",
)  # fmt: skip
CHANGE = st.tuples(
    st.sampled_from(["state", "command"]), st.integers(0, 2), st.sampled_from(KEYS), VALUES
)


@given(st.lists(CHANGE, max_size=5))
@settings(max_examples=400, deadline=None)
def test_parts_are_read_or_refused(changes):
    data = two_arms()
    data["state"].append({"topic": "/odom", "type": "nav_msgs/msg/Odometry",
                          "fields": ["linear.x", "rpy.yaw"]})  # fmt: skip
    data["command"].append(base())
    for side, place, key, value in changes:
        data[side][place][key] = value
    try:
        contract = parse_contract(data, "file.yaml")
    except ContractError as error:
        assert error.problems
        assert not any("Error" in problem for problem in error.problems)
        return
    assert all(part.joints for part in contract.command.parts)
    for part in contract.command.parts:
        positions = [joint for joint in part.joints if joint.kind == "position"]
        assert (part.measured is not None) == bool(positions)
        if part.measured is not None:
            assert [j.name for j in part.measured.joints] == [j.name for j in part.joints]
    labels = contract.command.labels
    assert len(set(labels)) == len(labels), labels
    assert len({source.name for source in contract_sources(contract)}) == 1 + len(
        contract.state.topics
    )
    assert list(explain(contract))
    if all(part.limits_from == "contract" for part in contract.command.parts):
        SafetyLimits.from_contract(contract.command)
