# SPDX-License-Identifier: Apache-2.0
"""What a replayed policy is told: the recording's words of each tick, or --instruction."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from recorded_robot import (
    ATTENTION,
    MESSAGES,
    MS,
    START_NS,
    TYPES,
    difference,
    observed,
    picture,
    read,
    write_bag,
)

from pam_ros.cli import main
from pam_ros.observations.bag import BagSource
from pam_ros.policy import PolicyError, load_policy
from pam_ros.replay.one_bag import replay_bag

TOP, SIDE, STATE = "observation.images.top", "observation.images.side", "observation.state"
INSTRUCTION, STRING = "/act_attention/instruction", "std_msgs/msg/String"
OWN, OTHER = "pick up the red cube", "reach it"


@pytest.fixture
def make(second_policy, tmp_path):
    def make(instruction=OWN):
        folder = tmp_path / f"second{len(instruction)}"
        return str(second_policy(folder, {TOP: (64, 96), SIDE: (64, 96)}, instruction=instruction))

    return make


def text(words):
    message = MESSAGES.new(STRING)
    message.data = words
    return bytes(MESSAGES.encode(message, STRING))


def told_bag(path, *texts, topics=(INSTRUCTION,)):
    """A recording in which these (tick, words) were said just before the ticks."""
    said = [
        (topic, 0, START_NS + (100 * tick - 50) * MS, text(words))
        for tick, words in texts
        for topic in topics
    ]
    messages = sorted([*observed(12), *said], key=lambda one: one[2])
    return write_bag(path, messages, {**TYPES, **dict.fromkeys(topics, STRING)})


def labels(message):
    return next(list(group.labels) for group in message.groups if group.kind == "language")


def replayed(bag, out, settings, policy, **changes):
    settings = replace(settings, policy=policy, method="joint_attention", **changes)
    report = replay_bag(bag, out, settings)
    assert report.valid == report.ticks > 9
    return read(out, ATTENTION)


def test_each_tick_reads_what_was_said_before_it(make, settings, tmp_path):
    bag = told_bag(tmp_path / "told", (3, OTHER), (6, "\x01"), (8, "and back"))
    policy = make()
    maps = replayed(bag, tmp_path / "out", settings, policy)
    words = [OTHER] * 5 + [OTHER] * 3 + ["and back"] * 4
    # Before the first it was told something else, but nobody knows what: it begins with the first.
    assert [one.instruction for one in maps] == words[: len(maps)]
    assert [labels(one) for one in maps] == [one.split() for one in words[: len(maps)]]
    alone = load_policy(policy, device="cpu")
    alone.show(_look())
    for number, instruction in ((2, OTHER), (9, "and back")):
        alone.instruct(instruction)
        alone.reset()
        for frame in (number - 1, number):
            seen = {
                TOP: picture(2 * frame),
                SIDE: picture(2 * frame + 1),
                STATE: np.array([0.01 * frame, -0.02 * frame], np.float32),
            }
            output = alone.explain(seen)
        mass = output.weights["expert", 1, 2].mean(axis=(0, 1))
        np.testing.assert_allclose(maps[number].cameras[0].cells, mass[:24], atol=1e-6)


def _look():
    from pam_ros.attention.look import Look

    return Look("expert", 1)


def test_a_node_of_another_name_is_heard(make, settings, tmp_path):
    bag = told_bag(tmp_path / "told", (0, OWN), (4, OTHER), topics=["/left/watcher/instruction"])
    policy = make("")
    maps = replayed(bag, tmp_path / "out", settings, policy)
    assert [one.instruction for one in maps] == [OWN] * 4 + [OTHER] * (len(maps) - 4)
    frames = BagSource(load_policy(policy, device="cpu"), [bag], settings.contract).frames(None)
    assert [frame.task for frame in frames][:6] == [OWN] * 4 + [OTHER] * 2
    # Its maps tell as well as its topic.
    named = replace(settings, policy=policy, method="joint_attention", node="/left/watcher")
    replay_bag(bag, tmp_path / "maps", replace(named, copy_topics=True))
    again = replayed(tmp_path / "maps", tmp_path / "again", settings, policy)
    assert [one.instruction for one in again] == [one.instruction for one in maps]


def test_of_two_other_nodes_none_is_heard(make, settings, tmp_path):
    nodes = ["/left/watcher", "/right/watcher"]
    topics = [f"{node}/instruction" for node in nodes]
    bag = told_bag(tmp_path / "told", (0, OTHER), topics=topics)
    asked = replace(settings, policy=make(), method="joint_attention")
    report = replay_bag(bag, tmp_path / "out", asked)
    assert {one.instruction for one in read(tmp_path / "out", ATTENTION)} == {OWN}
    said = "/left/watcher and /right/watcher both tell what a policy was told"
    assert any(said in note for note in report.notes)
    named = replay_bag(bag, tmp_path / "named", replace(asked, node=nodes[1]))
    assert not any(said in note for note in named.notes)
    assert {one.instruction for one in read(tmp_path / "named", f"{nodes[1]}/attention")} == {OTHER}


def test_other_words_fill_the_queue_anew(make, settings, tmp_path):
    bag = told_bag(tmp_path / "told", (0, OWN), (4, OTHER))
    maps = replayed(bag, tmp_path / "out", settings, make(), n_action_steps=6)
    assert [one.command_source_tick for one in maps][:6] == [0, 0, 0, 0, 4, 4]


def test_maps_tell_the_words_where_the_topic_was_not_recorded(make, settings, tmp_path):
    bag = told_bag(tmp_path / "told", (0, OWN), (4, OTHER))
    policy = make("")
    first = replayed(bag, tmp_path / "first", settings, policy)
    assert {one.instruction for one in first} == {OWN, OTHER}
    # A bag with the maps and without the topic.
    from pam_ros.bags import BagReader, BagWriter

    with BagReader(tmp_path / "first") as reader, BagWriter(tmp_path / "maps") as writer:
        kept = [name for name in reader.topics if name != INSTRUCTION]
        for name in kept:
            writer.add_topic(name, reader.topics[name].type)
        for message in reader.messages(kept):
            writer.write(message.topic, message.data, message.stamp_ns)
    again = replayed(tmp_path / "maps", tmp_path / "again", settings, policy)
    assert difference(again, first) < 1e-6
    by_stamps = replayed(tmp_path / "maps", tmp_path / "stamps", settings, policy, ignore_maps=True)
    assert [one.instruction for one in by_stamps] == [one.instruction for one in first]


def test_an_option_overrides_what_was_recorded(make, settings, tmp_path):
    bag = told_bag(tmp_path / "told", (0, OWN), (4, OTHER))
    maps = replayed(bag, tmp_path / "out", settings, make(), instruction="take it")
    assert {one.instruction for one in maps} == {"take it"}


def test_the_contract_tells_where_the_recording_does_not(make, settings, bag, tmp_path):
    contract = tmp_path / "told.yaml"
    given = Path(settings.contract).read_text(encoding="utf-8")
    contract.write_text(given + "instruction: by the contract\n")
    maps = replayed(bag, tmp_path / "out", settings, make(), contract=str(contract))
    assert {one.instruction for one in maps} == {"by the contract"}


def test_without_any_words_it_is_refused(make, settings, bag, tmp_path):
    with pytest.raises(PolicyError, match="given none: set --instruction or the recording's own"):
        replayed(bag, tmp_path / "out", settings, make(""))
    assert not (tmp_path / "out.unfinished").exists()


def test_a_policy_that_reads_no_words_is_replayed_with_a_warning(bag, settings, tmp_path, caplog):
    report = replay_bag(bag, tmp_path / "out", replace(settings, instruction="go"))
    assert report.valid == 11
    assert {one.instruction for one in read(tmp_path / "out", ATTENTION)} == {""}
    assert "reads no words: --instruction is not used" in caplog.text


def test_the_command_takes_the_option(make, settings, bag, tmp_path):
    given = ["--policy", make(""), "--contract", settings.contract, "--method", "joint_attention"]
    out = str(tmp_path / "out")
    assert main(["replay", str(bag), "--out", out, *given, "--instruction", OTHER]) == 0
    assert {one.instruction for one in read(tmp_path / "out", ATTENTION)} == {OTHER}


def test_overlays_have_the_strip_of_words_of_each_tick(make, settings, tmp_path):
    bag = told_bag(tmp_path / "told", (0, OWN), (4, OTHER))
    maps = replayed(bag, tmp_path / "out", settings, make(), overlays=True)
    strips = read(tmp_path / "out", "/act_attention/words/image")
    assert len(strips) == len(maps)
    assert strips[0].header.stamp == maps[0].cameras[0].header.stamp
    assert [bytes(one.data) for one in strips[:2]] != [bytes(one.data) for one in strips[4:6]]
    assert {(one.height, one.width, one.encoding) for one in strips} == {(36, 640, "rgb8")}


def test_a_replay_without_words_has_no_strip(bag, settings, tmp_path):
    replay_bag(bag, tmp_path / "out", replace(settings, overlays=True))
    from recorded_robot import counts

    assert "/act_attention/words/image" not in counts(tmp_path / "out")


def test_rerun_shows_the_strip_below_the_pictures(make, settings, tmp_path):
    pytest.importorskip("rerun")
    bag = told_bag(tmp_path / "told", (0, OWN), (4, OTHER))
    maps = replayed(bag, tmp_path / "out", settings, make())
    file = tmp_path / "out.rrd"
    arguments = ["--contract", settings.contract, "--save", str(file)]
    assert main(["view", str(tmp_path / "out"), *arguments]) == 0
    sys.path.insert(0, str(Path(__file__).parents[1] / "show" / "rerun"))
    from rrd_file import Rrd

    strips = Rrd(file).pictures("/words")
    assert len(strips) == len(maps)
    assert strips[0][1].shape == (36, 640, 3)
