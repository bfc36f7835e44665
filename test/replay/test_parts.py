# SPDX-License-Identifier: Apache-2.0
"""Recordings of a robot in parts: what is replayed is what one whole topic would have given."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import yaml
from recorded_robot import (
    ATTENTION,
    CONTRACT,
    MESSAGES,
    MS,
    TYPES,
    counts,
    difference,
    observed,
    read,
    write_bag,
)

from pam_ros.replay.one_bag import replay_bag
from pam_ros.robot.stamps import set_stamp

JOINT_STATE = "sensor_msgs/msg/JointState"
TICKS = 12
PREDICTED = "/act_attention/predicted_command"


def state(stamp_ns, **positions) -> bytes:
    message = MESSAGES.new(JOINT_STATE)
    set_stamp(message.header.stamp, stamp_ns)
    message.name, message.position = list(positions), np.array(list(positions.values()))
    return bytes(MESSAGES.encode(message, JOINT_STATE))


def with_states(states):
    """The recording, its joint states replaced by what `states` gives for a frame and its stamp."""
    frame = 0
    for topic, stamp, received, data in observed(TICKS):
        if topic == "/joint_states":
            for where, when, later, message in states(frame, stamp):
                yield where, when, received + later, message
            frame += 1
        else:
            yield topic, stamp, received, data


def in_turns(frame, stamp):
    """Two drivers of one topic; the second one's last message is some periods old."""
    if frame % 3 == 0:
        yield "/joint_states", stamp - 30 * MS, -30 * MS, state(stamp - 30 * MS, lift=-0.02 * frame)
    yield "/joint_states", stamp, 0, state(stamp, pan=0.01 * frame, other=9.0)


def in_turns_alike(frame, stamp):
    """Two drivers of one topic that stamp alike, ahead of the pictures."""
    yield "/joint_states", stamp, -5 * MS, state(stamp, pan=0.01 * frame)
    yield "/joint_states", stamp, -4 * MS, state(stamp, lift=-0.02 * frame)


def whole(frame, stamp):
    """What the newest of each of these joints is."""
    lift = -0.02 * (frame - frame % 3)
    yield "/joint_states", stamp, 0, state(stamp, pan=0.01 * frame, lift=lift)


def apart(frame, stamp):
    """A topic for each of the two joints."""
    yield "/left/joint_states", stamp, 0, state(stamp, pan=0.01 * frame)
    lift = -0.02 * (frame - frame % 3)
    yield "/right/joint_states", stamp - 2 * MS, MS, state(stamp - 2 * MS, lift=lift)


def parts_contract(path):
    data = yaml.safe_load(CONTRACT.format(trigger="trigger: top"))
    joints = data["state"]["joints"]
    data["state"] = [
        {"topic": f"/{side}/joint_states", "joints": [joint]}
        for side, joint in zip(("left", "right"), joints, strict=True)
    ]
    data["command"] = [
        {"topic": f"/{side}/joint_commands", "type": JOINT_STATE, "max_velocity": 5.0}
        for side in ("left", "right")
    ]
    path.write_text(yaml.safe_dump(data))
    return str(path)


APART = {
    **{topic: kind for topic, kind in TYPES.items() if topic != "/joint_states"},
    "/left/joint_states": JOINT_STATE,
    "/right/joint_states": JOINT_STATE,
}


@pytest.fixture
def replayed(tmp_path, settings):
    """Replays a recording of some states; the path of what came out."""

    def replay(name, states, types=TYPES, **changes):
        bag = write_bag(tmp_path / name, with_states(states), types)
        out = tmp_path / f"{name}_out"
        report = replay_bag(bag, out, replace(settings, **changes))
        assert (report.ticks, report.valid) == (TICKS, TICKS), report
        return out

    return replay


def test_messages_in_turns_are_replayed_as_whole_ones(replayed):
    merged, plain = (replayed(f.__name__, f) for f in (in_turns, whole))
    assert difference(read(merged, ATTENTION), read(plain, ATTENTION)) == 0.0
    for one, other in zip(read(merged, PREDICTED), read(plain, PREDICTED), strict=True):
        assert one.position.tolist() == other.position.tolist()


def test_they_are_merged_alike_where_the_maps_say_which_messages_a_tick_saw(
    replayed, tmp_path, settings
):
    merged = replayed("in_turns", in_turns, copy_topics=True)
    again = tmp_path / "again"
    assert replay_bag(merged, again, settings).valid == TICKS
    assert difference(read(merged, ATTENTION), read(again, ATTENTION)) == 0.0


def test_two_drivers_that_stamp_alike_are_no_duplicates(replayed, tmp_path, settings):
    merged = replayed("alike", in_turns_alike, copy_topics=True)
    again = tmp_path / "again"
    report = replay_bag(merged, again, settings)
    assert (report.valid, report.counts) == (TICKS, {})
    assert difference(read(merged, ATTENTION), read(again, ATTENTION)) == 0.0


def test_two_topics_are_replayed_as_one_and_commanded_as_two(replayed, tmp_path):
    contract = parts_contract(tmp_path / "parts.yaml")
    two = replayed("apart", apart, APART, contract=contract)
    one = replayed("whole", whole)
    for mine, theirs in zip(read(two, ATTENTION), read(one, ATTENTION), strict=True):
        np.testing.assert_equal(mine.joint_state_share, theirs.joint_state_share)
        assert mine.cameras[0].cells.tolist() == theirs.cameras[0].cells.tolist()
    assert {f"{PREDICTED}/left", f"{PREDICTED}/right"} <= set(counts(two))
    halves = zip(read(two, f"{PREDICTED}/left"), read(two, f"{PREDICTED}/right"), strict=True)
    for (left, right), command in zip(halves, read(one, PREDICTED), strict=True):
        assert (left.name, right.name) == (["pan"], ["lift"])
        assert [*left.position, *right.position] == command.position.tolist()


def test_a_state_without_a_header_counts_from_its_arrival(tmp_path, settings):
    """The second joint as a number of an array; by stamps, and by the maps that come of it."""
    array = "std_msgs/msg/Float64MultiArray"
    for name, swapped in (("second", False), ("first", True)):
        data = yaml.safe_load(CONTRACT.format(trigger="trigger: top"))
        pan, lift = data["state"]["joints"]
        parts = [{"topic": "/joint_states", "joints": [pan]},
                 {"topic": "/array", "type": array, "joints": [lift]}]  # fmt: skip
        data["state"] = parts[::-1] if swapped else parts
        data["command"] = [
            {"topic": "/go", "type": JOINT_STATE, "joints": ["pan"], "max_velocity": 5.0},
            {"topic": "/stop", "type": array, "joints": ["lift"], "max_velocity": 5.0},
        ]
        (tmp_path / "parts.yaml").write_text(yaml.safe_dump(data))

        def states(frame, stamp):
            message = MESSAGES.new(array)
            message.data = np.array([-0.02 * frame])
            data = bytes(MESSAGES.encode(message, array))
            yield "/joint_states", stamp, -3 * MS, state(stamp, pan=0.01 * frame)
            yield "/array", 0, -2 * MS, data

        bag = write_bag(tmp_path / name, with_states(states), {**TYPES, "/array": array})
        out, again = tmp_path / f"{name}_out", tmp_path / f"{name}_again"
        given = replace(settings, contract=str(tmp_path / "parts.yaml"), copy_topics=True)
        report = replay_bag(bag, out, given)
        assert report.valid >= TICKS - 1, report
        assert replay_bag(out, again, given).valid == report.valid
        for one, other in zip(read(out, ATTENTION), read(again, ATTENTION), strict=True):
            np.testing.assert_equal(one.joint_state_share, other.joint_state_share)
            assert (one.joint_state_stamp.sec == 0) is swapped


def test_a_bag_that_lacks_one_part_is_told_which(tmp_path, settings):
    contract = parts_contract(tmp_path / "parts.yaml")
    types = {topic: kind for topic, kind in APART.items() if topic != "/right/joint_states"}
    messages = [m for m in with_states(apart) if m[0] in types]
    bag = write_bag(tmp_path / "half", messages, types)
    with pytest.raises(Exception, match="lacks /right/joint_states"):
        replay_bag(bag, tmp_path / "out", replace(settings, contract=contract))


def test_a_part_may_have_another_name_in_the_bag(tmp_path, settings):
    contract = parts_contract(tmp_path / "parts.yaml")
    moved = {"/right/joint_states": "/other/joints"}
    types = {moved.get(topic, topic): kind for topic, kind in APART.items()}
    messages = [(moved.get(m[0], m[0]), *m[1:]) for m in with_states(apart)]
    bag = write_bag(tmp_path / "moved", messages, types)
    report = replay_bag(bag, tmp_path / "out", replace(settings, contract=contract, remaps=moved))
    assert report.valid == TICKS
