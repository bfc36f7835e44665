# SPDX-License-Identifier: Apache-2.0
"""Many recordings: found, shared out, and none of them stops the others."""

import importlib.util
from dataclasses import replace

import pytest
from recorded_robot import ATTENTION, counts, difference, observed, read, write_bag

from pam_ros.replay.errors import ReplayError
from pam_ros.replay.main import main
from pam_ros.replay.many import Task, find_bags, run_tasks


@pytest.fixture
def bags(tmp_path):
    """Two good recordings and, between them, one that is none."""
    folder = tmp_path / "bags"
    folder.mkdir()
    write_bag(folder / "a", observed(7))
    (folder / "b.mcap").write_bytes(b"\x89MCAP0\r\n")
    write_bag(folder / "c", observed(5))
    return folder


def test_bags_are_found_in_folders_and_by_patterns(bags):
    three = [bags / "a", bags / "b.mcap", bags / "c"]
    assert find_bags([str(bags)]) == (three, True)
    assert find_bags([str(bags / "[ac]")]) == ([bags / "a", bags / "c"], True)
    assert find_bags([str(bags / "a")]) == ([bags / "a"], False)
    assert find_bags([str(bags / "a"), str(bags)])[0] == three
    with pytest.raises(ReplayError, match="means no bag"):
        find_bags([str(bags / "x*")])


def outcomes(bags, out, settings, **how):
    tasks = [Task(bag, out / bag.name, settings) for bag in find_bags([str(bags)])[0]]
    return {task.bag.name: result for task, result in run_tasks(tasks, **how)}


def check(bags, tmp_path, settings, **how):
    alone = outcomes(bags, tmp_path / "alone", settings)
    shared = outcomes(bags, tmp_path / "shared", settings, **how)
    assert alone["a"].valid == shared["a"].valid == 7
    assert isinstance(alone["b.mcap"], str)
    assert isinstance(shared["b.mcap"], str)
    for name in ("a", "c"):
        one, other = tmp_path / "alone" / name, tmp_path / "shared" / name
        assert difference(read(one, ATTENTION), read(other, ATTENTION)) == 0
        assert counts(one) == counts(other)


@pytest.mark.slow
def test_two_workers_give_what_one_gives(bags, tmp_path, settings):
    check(bags, tmp_path, settings, workers=2)


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs ray")
def test_a_ray_cluster_gives_what_one_process_gives(bags, tmp_path, settings):
    check(bags, tmp_path, settings, workers=2, ray="local")


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="ray is installed")
def test_without_ray_the_package_is_named(bags, tmp_path, settings):
    with pytest.raises(ReplayError, match=r"pip install 'pam_ros\[cluster\]'"):
        outcomes(bags, tmp_path / "out", settings, ray="local")


def test_the_command_reports_the_failed_one_and_does_not_do_the_others_again(
    bags, tmp_path, settings, capsys
):
    command = [
        str(bags), "--out", str(tmp_path / "out"), "--policy", settings.policy,
        "--contract", settings.contract, "--threads", "1",
    ]  # fmt: skip
    assert main(command) == 1
    said = capsys.readouterr()
    assert "a: 7 ticks, 7 with a map" in said.out
    assert "c: 5 ticks, 5 with a map" in said.out
    assert "b.mcap: " in said.err
    assert "1 of 3 recordings failed" in said.err
    assert main(command) == 1
    assert capsys.readouterr().out.count("it was finished before") == 2


def test_a_finished_replay_with_other_settings_is_not_taken_for_this_one(bags, tmp_path, settings):
    out = tmp_path / "out"
    ((_, first),) = run_tasks([Task(bags / "a", out, settings, skip_finished=True)])
    assert first.ran == 7
    other = replace(settings, overlays=True)
    ((_, second),) = run_tasks([Task(bags / "a", out, other, skip_finished=True)])
    assert "other settings" in second


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--topic", "/a"], "write CONTRACT_TOPIC=BAG_TOPIC"),
        (["--batch", "0"], "--batch must be 1 or more"),
        (["--topic", "/nothing=/b"], "the contract has no such topic"),
        (["--head", "9"], 'use "mean", a number from 0 to 3'),
    ],
)
def test_wrong_options_are_refused_with_what_would_be_right(
    bags, tmp_path, settings, capsys, options, sentence
):
    command = [
        str(bags / "a"), "--out", str(tmp_path / "out"), "--policy", settings.policy,
        "--contract", settings.contract, *options,
    ]  # fmt: skip
    assert main(command) == 1
    assert sentence in capsys.readouterr().err
