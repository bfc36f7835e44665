# SPDX-License-Identifier: Apache-2.0
"""What `pam_ros demo` says before it starts anything."""

import os
import re

import pytest

from pam_ros.commands import demo


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
