# SPDX-License-Identifier: Apache-2.0
"""Rows of the fault table and a short soak, with the real processes. `make faults` runs all."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Up to three nodes one after the other, each of which loads torch and a policy.
pytestmark = pytest.mark.timeout(1200)


def run(module, *arguments, timeout=1100):
    """A program that ends what it has started, also if it is ended itself."""
    with subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            stdout, stderr = process.communicate(timeout=timeout)
        except BaseException:
            process.terminate()
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def test_a_node_keeps_the_arm_safe_through_faults_of_each_kind(tmp_path):
    rows = ["wrong encoding", "unknown joint", "NaN actions", "with Python's lock"]
    done = run("faults", "--json", str(tmp_path / "out.json"), "--only", *rows)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    outcomes = json.loads((tmp_path / "out.json").read_text())["rows"]
    assert len(outcomes) == 4
    assert all(outcome["commands"] > 5 for outcome in outcomes)


def test_a_robot_of_two_parts_is_held_as_one_and_each_part_in_its_way(tmp_path):
    rows = ["one arm's driver dies", "sends no numbers", "policy hangs, velocity", "stops, twist"]
    done = run("faults", "--json", str(tmp_path / "out.json"), "--only", *rows)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert len(json.loads((tmp_path / "out.json").read_text())["rows"]) == 4


def test_a_soak_of_twenty_seconds_has_a_cause_for_every_missed_tick(tmp_path):
    done = run("faults.soak", "--minutes", "0.33", "--json", str(tmp_path / "out.json"))
    # So short, memory and latency say nothing yet: the status is not asked.
    assert (tmp_path / "out.json").is_file(), done.stderr[-2000:]
    figures = json.loads(done.stdout)
    assert figures["ticks"] > 20
    assert figures["missed_without_a_cause"] == 0
    assert set(figures["processes"]) == {"act_attention", "demo_robot", "recorder"}
