# SPDX-License-Identifier: Apache-2.0
"""Many recordings: found, shared out, and none of them stops the others."""

import importlib.util
import shutil
import sys
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from recorded_robot import ATTENTION, counts, difference, observed, read, write_bag

from pam_ros import cli
from pam_ros.replay.errors import ReplayError
from pam_ros.replay.many import Task, find_bags, run_tasks
from pam_ros.replay.on_ray import run_on_ray


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


def same(alone, shared, tmp_path):
    assert alone["a"].valid == shared["a"].valid == 7
    assert isinstance(alone["b.mcap"], str)
    assert isinstance(shared["b.mcap"], str)
    for name in ("a", "c"):
        one, other = tmp_path / "alone" / name, tmp_path / "shared" / name
        assert difference(read(one, ATTENTION), read(other, ATTENTION)) == 0
        assert counts(one) == counts(other)


@pytest.mark.slow
def test_two_workers_give_what_one_gives(bags, tmp_path, settings):
    alone = outcomes(bags, tmp_path / "alone", settings)
    same(alone, outcomes(bags, tmp_path / "shared", settings, workers=2), tmp_path)


@pytest.fixture
def own_ray(monkeypatch, tmp_path):
    """Ray with files of its own; yields their folder."""
    if importlib.util.find_spec("ray") is None:
        raise ModuleNotFoundError("ray is not installed", name="ray")
    # Ray makes a token in the home folder, and sockets whose paths must be short.
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
    monkeypatch.setenv("RAY_TMPDIR", str(folder))
    for name in ("RAY_ADDRESS", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "RAY_USAGE_STATS_ENABLED"):
        monkeypatch.delenv(name, raising=False)
    yield folder
    sys.modules["ray"].shutdown()
    shutil.rmtree(folder, ignore_errors=True)


def processes_of(folder):
    """The command lines that name this folder."""
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it ended meanwhile
            lines.append(file.read_text(errors="replace"))
    return [line for line in lines if str(folder) in line]


@pytest.mark.slow
def test_a_ray_cluster_gives_what_one_process_gives_and_ends_with_it(
    bags, tmp_path, settings, own_ray
):
    """With two processors, little memory, reached from this machine alone."""
    alone = outcomes(bags, tmp_path / "alone", settings)
    tasks = [
        Task(bag, tmp_path / "shared" / bag.name, settings) for bag in find_bags([str(bags)])[0]
    ]
    running = run_tasks(tasks, workers=2, ray="local")
    first = next(running)
    (node,), resources = sys.modules["ray"].nodes(), sys.modules["ray"].cluster_resources()
    assert node["NodeManagerAddress"] == "127.0.0.1"
    assert resources["CPU"] == 2
    assert resources["object_store_memory"] <= 128 << 20
    assert processes_of(own_ray)
    shared = {task.bag.name: result for task, result in (first, *running)}
    assert not sys.modules["ray"].is_initialized()
    assert not processes_of(own_ray)
    same(alone, shared, tmp_path)


class FakeRay(SimpleNamespace):
    """Runs a task when its result is asked for; the second one's worker dies."""

    def __init__(self):
        super().__init__(options=None, shut=0)

    def init(self, **options):
        self.options = options

    def remote(self, run):
        places = iter(range(1 << 30))
        return SimpleNamespace(remote=lambda task: (next(places), run, task))

    def wait(self, waiting, num_returns):
        return waiting[-num_returns:], waiting[:-num_returns]

    def get(self, one):
        place, run, task = one
        if place == 1:
            raise RuntimeError("the worker died")
        return run(task)

    def shutdown(self):
        self.shut += 1


@pytest.fixture
def fake_ray(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", fake := FakeRay())
    return fake


def test_a_worker_that_died_is_one_failed_task(fake_ray):
    found = list(run_on_ray([3, 4, 5], lambda task: 10 * task, 2, "10.0.0.1:6379"))
    assert found == [(2, 50), (1, "the worker died"), (0, 30)]
    assert fake_ray.shut == 1


def test_a_cluster_of_others_keeps_its_own_resources(fake_ray):
    list(run_on_ray([3], lambda task: task, 2, "10.0.0.1:6379"))
    assert fake_ray.options.pop("address") == "10.0.0.1:6379"
    assert set(fake_ray.options) == {"log_to_driver", "logging_level"}


def test_ray_is_left_where_nobody_asks_for_the_other_results(fake_ray):
    running = run_on_ray([3, 4], lambda task: task, 2, "10.0.0.1:6379")
    next(running)
    running.close()
    assert fake_ray.shut == 1


def test_without_ray_the_package_is_named(bags, tmp_path, settings, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ReplayError, match=r"pip install 'pam_ros\[cluster\]'"):
        outcomes(bags, tmp_path / "out", settings, ray="local")


def test_the_command_reports_the_failed_one_and_does_not_do_the_others_again(
    bags, tmp_path, settings, capsys
):
    command = [
        str(bags), "--out", str(tmp_path / "out"), "--policy", settings.policy,
        "--contract", settings.contract, "--threads", "1",
    ]  # fmt: skip
    assert cli.main(["replay", *command]) == 1
    said = capsys.readouterr()
    assert "a: 7 ticks, 7 with a map" in said.out
    assert "c: 5 ticks, 5 with a map" in said.out
    assert "b.mcap: " in said.err
    assert "1 of 3 recordings failed" in said.err
    assert cli.main(["replay", *command]) == 1
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
    assert cli.main(["replay", *command]) == 1
    assert sentence in capsys.readouterr().err
