# SPDX-License-Identifier: Apache-2.0
"""Joints: by name in any order, never guessed, and units that convert back."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pam_ros.robot import (
    JointContract,
    MessageError,
    joint_positions,
    joint_vector,
    to_policy,
    to_rad,
)
from pam_ros.robot.joints import multi_array_vector

JOINTS = (JointContract("pan"), JointContract("lift"), JointContract("grip"))


def message(names, positions) -> SimpleNamespace:
    return SimpleNamespace(name=list(names), position=list(positions), velocity=[], effort=[])


@given(st.permutations(["pan", "lift", "grip", "wheel_left", "wheel_right"]))
def test_any_order_and_extra_joints_give_the_same_vector(names):
    values = {"pan": 0.1, "lift": 0.2, "grip": 0.3, "wheel_left": 8.0, "wheel_right": math.nan}
    vector = joint_vector(message(names, [values[name] for name in names]), JOINTS)
    assert vector.dtype == np.float32
    np.testing.assert_array_equal(vector, np.array([0.1, 0.2, 0.3], dtype=np.float32))


@pytest.mark.parametrize(
    ("names", "positions", "sentence"),
    [
        (["pan", "grip"], [0, 0], r"lacks 'lift' \(it has 'pan', 'grip'\)"),
        ([], [], r"lacks 'pan', 'lift', 'grip' \(it has no joint\)"),
        (["pan", "lift", "grip"], [0, 0], "3 names and 2 positions"),
        (["pan", "lift", "grip"], [0, math.nan, 0], "no finite position for 'lift'"),
        (["pan", "lift", "grip"], [math.inf, 0, -math.inf], "no finite position for 'pan', 'grip'"),
        (["pan", "lift", "grip", "lift"], [0, 0, 0, 1], "names 'lift' more than once"),
    ],
)
def test_a_joint_that_is_not_told_is_never_guessed(names, positions, sentence):
    with pytest.raises(MessageError, match=sentence):
        joint_positions(message(names, positions), JOINTS)


def test_an_extra_joint_may_be_named_twice():
    positions = joint_positions(message(["x", "pan", "lift", "grip", "x"], [9, 1, 2, 3, 9]), JOINTS)
    np.testing.assert_array_equal(positions, [1, 2, 3])


def test_units_by_their_definition():
    joints = (
        JointContract("a", unit="rad"),
        JointContract("b", unit="deg"),
        JointContract("c", unit="percent", range=(-1.0, 3.0)),
        JointContract("d", unit="percent", range=(0.0, 2.0), scale=0.5, offset=50.0),
        JointContract("e", unit="deg", scale=-1.0, offset=90.0),
    )
    lower = to_policy(np.array([0.5, math.pi, -1.0, 0.0, math.pi / 2]), joints)
    np.testing.assert_allclose(lower, [0.5, 180.0, -100.0, 0.0, 0.0], atol=1e-12)
    upper = to_policy(np.array([0.5, -math.pi / 2, 3.0, 2.0, 0.0]), joints)
    np.testing.assert_allclose(upper, [0.5, -90.0, 100.0, 100.0, 90.0], atol=1e-12)
    middle = to_policy(np.array([0.0, 0.0, 1.0, 1.0, 0.0]), joints)
    np.testing.assert_allclose(middle[2:4], [0.0, 50.0], atol=1e-12)


finite = st.floats(-10, 10)
joints = st.builds(
    JointContract,
    name=st.just("joint"),
    unit=st.sampled_from(["rad", "deg", "percent"]),
    scale=st.floats(0.01, 100) | st.floats(-100, -0.01),
    offset=st.floats(-200, 200),
    range=st.tuples(st.floats(-6, -0.1), st.floats(0.1, 6)),
)


@given(st.lists(st.tuples(joints, finite), min_size=1, max_size=7))
def test_the_conversions_are_inverses_of_each_other(pairs):
    chosen = [joint for joint, _ in pairs]
    positions = np.array([position for _, position in pairs])
    np.testing.assert_allclose(
        to_rad(to_policy(positions, chosen), chosen), positions, rtol=1e-9, atol=1e-9
    )
    chunk = np.stack([positions, -positions])
    np.testing.assert_allclose(
        to_rad(to_policy(chunk, chosen), chosen), chunk, rtol=1e-9, atol=1e-9
    )


def test_percent_without_a_range_is_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="'a' is in percent without a range"):
        to_policy(np.zeros(1), [JointContract("a", unit="percent")])


def test_an_environment_state_is_taken_whole_or_not_at_all():
    vector = multi_array_vector(SimpleNamespace(data=[1, 2.5]), 2)
    assert vector.dtype == np.float32
    np.testing.assert_array_equal(vector, [1, 2.5])
    with pytest.raises(MessageError, match="has 2 values; the policy wants 3"):
        multi_array_vector(SimpleNamespace(data=[1, 2]), 3)
    with pytest.raises(MessageError, match="not finite"):
        multi_array_vector(SimpleNamespace(data=[1, math.nan]), 2)


def test_a_position_that_float32_does_not_have_is_refused_and_not_made_infinite():
    for value in (1e300, -1e39):
        with pytest.raises(MessageError, match="no usable position for 'lift'"):
            joint_vector(message(["pan", "lift", "grip"], [0.0, value, 0.0]), JOINTS)
        with pytest.raises(MessageError, match="not finite"):
            multi_array_vector(SimpleNamespace(data=[value]), 1)
