# SPDX-License-Identifier: Apache-2.0
"""The pam_ros language command: what it refuses, and small runs on bags, a data set and scenes."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path

import pytest
from recorded_robot import (
    CONTRACT,
    MESSAGES,
    MS,
    START_NS,
    TYPES,
    observed,
    save_checkpoint,
    write_bag,
)

from pam_ros import cli
from pam_ros.ablation.language.report import from_json

TOP, SIDE = "observation.images.top", "observation.images.side"
INSTRUCTION, STRING = "/act_attention/instruction", "std_msgs/msg/String"
OWN = "pick up the red cube"


@pytest.fixture
def contract(tmp_path) -> str:
    file = tmp_path / "contract.yaml"
    file.write_text(CONTRACT.format(trigger="trigger: top"))
    return str(file)


@pytest.fixture
def make(second_policy, tmp_path):
    def make(instruction=OWN, cameras=(TOP, SIDE), size=(64, 96), **more):
        folder = tmp_path / f"second{len(instruction)}"
        sizes = dict.fromkeys(cameras, size)
        return str(second_policy(folder, sizes, instruction=instruction, **more))

    return make


def told_bag(path, words, number):
    message = MESSAGES.new(STRING)
    message.data = words
    said = INSTRUCTION, 0, START_NS - MS, bytes(MESSAGES.encode(message, STRING))
    types = {**TYPES, INSTRUCTION: STRING}
    return str(write_bag(path, [said, *observed(8 + number)], types))


@pytest.fixture
def bags(tmp_path):
    words = ("reach the red cube", "reach the blue cube", "reach the red cube")
    return [told_bag(tmp_path / f"bag{n}", text, n) for n, text in enumerate(words)]


def language(policy, *more) -> int:
    return cli.main(["language", "--policy", str(policy), "--device", "cpu", *more])


def report_in(folder):
    return from_json((Path(folder) / "language.json").read_text(), "file")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--frames", "0"], "--frames 0 must be at least 1"),
        (["--episodes", "0"], "--episodes 0 must be at least 1"),
        (["--seed", "-3"], "--seed -3 must not be negative"),
        (["--instruction", " "], "--instruction cannot be said: it is empty"),
        (
            ["--other", "x" * 1001],
            "--other cannot be said: it has 1001 characters, and at most 1000",
        ),
        (["--absent", "\x07"], "--absent cannot be said: it holds the control character"),
        (["--policy", "/nowhere"], "there is no folder /nowhere"),
        (["--show", "/nowhere.json"], "No such file or directory: '/nowhere.json'"),
        (["--show", __file__], "test_language_main.py is no language report"),
    ],
)
def test_what_cannot_be_asked_gets_one_sentence(arguments, said, capsys):
    assert cli.main(["language", *arguments]) == 1
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error


def test_a_policy_that_reads_no_words_is_refused(contract, bags, tmp_path, capsys):
    save_checkpoint(tmp_path / "act")
    assert language(tmp_path / "act", "--contract", contract, "--bag", *bags) == 1
    error = capsys.readouterr().err
    assert "reads no words: pam_ros ablate says which inputs it uses" in error
    assert "Traceback" not in error


def test_a_recording_that_says_nothing_needs_the_option(make, contract, tmp_path, capsys):
    bag = str(write_bag(tmp_path / "silent", observed(5)))
    policy = make("")
    assert language(policy, "--contract", contract, "--bag", bag) == 1
    assert "does not say what the policy is told: name it with --ins" in capsys.readouterr().err
    more = ["--contract", contract, "--bag", bag, "--frames", "2", "--instruction", "reach it"]
    assert language(policy, *more) == 0
    assert "Not made: another instruction: there is only one" in capsys.readouterr().out


def test_bags_give_an_answer_tables_a_file_and_a_page(make, contract, bags, tmp_path, capsys):
    out = tmp_path / "out"
    more = ["--contract", contract, "--frames", "6", "--other", "wave", "--out", str(out)]
    assert language(make("", seed=3), *more, "--bag", *bags) == 0
    printed = capsys.readouterr().out
    report = report_in(out)
    first = printed.splitlines()[0]
    assert first == report.sentence
    assert first.startswith("Does it read its words?")
    assert any(letter.isdigit() for letter in first)
    assert report.instructions == {"reach the red cube": 4, "reach the blue cube": 2}
    assert [(joint.name, joint.unit) for joint in report.joints] == [
        ("pan", "rad"),
        ("lift", "rad"),
    ]
    assert (report.noise, report.floor) == ("common", "noise")
    rows = {row.kind: row for row in report.rows}
    assert set(rows["other"].texts) == {"wave", "reach the blue cube", "reach the red cube"}
    assert all(row.moments == 6 for kind, row in rows.items() if kind != "masked")
    assert rows["masked"].why_not.endswith("reads words: it was given none")
    assert {row.kind for row in report.references} == {"noise", "next"}
    assert len(report.words) == 8
    assert all(word.moments in {4, 2} and word.chunk.value > 0 for word in report.words)
    # The shares are the maps' own.
    assert report.attention == (
        "rollout, expert layer 1, mean of the heads, mean of the queries, step 2"
    )
    reds = [word for word in report.words if word.instruction == "reach the red cube"]
    assert all(0 < word.share.value < 1 for word in reds)
    # Four of 58 tokens, of which a random policy reads each about as much as any other.
    assert sum(word.share.value for word in reds) == pytest.approx(4 / 58, abs=0.05)
    page = (out / "language.html").read_text()
    assert "Word by word" in page and page.count("<svg") == 5 - 1 + 2 + 2 * 8
    files = sorted(file.name for file in out.iterdir() if not file.name.startswith("."))
    assert files == ["language.html", "language.json"]
    assert cli.main(["language", "--show", str(out), "--out", str(tmp_path / "again")]) == 0
    assert (tmp_path / "again" / "language.json").read_text() == report.to_json()
    assert capsys.readouterr().out.splitlines()[0] == first


def test_the_attention_can_be_chosen(make, contract, bags, tmp_path, capsys):
    out = tmp_path / "out"
    more = ["--contract", contract, "--frames", "2", "--out", str(out), "--bag", *bags]
    chosen = ["--method", "joint_attention", "--layer", "0", "--head", "1", "--query", "2:4"]
    policy = make()
    assert language(policy, *more, *chosen, "--step", "1") == 0
    said = "joint_attention, expert layer 0, head 1, mean of the queries 2:4, step 1"
    assert report_in(out).attention == said
    assert language(policy, *more, *chosen, "--step", "7") == 1
    assert "'--step' has '7': use \"last\", \"mean\"" in capsys.readouterr().err
    assert language(policy, *more, "--method", "cross_attention") == 1
    assert (
        "'--method' is 'cross_attention': this policy has no cross-att" in capsys.readouterr().err
    )


@pytest.mark.skipif(importlib.util.find_spec("datasets") is None, reason="needs lerobot[dataset]")
def test_a_data_set_says_its_tasks(make, tmp_path):
    from test_dataset import TASKS, write_dataset

    out = tmp_path / "out"
    data = str(write_dataset(tmp_path / "reaches"))
    assert language(make(""), "--dataset", data, "--frames", "3", "--out", str(out)) == 0
    report = report_in(out)
    assert set(report.instructions) == set(TASKS)
    assert {row.kind for row in report.rows if row.moments} >= {"other", "absent", "nonsense"}


def test_the_simulator_is_looked_at_while_the_policy_drives(make, tmp_path):
    cameras = (TOP, "observation.images.wrist")
    policy = make(OWN, cameras, (240, 320), joints=6)
    out = tmp_path / "out"
    more = ["--sim", "--episodes", "1", "--frames", "2", "--out", str(out)]
    assert language(policy, *more, "--other", "reach the green cylinder") == 0
    report = report_in(out)
    assert report.instructions == {OWN: 2}
    assert report.source == "demo arm driven by the policy, scenes 1000 to 1000"
    assert all(joint.unit == "rad" for joint in report.joints)
    assert not math.isnan(report.rows[0].chunk.value)
