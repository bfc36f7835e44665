# SPDX-License-Identifier: Apache-2.0
"""By stamps: a wrong one costs its own tick, and a replay without any tick has failed."""

import json
from dataclasses import replace

import pytest
from recorded_robot import ATTENTION, MS, TYPES, image, joints, observed, picture, read, write_bag

from pam_ros import cli
from pam_ros.replay.errors import ReplayError
from pam_ros.replay.many import Task, run_tasks
from pam_ros.replay.one_bag import replay_bag
from pam_ros.replay.output import SUMMARY

SIDE, STATES = "/side/image_raw", "/joint_states"


def restamped(messages, topic, stamp_of, frames=range(1 << 30)):
    """The messages; in these frames, those of a topic with another stamp."""
    frame = -1
    for message in messages:
        one, stamp, received, _ = message
        frame += one == "/top/image_raw"
        if one != topic or frame not in frames:
            yield message
            continue
        other = stamp_of(stamp)
        data = joints(other) if one == STATES else image(other, picture(frame))
        yield one, other, received, data


def replay(messages, settings, tmp_path):
    return replay_bag(write_bag(tmp_path / "bag", messages), tmp_path / "out", settings)


@pytest.mark.parametrize("off_s", [5, -5])
def test_one_image_with_a_wrong_stamp_costs_one_tick_and_begins_no_episode(
    settings, tmp_path, off_s
):
    messages = restamped(observed(30), SIDE, lambda stamp: stamp + off_s * 1000 * MS, {12})
    report = replay(messages, settings, tmp_path)
    assert report.valid == 29
    assert report.counts == {"future" if off_s > 0 else "clock_reset": 1, "unmatched_trigger": 1}
    assert {m.episode for m in read(tmp_path / "out", ATTENTION)} == {0}


def test_a_few_joint_states_without_a_stamp_cost_their_ticks(settings, tmp_path):
    report = replay(restamped(observed(30), STATES, lambda _: 0, {3, 4, 20}), settings, tmp_path)
    assert report.valid == 27
    assert report.counts == {"unmatched_trigger": 3, "unstamped": 3}


def without(topic):
    return [message for message in observed(6) if message[0] != topic]


def maps_of_lost_images(settings, tmp_path):
    """A recording of maps whose images were not recorded."""
    whole = tmp_path / "whole"
    replay_bag(write_bag(tmp_path / "first", observed(6)), whole, settings)
    from pam_ros.bags import BagReader, BagWriter

    with BagReader(whole) as reader, BagWriter(tmp_path / "lost") as writer:
        for topic in reader.topics.values():
            writer.add_topic(topic.name, topic.type)
        for message in reader.messages():
            if message.topic != SIDE:
                writer.write(message.topic, message.data, message.stamp_ns)
    return tmp_path / "lost"


NO_TICKS = {
    "no stamp": (
        lambda: restamped(observed(6), STATES, lambda _: 0),
        "no tick: all 6 messages on /joint_states have the stamp 0",
    ),
    "nothing on a topic": (lambda: without(SIDE), "no message came on /side/image_raw: record all"),
    "another clock": (
        lambda: restamped(observed(6), SIDE, lambda stamp: stamp - 5000 * MS),
        "/side/image_raw from 1699999995.000 to 1699999995.500 s",
    ),
}


@pytest.mark.parametrize(("messages", "sentence"), NO_TICKS.values(), ids=NO_TICKS.keys())
def test_a_replay_without_a_tick_fails_with_reason_and_cure_and_leaves_nothing(
    settings, tmp_path, messages, sentence
):
    bag, out = write_bag(tmp_path / "bag", messages(), TYPES), tmp_path / "out"
    # Also where some of the recording's own messages were kept already.
    with pytest.raises(ReplayError) as error:
        replay_bag(bag, out, replace(settings, part_seconds=0.0))
    assert sentence in str(error.value)
    assert not list(tmp_path.glob("out*"))


def test_a_replay_whose_sets_all_are_unusable_says_what_is_wrong_with_one(settings, tmp_path):
    messages = [
        (topic, stamp, received, joints(stamp, (float("nan"), 0.0)) if topic == STATES else data)
        for topic, stamp, received, data in observed(6)
    ]
    with pytest.raises(ReplayError, match=r"none of 6 sets of messages can be used.*'pan'"):
        replay(messages, settings, tmp_path)


def test_maps_whose_images_are_not_recorded_lead_to_replaying_by_stamps(settings, tmp_path):
    bag = maps_of_lost_images(settings, tmp_path)
    with pytest.raises(ReplayError, match=r"6 ticks that the recorded maps name.*--ignore-maps"):
        replay_bag(bag, tmp_path / "out", settings)


def command(folder, tmp_path, settings):
    return [
        str(folder), "--out", str(tmp_path / "out"), "--policy", settings.policy,
        "--contract", settings.contract, "--threads", "1",
    ]  # fmt: skip


def test_of_one_recording_without_a_tick_the_command_fails(settings, tmp_path, capsys):
    bag = write_bag(tmp_path / "bag", restamped(observed(6), STATES, lambda _: 0))
    assert cli.main(["replay", *command(bag, tmp_path, settings)]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert f"pam_ros replay: {bag}: no tick: all 6 messages on /joint_states" in said.err


def test_of_many_one_without_a_tick_has_failed_and_the_others_go_on(settings, tmp_path, capsys):
    folder = tmp_path / "bags"
    folder.mkdir()
    write_bag(folder / "a", restamped(observed(6), STATES, lambda _: 0))
    write_bag(folder / "b", observed(5))
    # The second time, what is finished is left alone, and what failed fails again.
    for _ in range(2):
        assert cli.main(["replay", *command(folder, tmp_path, settings)]) == 1
        said = capsys.readouterr()
        assert "b: 5 ticks, 5 with a map" in said.out
        assert "a: no tick: all 6 messages on /joint_states have the stamp 0" in said.err
        assert "1 of 2 recordings failed" in said.err
    assert not (tmp_path / "out" / "a").exists()


def test_a_finished_replay_without_a_tick_is_none(settings, tmp_path):
    """As a version left it that took such a recording for replayed."""
    bag, out = write_bag(tmp_path / "bag", observed(2)), tmp_path / "out"
    replay_bag(bag, out, settings)
    summary = json.loads((out / SUMMARY).read_text())
    (out / SUMMARY).write_text(json.dumps(summary | {"ticks": 0, "valid": 0}))
    ((_, outcome),) = run_tasks([Task(bag, out, settings, skip_finished=True)])
    assert "is a replay without a tick: remove it" in outcome
