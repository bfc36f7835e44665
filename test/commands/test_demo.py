# SPDX-License-Identifier: Apache-2.0
"""What `pam_ros demo` says before it starts anything."""

import os
import re
from types import SimpleNamespace

import pytest

from pam_ros.commands import demo
from pam_ros.nodes.demo.monitor import Progress


@pytest.fixture
def nothing_starts(monkeypatch):
    """The demo without nodes; the shell's own choices are wide."""
    monkeypatch.setattr(demo, "Stop", lambda: None)
    monkeypatch.setattr(demo, "_record", lambda *_: False)
    for name in ("ROS_LOCALHOST_ONLY", "ROS_STATIC_PEERS"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("ROS_DOMAIN_ID", "0")
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "SUBNET")


def test_it_prints_a_line_that_brings_a_ros2_shell_to_its_nodes(nothing_starts, tmp_path, capsys):
    assert demo.main(["--domain", "77", "--out", str(tmp_path)]) == 130
    (line,) = re.findall(r"^ *export (.*)$", capsys.readouterr().out, re.MULTILINE)
    said = dict(pair.split("=") for pair in line.split())
    assert said == {name: os.environ[name] for name in said}
    assert set(said) == {"ROS_DOMAIN_ID", "ROS_AUTOMATIC_DISCOVERY_RANGE"}
    assert said["ROS_DOMAIN_ID"] == "77"


def test_a_method_replaces_what_the_demos_file_shows():
    options = demo._parser().parse_args(["--method", "contribution"])
    assert demo._shown(options.method) == {
        "attention_method": "contribution",
        "attention_layer": -1,
        "attention_head": "mean",
    }
    assert demo._shown(demo._parser().parse_args([]).method) == {}
    with pytest.raises(SystemExit):
        demo._parser().parse_args(["--method", "guess"])


def test_the_recorder_waits_for_the_maps_of_all_ticks(monkeypatch):
    """After the robot's end: a report from before, one with its last tick, and then its map."""
    progress = Progress(ticks=38, reported_ticks=38, reports=20)
    coming = iter([{"reports": 21}, {"reports": 22, "reported_ticks": 40}, {"ticks": 39}])

    def sleep(_):
        vars(progress).update(next(coming, {"ticks": 40}))

    monkeypatch.setattr(demo, "time", SimpleNamespace(monotonic=lambda: 0.0, sleep=sleep))
    demo._await_maps(progress)
    assert (progress.ticks, progress.reports) == (40, 22)


def test_it_waits_not_for_ever(monkeypatch):
    now = iter(range(1000))
    passed = SimpleNamespace(monotonic=lambda: next(now), sleep=lambda _: None)
    monkeypatch.setattr(demo, "time", passed)
    demo._await_maps(Progress(ticks=38, reported_ticks=40, reports=20))
    assert next(now) <= demo.MAPS_SECONDS + 3


@pytest.mark.parametrize("ends_by", ["a map", "being stopped", "the time"])
def test_the_duration_counts_from_the_first_map(monkeypatch, ends_by):
    progress, stop, waited = Progress(), SimpleNamespace(asked=False), []
    checked = []

    def sleep(seconds):
        waited.append(seconds)
        if len(waited) == 7:
            progress.ticks = int(ends_by == "a map")
            stop.asked = ends_by == "being stopped"

    passed = SimpleNamespace(monotonic=lambda: 10.0 * len(waited), sleep=sleep)
    monkeypatch.setattr(demo, "time", passed)
    demo._await_first_map(progress, SimpleNamespace(check=lambda: checked.append(1)), stop)
    assert len(waited) == (demo.FIRST_MAP_SECONDS / 10 if ends_by == "the time" else 7)
    assert len(checked) == len(waited)  # a node that has ended is told at once
