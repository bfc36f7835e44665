# SPDX-License-Identifier: Apache-2.0
"""The action of an observation is the command that answered it."""

from dataclasses import replace

import numpy as np
import pytest
from recorded_arm import (
    ALL_TYPES,
    action,
    as_float32,
    attention,
    command,
    export,
    observation,
    opened,
    rows,
    smooth,
)
from recorded_robot import MESSAGES, MS, START_NS, TYPES, write_bag

from pam_ros.export.actions import CommandReader, Commands, RecordedCommand, Window
from pam_ros.export.errors import ExportError
from pam_ros.robot import CommandContract, CommandPart, JointContract, MessageError, load_contract


def recorded(*times, stamps=None):
    stamps = stamps or [0] * len(times)
    return Commands(
        [
            RecordedCommand(time, stamp, np.array([number], np.float32))
            for number, (time, stamp) in enumerate(zip(times, stamps, strict=True))
        ]
    )


def answers(commands, *windows):
    found = (commands.answer(window) for window in windows)
    return [None if one is None else int(one.action[0]) for one in found]


def read_whole(command, message):
    """A message of a command's only part."""
    return CommandReader(command).take(command.parts[0].topic, message, 7)


def test_the_parts_of_a_command_are_one_action_when_all_of_them_have_come():
    kind, twist = "sensor_msgs/msg/JointState", "geometry_msgs/msg/Twist"
    base = JointContract("linear.x", field="linear.x", kind="velocity", scale=2.0)
    reader = CommandReader(
        CommandContract(
            (
                CommandPart("/arm", kind, (JointContract("pan"),)),
                CommandPart("/cmd_vel", twist, (base,)),
            )
        )
    )
    arm, moved = MESSAGES.new(kind), MESSAGES.new(twist)
    arm.name, arm.position, moved.linear.x = ["pan"], [0.5], 0.25
    assert reader.topics == ["/arm", "/cmd_vel"]
    assert reader.take("/arm", arm, 5) is None
    found = reader.take("/cmd_vel", moved, 6)
    assert (found.received_ns, found.action.tolist()) == (6, [0.5, 0.5])
    assert reader.take("/cmd_vel", moved, 8) is None
    assert reader.take("/arm", arm, 9).received_ns == 9


def test_the_first_command_after_an_observation_answers_it():
    commands = recorded(5, 12, 14, 18, 35)
    windows = [Window(10, 20), Window(20, 30), Window(30, 40)]
    assert answers(commands, *windows) == [1, None, 4]


def test_a_command_that_comes_after_the_next_observation_is_not_the_next_ones():
    """By maps: a pass that takes longer than a period answers when the next image is there."""
    commands = recorded(120, 220, 290)
    windows = [
        Window(after, until, pick="last") for after, until in ((10, 122), (105, 222), (205, 292))
    ]
    assert answers(commands, *windows) == [0, 1, 2]


def test_what_the_watchdog_said_meanwhile_is_no_answer():
    """It holds the robot where the last command left it, while a pass takes too long."""
    commands = Commands(
        [
            RecordedCommand(time, 0, np.array([value], np.float32))
            for time, value in ((5, 0.1), (15, 0.1), (25, 0.1), (33, 0.2), (38, 0.2), (45, 0.3))
        ]
    )
    first = commands.answer(Window(10, 35, pick="last"))
    assert first is not None
    assert first.received_ns == 33
    queued = commands.answer(Window(36, 50, pick="new"))
    assert queued is not None
    assert queued.received_ns == 45


def test_stamps_of_one_clock_count_more_than_reception():
    """Pictures reach the recorder later than a command that was queued."""
    commands = recorded(101, 203, stamps=[95, 195])
    windows = [Window(104, 106, stamp_ns=90), Window(204, 206, stamp_ns=190)]
    assert answers(commands, *windows) == [0, 1]


def test_a_command_is_missed_once_and_shifts_nothing():
    commands = recorded(15, 35)
    assert answers(commands, Window(10, 20), Window(20, 30), Window(30, 40)) == [0, None, 1]


def test_the_newest_command_is_the_last_one_before_a_moment():
    commands = recorded(5, 12)
    assert commands.newest(4) is None
    assert commands.newest(11).received_ns == 5
    assert commands.newest(100).received_ns == 12


def test_joints_are_taken_by_name_in_the_contracts_unit(contract):
    text = open(contract).read().replace("type: sensor_msgs/msg/JointState\n  max", "type: sensor_msgs/msg/JointState\n  unit: deg\n  max")  # fmt: skip # noqa: E501, SIM115, PTH123
    with open(contract, "w") as file:  # noqa: PTH123
        file.write(text)
    made = load_contract(contract).command
    message = MESSAGES.new("sensor_msgs/msg/JointState")
    message.name, message.position = ["other", "lift", "pan"], [9.0, np.pi, -np.pi / 2]
    assert read_whole(made, message).action.tolist() == [-90.0, 180.0]
    message.name = ["other", "lift", "tilt"]
    with pytest.raises(MessageError, match="lacks pan"):
        read_whole(made, message)


def test_of_a_trajectory_the_last_point_counts(contract):
    kind = "trajectory_msgs/msg/JointTrajectory"
    made = load_contract(contract).command
    made = CommandContract((replace(made.parts[0], type=kind),))
    message = MESSAGES.new(kind)
    message.joint_names = ["pan", "lift"]
    for values in ([0.1, 0.2], [0.3, 0.4]):
        point = MESSAGES.new("trajectory_msgs/msg/JointTrajectoryPoint")
        point.positions = values
        message.points.append(point)
    assert tuple(read_whole(made, message).action.tolist()) == as_float32([0.3, 0.4])
    message.points.clear()
    with pytest.raises(MessageError, match="without a point"):
        read_whole(made, message)


def test_observations_without_a_command_are_left_out_and_counted(settings, tmp_path):
    def told():
        for number in range(12):
            stamp = START_NS + number * 100 * MS
            yield from observation(number, stamp)
            if number not in {0, 5, 6}:
                yield from command(number, stamp + 50 * MS)

    bag = write_bag(tmp_path / "bag", told())
    _, reports = export([bag], tmp_path / "dataset", settings)
    assert reports[bag].counts == {"missing_frames": 2, "no_command": 3}
    kept = [number for number in range(12) if number not in {0, 5, 6}]
    assert rows(tmp_path / "dataset") == [(0, as_float32(action(number))) for number in kept]


def test_or_have_the_last_one_again(settings, tmp_path):
    """With the time at which it was recorded, so that its age can be told."""
    messages = [m for m in smooth(9) if m[0] != "/joint_commands" or m[1] // MS % 300 == 50]
    bag = write_bag(tmp_path / "bag", messages)
    times = [m[2] for m in messages if m[0] == "/joint_commands"]
    export([bag], tmp_path / "dataset", replace(settings, without_command="repeat"))
    data = opened(tmp_path / "dataset")
    ends = [START_NS + number * 100 * MS + 105 * MS for number in range(9)]
    wanted = [max((time for time in times if time <= end), default=None) for end in ends]
    found = [tuple(row["stamp.command"].tolist()) for row in data.hf_dataset.with_format("numpy")]
    assert found == [divmod(time, 10**9) for time in wanted if time is not None]


def test_a_slow_policys_commands_are_paired_by_its_maps(settings, tmp_path):
    """Each command comes after the next image; one tick commands nothing."""

    def told():
        for number in range(10):
            stamp = START_NS + number * 100 * MS
            yield from observation(number, stamp)
            if number != 4:
                yield from command(number, stamp + 110 * MS)
            yield from attention(number, stamp, stamp + 112 * MS, commanded=number != 4)

    bag = write_bag(tmp_path / "bag", sorted(told(), key=lambda m: m[2]), ALL_TYPES)
    _, reports = export([bag], tmp_path / "dataset", settings)
    assert reports[bag].counts == {"missing_frames": 1, "no_command": 1}
    kept = [number for number in range(10) if number != 4]
    assert rows(tmp_path / "dataset") == [(0, as_float32(action(number))) for number in kept]


def test_a_leaders_joint_states_can_be_the_commands(settings, tmp_path):
    types = {**TYPES, "/leader/joint_states": "sensor_msgs/msg/JointState"}
    messages = [
        ("/leader/joint_states", *m[1:]) if m[0] == "/joint_commands" else m for m in smooth(5)
    ]
    del types["/joint_commands"]
    bag = write_bag(tmp_path / "bag", messages, types)
    with pytest.raises(ExportError, match="nothing was exported"):
        export([bag], tmp_path / "dataset", settings)
    asked = replace(settings, remaps={"/joint_commands": "/leader/joint_states"})
    export([bag], tmp_path / "dataset", asked)
    wanted = [(0, as_float32(action(number))) for number in range(5)]
    assert rows(tmp_path / "dataset") == wanted
