# SPDX-License-Identifier: Apache-2.0
"""Many recordings: found, shared out, and none of them stops the others."""

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from recorded_robot import ATTENTION, counts, difference, observed, read, write_bag

from pam_ros import cli
from pam_ros.observations.errors import SourceError
from pam_ros.observations.find import find_recordings
from pam_ros.replay.errors import ReplayError
from pam_ros.replay.many import Task, run_tasks
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
    assert find_recordings([str(bags)]) == (three, True)
    assert find_recordings([str(bags / "[ac]")]) == ([bags / "a", bags / "c"], True)
    assert find_recordings([str(bags / "a")]) == ([bags / "a"], False)
    assert find_recordings([str(bags / "a"), str(bags)])[0] == three
    with pytest.raises(SourceError, match="means no bag"):
        find_recordings([str(bags / "x*")])


def outcomes(bags, out, settings, **how):
    tasks = [Task(bag, out / bag.name, settings) for bag in find_recordings([str(bags)])[0]]
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


ON_RAY = """
import json, sys
from pathlib import Path
sys.path[:] = json.loads(sys.argv[1])
from pam_ros.observations.find import find_recordings
from pam_ros.replay.many import Task, run_tasks
from pam_ros.replay.settings import ReplaySettings

bags, out, settings, folder = json.loads(sys.argv[2])

def processes():
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(file.read_text(errors="replace"))
        except OSError:  # it ended meanwhile
            pass
    return sum(f"{folder}/ray/session" in line for line in lines)

settings = ReplaySettings(**settings)
tasks = [Task(bag, Path(out) / bag.name, settings) for bag in find_recordings([bags])[0]]
running = run_tasks(tasks, workers=2, ray="local")
first = next(running)
ray = sys.modules["ray"]
told = {"nodes": ray.nodes(), "resources": ray.cluster_resources(), "during": processes()}
results = {
    task.bag.name: result if isinstance(result, str) else result.valid
    for task, result in (first, *running)
}
told |= {"results": results, "after": processes(), "initialised": ray.is_initialized()}
print(json.dumps(told))
"""


@pytest.fixture
def own_ray():
    """A short folder for Ray's files: sockets are among them."""
    if importlib.util.find_spec("ray") is None:
        raise ModuleNotFoundError("ray is not installed", name="ray")
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def on_ray(given, folder, home):
    """What ON_RAY prints; tried again where Ray's own server does not come up."""
    # Ray makes a token in the home folder.
    environment = {
        "HOME": str(home),
        "RAY_TMPDIR": str(folder),
        "RAY_gcs_server_port_wait_time_s": "60",
        "PATH": os.environ["PATH"],
    }
    said = ""
    for _ in range(3):
        process = subprocess.run(
            [sys.executable, "-c", ON_RAY, json.dumps(sys.path), json.dumps(given)],
            check=False, env=environment, capture_output=True, text=True, timeout=280,
            preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, ()),
        )  # fmt: skip
        if process.returncode == 0:
            return json.loads(process.stdout.splitlines()[-1])
        logs = [
            f"{file.name}: {file.read_text(errors='replace')[-2000:]}"
            for file in sorted(folder.rglob("gcs_server.*"))
        ]
        said += "\n".join([process.stderr, *logs, ""])
        if "imed out" not in process.stderr:
            break
    raise AssertionError(said)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_ray_cluster_gives_what_one_process_gives_and_ends_with_it(
    bags, tmp_path, settings, own_ray
):
    """With two processors, little memory, reached from this machine alone.

    In a process of its own: what this one has grown to, and set, must not become the cluster's.
    """
    alone = outcomes(bags, tmp_path / "alone", settings)
    given = [str(bags), str(tmp_path / "shared"), asdict(settings), str(own_ray)]
    told = on_ray(given, own_ray, tmp_path)
    (node,), resources = told["nodes"], told["resources"]
    assert node["NodeManagerAddress"] == "127.0.0.1"
    assert resources["CPU"] == 2
    assert resources["object_store_memory"] <= 128 << 20
    assert told["during"] > 0
    assert (told["after"], told["initialised"]) == (0, False)
    shared = {
        name: result if isinstance(result, str) else SimpleNamespace(valid=result)
        for name, result in told["results"].items()
    }
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
