# SPDX-License-Identifier: Apache-2.0
"""What a recording is of, and what its maps show from which tick on."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from synthetic_bags import SECOND, START_NS, string_cdr
from synthetic_recording import TICKS, write_recording

from pam_ros.bags import BagReader, BagWriter
from pam_ros.show.report.heading import heading, robot_name, title
from pam_ros.show.report.looks import looks
from pam_ros.show.report.recording import read_recording

URDF = (
    '<?xml version="1.0"?>\n<!-- <robot-like> -->\n<robot\n  xmlns:x="y" name = "so101">\n</robot>'
)


def tick(**fields):
    told = {
        "valid": True, "method": "rollout", "layer": "all", "head": "mean", "query": "mean",
        "target": "", "unit": "", "baseline": "", "instruction": "", "method_asked": "rollout",
        "method_reason": "", "denoising_steps": 0, "denoising_step": -1,
        "policy_name": "act", "policy_sha256": "ab" * 32,
    }  # fmt: skip
    return SimpleNamespace(message=SimpleNamespace(**told | fields), cameras=("top",))


def recording_of(*ticks, start_ns=START_NS, description=""):
    return SimpleNamespace(ticks=ticks, start_ns=start_ns, description=description)


def test_a_robot_is_named_by_its_description_in_the_bag(tmp_path):
    write_recording(tmp_path / "run")
    with BagReader(tmp_path / "run") as reader, BagWriter(tmp_path / "told", "mcap") as writer:
        for topic in reader.topics.values():
            writer.add_topic(topic.name, topic.type)
        writer.add_topic("/robot_description", "std_msgs/msg/String")
        writer.write("/robot_description", string_cdr(URDF), START_NS)
        for message in reader.messages():
            writer.write(message.topic, message.data, message.stamp_ns)
    found = read_recording(tmp_path / "told")
    assert heading(found)["robot"] == "so101"
    assert heading(found, robot="mine")["robot"] == "mine"
    assert len(found.ticks) == TICKS
    assert read_recording(tmp_path / "run").description == ""


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (URDF, "so101"),
        ("<robot name='a b'/>", "a b"),
        ("<model name='x'/>", ""),
        ("", ""),
        ("<robots name='x'/>", ""),
    ],
)
def test_only_a_urdf_names_a_robot(text, name):
    assert robot_name(text) == name


def test_the_task_is_what_the_policy_was_told():
    one = recording_of(tick(instruction="pick"), tick(instruction="pick"))
    assert heading(one)["task"] == "pick"
    assert heading(one, task="place")["task"] == "place"
    several = recording_of(tick(instruction="pick"), tick(instruction="place"), tick())
    assert heading(several)["task"] == "2 instructions"
    assert heading(recording_of(tick()))["task"] == ""


def test_a_clock_that_was_never_set_gives_no_date():
    assert heading(recording_of(tick(), start_ns=5 * SECOND))["date"] == ""
    assert heading(recording_of(tick()))["date"] == "2023-11-14 22:13 UTC"


def test_the_title_falls_back_to_the_bags_name():
    head = heading(recording_of(tick(), start_ns=0))
    assert title(head, "bag") == f"bag, act {'ab' * 6}"
    assert title({**head, "robot": "arm", "task": "pick"}, "bag") == f"arm: pick, act {'ab' * 6}"


def test_a_look_holds_until_another_one_and_over_ticks_without_a_map():
    attribution = {
        "method": "contribution", "layer": "", "head": "", "query": "", "target": "chunk",
        "unit": "action", "baseline": "mean", "method_asked": "auto", "method_reason": "fits",
    }  # fmt: skip
    ticks = [
        tick(valid=False), tick(), tick(), tick(head="3"), tick(valid=False, head=""),
        tick(head="3"), tick(**attribution), tick(),
    ]  # fmt: skip
    found = looks(ticks)
    assert found["since"] == [(1, 0), (3, 1), (6, 2), (7, 0)]
    assert found["all"][0] == {
        "method": "rollout", "layer": "all", "head": "mean", "query": "mean",
        "method_asked": "rollout",
    }  # fmt: skip
    assert found["all"][1]["head"] == "3"
    assert found["all"][2] == {name: text for name, text in attribution.items() if text}


@pytest.mark.parametrize(("step", "said"), [(4, "4 of 10"), (-2, "mean of 10"), (-1, None)])
def test_a_denoising_step_is_said_where_there_is_one(step, said):
    (look,) = looks([tick(denoising_steps=10, denoising_step=step)])["all"]
    assert look.get("denoising") == said
