# SPDX-License-Identifier: Apache-2.0
"""Rows of the fault table on a real ROS 2. `python test/faults --runtime rclpy` runs them all."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from real_ros2 import without_ros

pytestmark = [pytest.mark.ros2, pytest.mark.slow, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
ROWS = ("unknown joint", "one arm's driver dies", "policy hangs, two arms")


def test_the_node_keeps_the_arm_safe_on_ros2_too(runnable, built, tmp_path):
    rmw = runnable.environment["RMW_IMPLEMENTATION"]
    out = tmp_path / "out.json"
    done = subprocess.run(
        [
            sys.executable, "test/faults", "--runtime", "rclpy", "--rmw", rmw,
            "--setup", str(built / "install" / "setup.bash"),
            "--json", str(out), "--only", *ROWS,
        ],
        cwd=ROOT, env=without_ros(), capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert "embedded" not in done.stdout + done.stderr
    (run,) = json.loads(out.read_text())["runs"]
    assert run["rmw"] == rmw
    assert [row["name"] for row in run["rows"]] == list(ROWS)
    assert all(row["passed"] and row["commands"] > 5 for row in run["rows"])
