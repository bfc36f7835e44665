# SPDX-License-Identifier: Apache-2.0
"""A node that is started again in place of one that died does not move the robot by itself."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pam_ros.nodes.kit.respawn import RunMark

ONCE = """
import sys
from pam_ros.nodes.kit.respawn import RunMark
mark = RunMark("/arm/act_attention")
print(mark.begin())
if sys.argv[1] == "orderly":
    mark.end()
"""


@pytest.fixture
def run(monkeypatch, tmp_path):
    """One run of a node by this process; what its mark said at its start."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))

    def start(end) -> str:
        command = [sys.executable, "-c", ONCE, end]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    return start


def test_the_first_run_and_one_after_an_orderly_end_may_enable(run):
    assert run("orderly") == ""
    assert run("orderly") == ""


def test_a_run_after_one_that_died_may_not(run):
    assert run("dies") == ""
    assert run("orderly") == "the process before did not end in order"
    assert run("orderly") == ""


def test_nor_where_another_shell_starts_it(run):
    """As a service manager does that calls `ros2 run`."""
    assert run("dies") == ""
    shell = f"{sys.executable} -c '{ONCE}' orderly; true"
    done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "the process before did not end in order"


def test_a_mark_that_a_full_disk_left_empty_counts(run, tmp_path):
    assert run("dies") == ""
    (mark,) = tmp_path.rglob("*.running")
    mark.write_text("")
    assert run("orderly") == "the process before did not end in order"


def test_nodes_of_other_names_and_domains_are_not_mistaken(run, monkeypatch):
    assert run("dies") == ""
    monkeypatch.setenv("ROS_DOMAIN_ID", "9")
    assert run("orderly") == ""


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_where_no_mark_can_be_left_nothing_is_enabled(monkeypatch, tmp_path):
    tmp_path.chmod(0o500)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert "cannot be written" in RunMark("/a").begin()


def test_a_mark_whose_folder_is_a_file_enables_nothing(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "file"))
    assert RunMark("/a").begin() != ""
