# SPDX-License-Identifier: Apache-2.0
"""An export that is stopped goes on; a dataset is there wholly or not at all."""

import fcntl
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest
from recorded_arm import export, rows, smooth
from recorded_robot import MS, START_NS, write_bag

from pam_ros import cli
from pam_ros.export.errors import ExportError

ROOT = Path(__file__).parents[2]


def several(path, episodes=4, count=8):
    """A recording of so many episodes, with gaps between them."""
    messages = [
        message
        for episode in range(episodes)
        for message in smooth(count, START_NS + episode * 10_000 * MS)
    ]
    return write_bag(path, messages)


def files(folder):
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


IN_THE_THIRD = """
import sys, time
from pam_ros import cli
from pam_ros.export import one_bag

write, begun = one_bag.EpisodeWriter, []

def writer(*given, **options):
    begun.append(given)
    if len(begun) == 3:
        time.sleep(600)
    return write(*given, **options)

one_bag.EpisodeWriter = writer
sys.exit(cli.main(sys.argv[1:]))
"""
"""The command, which gets no further than two episodes."""


def command(bags, out, contract, *options):
    return [
        sys.executable, "-m", "pam_ros.cli", "export", "lerobot", *map(str, bags),
        "--contract", contract, "--task", "reach", "--out", str(out), *options,
    ]  # fmt: skip


def started(arguments, **options):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    return subprocess.Popen(
        arguments, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True, **options
    )


def wait_for(process, pattern, folder):
    while not list(folder.glob(pattern)):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.005)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_stopped_export_goes_on_where_it_was(tmp_path, contract, settings, how):
    bags = [several(tmp_path / "one"), several(tmp_path / "two", 2)]
    whole, out = tmp_path / "whole", tmp_path / "stopped"
    export(bags, whole, settings)
    work = tmp_path / "stopped.unfinished"
    python, _, _, *arguments = command(bags, out, contract)
    process = started([python, "-c", IN_THE_THIRD, *arguments])
    wait_for(process, "bags/one-*/episode-00001", work)
    process.send_signal(how)
    process.communicate(timeout=180)
    assert process.returncode == (-9 if how == signal.SIGKILL else 130)
    assert not out.exists()
    kept = {
        folder: folder.stat().st_ino for folder in work.glob("bags/*/episode-?????")
    }  # the same folders later: nothing was written again
    assert len(kept) == 2
    made, _ = export(bags, out, settings)
    assert made.new
    assert not work.exists()
    assert files(out) == files(whole)


def test_what_is_whole_is_not_written_again(tmp_path, settings, monkeypatch):
    from pam_ros.export import dataset, one_bag

    bag, out = several(tmp_path / "bag"), tmp_path / "dataset"

    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(dataset.Export, "_join", stop)
        with pytest.raises(KeyboardInterrupt):
            export([bag], out, settings)
    monkeypatch.setattr(one_bag, "EpisodeWriter", stop)
    _, told = export([bag], out, settings)
    assert told[bag].frames == 32
    assert len(rows(out)) == 32


def test_a_finished_one_says_so_and_does_nothing(bag, contract, tmp_path, capsys):
    arguments = command([bag], tmp_path / "dataset", contract)[3:]
    assert cli.main(arguments) == 0
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "dataset").rglob("*")}
    first = capsys.readouterr().out
    assert f"{bag}: 1 episode, 11 frames" in first
    assert "stamps, states and actions of all 11 frames are equal; PSNR of 22 pictures" in first
    assert cli.main(arguments) == 0
    assert "is there already: 1 episode, 11 frames, 10 a second" in capsys.readouterr().out
    after = {file: file.stat().st_mtime_ns for file in (tmp_path / "dataset").rglob("*")}
    assert before == after


def test_a_folder_of_something_else_is_left_alone(bag, settings, tmp_path):
    out = tmp_path / "mine"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    with pytest.raises(ExportError, match="exists already and is not an export"):
        export([bag], out, settings)
    assert (out / "thesis.txt").read_text() == "years of work"
    assert not (tmp_path / "mine.unfinished").exists()
    (tmp_path / "other.unfinished").mkdir()
    (tmp_path / "other.unfinished" / "thesis.txt").write_text("years of work")
    with pytest.raises(ExportError, match="is not an export's work"):
        export([bag], tmp_path / "other", settings)
    assert (tmp_path / "other.unfinished" / "thesis.txt").exists()


def test_an_empty_folder_is_taken(bag, settings, tmp_path):
    (tmp_path / "empty").mkdir()
    export([bag], tmp_path / "empty", settings)
    assert len(rows(tmp_path / "empty")) == 11


def test_other_settings_or_recordings_are_another_export(bag, settings, tmp_path, monkeypatch):
    out = tmp_path / "dataset"
    export([bag], out, settings)
    other = write_bag(tmp_path / "another", smooth(3))
    for bags, asked in (([bag], replace(settings, crf=20)), ([bag, other], settings)):
        with pytest.raises(ExportError, match="an export of other recordings, or with other"):
            export(bags, out, asked)
    shutil.rmtree(out)

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("pam_ros.export.dataset.Export._join", stop)
    with pytest.raises(KeyboardInterrupt):
        export([bag], out, settings)
    with pytest.raises(ExportError, match="was begun with another contract or other settings"):
        export([bag], out, replace(settings, crf=20))


def test_two_exports_do_not_write_one_dataset(bag, settings, tmp_path):
    work = tmp_path / "dataset.unfinished"
    work.mkdir()
    with (work / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(ExportError, match="another export is writing"):
            export([bag], tmp_path / "dataset", settings)


@pytest.mark.parametrize("options", [(), ("--images",)])
def test_a_disk_that_refuses_leaves_no_dataset(tmp_path, contract, settings, options):
    """No file may grow beyond some kilobytes: what a full disk does, at another place each time."""
    bag, out = several(tmp_path / "bag"), tmp_path / "dataset"
    allowed = 20_000 if options else 3_000

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (allowed, allowed))

    process = started(command([bag], out, contract, *options), preexec_fn=limit)
    _, errors = process.communicate(timeout=200)
    assert process.returncode == 1
    assert "Traceback" not in errors
    assert f"pam_ros export lerobot: {bag}: " in errors
    assert not out.exists()
    asked = replace(settings, images=bool(options))
    export([bag], out, asked)
    assert len(rows(out)) == 32


@pytest.fixture
def own_ray(monkeypatch, tmp_path):
    """Ray with files of its own."""
    # Ray makes a token in the home folder, and sockets whose paths must be short.
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    monkeypatch.setenv("RAY_TMPDIR", folder)
    for name in ("RAY_ADDRESS", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "RAY_USAGE_STATS_ENABLED"):
        monkeypatch.delenv(name, raising=False)
    yield
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
def test_workers_give_what_one_gives(tmp_path, settings):
    bags = [several(tmp_path / name, count) for name, count in (("a", 1), ("b", 2), ("c", 1))]
    made = [
        export(bags, tmp_path / f"by{workers}", settings, workers=workers)[0] for workers in (1, 3)
    ]
    assert made[0].summary == made[1].summary
    assert files(tmp_path / "by1") == files(tmp_path / "by3")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_so_do_workers_of_a_ray_cluster(tmp_path, settings, own_ray):
    bags = [several(tmp_path / name, 1) for name in ("a", "b")]
    export(bags, tmp_path / "serial", settings)
    export(bags, tmp_path / "cluster", settings, workers=2, ray="local")
    assert files(tmp_path / "serial") == files(tmp_path / "cluster")
