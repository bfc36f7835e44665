# SPDX-License-Identifier: Apache-2.0
"""A controller's joints held against those that a contract commands."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pam_ros.robot.controller_check import check_controller
from pam_ros.robot.values.arrays import FLOAT64_MULTI_ARRAY


@pytest.fixture
def part(contract):
    """Shoulder and gripper, as JointState on /joint_commands."""
    (only,) = contract.command.parts
    return only


@pytest.fixture
def array(part):
    return replace(part, type=FLOAT64_MULTI_ARRAY)


def test_the_same_joints_are_no_difference_in_any_order(part, array):
    assert check_controller(part, "/arm", ["gripper", "shoulder"]) == ""
    assert check_controller(array, "/arm", ["shoulder", "gripper"]) == ""


def test_other_joints_are_named_both_ways(part):
    assert check_controller(part, "/arm", ["shoulder", "wrist"]) == (
        "/arm moves shoulder, wrist by /joint_commands: it does not have 'gripper'; the contract "
        "leaves out 'wrist'"
    )


def test_an_array_goes_by_the_order(array):
    assert check_controller(array, "/arm", ["gripper", "shoulder"]) == (
        "/arm moves gripper, shoulder by /joint_commands: an array goes by their order, and the "
        "contract's is shoulder, gripper"
    )


def test_an_array_of_fields_has_to_have_as_many(array):
    fields = [replace(j, name=f"data[{k}]", field=f"data[{k}]") for k, j in enumerate(array.joints)]
    bare = replace(array, joints=tuple(fields))
    assert check_controller(bare, "/arm", ["a", "b"]) == ""
    assert check_controller(bare, "/arm", ["a"]) == (
        "/arm takes 1 numbers, of 'a'; the contract sends 2 on /joint_commands"
    )
