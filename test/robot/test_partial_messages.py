# SPDX-License-Identifier: Apache-2.0
"""Joint messages that hold a part each: merged while they are fresh, and never guessed."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from pam_ros.robot import (
    STATE,
    JointContract,
    MessageError,
    Synchroniser,
    joint_positions,
    message_values,
)
from pam_ros.robot.live_check import Heard

JOINT_STATE = "sensor_msgs/msg/JointState"
MS = 10**6
T0 = 10**12
NAMES = ("j1", "j2", "j3", "gripper")
WANTED = tuple(JointContract(name) for name in NAMES)
ARM = {"j1": 0.1, "j2": 0.2, "j3": 0.3}
GRIPPER = {"gripper": 0.7}


def message(positions, **fields):
    listed = list(positions.items() if isinstance(positions, dict) else positions)
    return SimpleNamespace(
        name=[name for name, _ in listed], position=[value for _, value in listed], **fields
    )


def synchroniser(merged=(STATE,)):
    return Synchroniser([STATE, "top"], 0.05, 0.5, merged=merged)


def test_drivers_that_take_turns_are_merged_to_the_newest_of_each_joint():
    sync = synchroniser()
    for turn in range(10):
        positions = GRIPPER if turn % 2 else {name: v + turn for name, v in ARM.items()}
        sync.add(STATE, T0 + 10 * turn * MS, message(positions))
    sync.add("top", T0 + 90 * MS, "a picture")
    found = sync.newest(T0 + 90 * MS)
    values = message_values(JOINT_STATE, found.of(STATE), WANTED)
    assert values.tolist() == [8.1, 8.2, 8.3, 0.7]


def test_two_drivers_that_stamp_alike_are_merged_as_well():
    sync = synchroniser()
    for turn in range(3):
        sync.add(STATE, T0 + turn * MS, message(ARM))
        sync.add(STATE, T0 + turn * MS, message({"gripper": float(turn)}))
    sync.add("top", T0 + 2 * MS, "a picture")
    values = message_values(JOINT_STATE, sync.newest(T0 + 2 * MS).of(STATE), WANTED)
    assert values.tolist() == [0.1, 0.2, 0.3, 2.0]


@pytest.mark.parametrize(("age_ms", "usable"), [(499, True), (501, False)])
def test_nothing_older_than_the_greatest_age_is_merged(age_ms, usable):
    sync = synchroniser()
    now = T0 + age_ms * MS
    sync.add(STATE, T0, message(GRIPPER))
    sync.add(STATE, now, message(ARM))
    sync.add("top", now, "a picture")
    found = sync.newest(now)
    if usable:
        assert message_values(JOINT_STATE, found.of(STATE), WANTED)[3] == 0.7
    else:
        with pytest.raises(MessageError, match=r"lacks 'gripper' \(it has 'j1', 'j2', 'j3'\)"):
            message_values(JOINT_STATE, found.of(STATE), WANTED)


def test_a_joint_that_no_driver_names_any_more_is_said_with_what_they_name():
    messages = [message({"j1": 0.1}), message({"j2": 0.2}), message({"j1": 0.0})]
    with pytest.raises(MessageError) as caught:
        message_values(JOINT_STATE, messages, WANTED)
    assert str(caught.value) == (
        "none of the 3 joint messages that are not too old has 'j3', 'gripper' "
        "(they have 'j1', 'j2')"
    )


def test_what_came_after_the_set_is_not_merged_into_it():
    sync = synchroniser()
    sync.add(STATE, T0, message(ARM | GRIPPER))
    sync.add("top", T0, "a picture")
    sync.add(STATE, T0 + 200 * MS, message({"gripper": 0.9}))
    found = sync.newest(T0 + 200 * MS)
    assert message_values(JOINT_STATE, found.of(STATE), WANTED).tolist() == [0.1, 0.2, 0.3, 0.7]


def test_a_whole_message_needs_no_other_and_none_is_read():
    def messages():
        yield message(ARM | GRIPPER)
        raise AssertionError("read")

    assert message_values(JOINT_STATE, messages(), WANTED)[0] == 0.1


def test_a_broken_message_is_not_passed_over_for_an_older_one():
    broken = message(ARM)
    broken.position = [0.1]
    with pytest.raises(MessageError, match="3 names and 1 positions"):
        message_values(JOINT_STATE, [broken, message(ARM | GRIPPER)], WANTED)


WHEELS = tuple(JointContract(name, kind="velocity", field="velocity") for name in ("l", "r"))


def wheels(**velocities):
    found = message(dict.fromkeys(velocities, 0.0))
    found.position, found.velocity = [], list(velocities.values())
    return found


def test_a_driver_of_other_joints_may_leave_out_the_kind_of_number_that_is_read():
    messages = [message(ARM, velocity=[]), wheels(l=1.5, r=-1.5), message(GRIPPER, velocity=[])]
    assert message_values(JOINT_STATE, messages, WHEELS).tolist() == [1.5, -1.5]
    assert message_values(JOINT_STATE, messages, WANTED).tolist() == [0.1, 0.2, 0.3, 0.7]


def test_a_driver_that_names_a_joint_and_not_its_number_is_not_passed_over():
    silent = wheels(l=0.0, r=0.0)
    silent.velocity = []
    with pytest.raises(MessageError, match="2 names and 0 velocities"):
        message_values(JOINT_STATE, [silent, wheels(l=1.5, r=-1.5)], WHEELS)


def test_joints_that_are_named_twice_with_one_number_are_read():
    doubled = [*ARM.items(), *GRIPPER.items(), *ARM.items()]
    found = joint_positions(message(doubled, velocity=[], effort=[math.nan] * 7), WANTED)
    assert found.tolist() == [0.1, 0.2, 0.3, 0.7]


def test_joints_that_are_named_twice_with_two_numbers_are_refused():
    unequal = [*ARM.items(), *GRIPPER.items(), ("j1", 0.4)]
    with pytest.raises(MessageError, match="names 'j1' more than once, with numbers that differ"):
        joint_positions(message(unequal), WANTED)


def test_a_message_without_names_says_that_the_driver_names_no_joints():
    nameless = SimpleNamespace(name=[], position=[0.1, 0.2, 0.3, 0.7])
    with pytest.raises(MessageError, match="4 positions and no names: the driver names no joints"):
        joint_positions(nameless, WANTED)


def test_a_live_check_merges_what_came_within_the_greatest_age():
    from collections import deque

    heard = Heard("/joint_states", 2.0, earlier=deque(maxlen=100))
    for turn in range(40):
        heard.arrivals.append(T0 + 20 * turn * MS)
        heard.take(message(GRIPPER if turn % 20 == 10 else ARM))
    assert message_values(JOINT_STATE, heard.recent(0.5), WANTED)[3] == 0.7
    with pytest.raises(MessageError, match="'gripper'"):
        message_values(JOINT_STATE, heard.recent(0.15), WANTED)
