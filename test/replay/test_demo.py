# SPDX-License-Identifier: Apache-2.0
"""The demo's own recording, and the command on it."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from recorded_robot import ATTENTION, counts, difference, read

ROOT = Path(__file__).parents[2]
NEEDED = ("mujoco", "cyclonedds")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        any(importlib.util.find_spec(name) is None for name in NEEDED),
        reason=f"the demo needs {' and '.join(NEEDED)}",
    ),
    pytest.mark.skipif("AMENT_PREFIX_PATH" in os.environ, reason="runs on the embedded runtime"),
]


def pam_ros(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "pam_ros.cli", *map(str, arguments)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_replay_gives_the_demos_maps_again_and_misses_none(tmp_path):
    pam_ros("demo", "--duration", "5", "--out", tmp_path / "demo")
    live, out = tmp_path / "demo" / "bag", tmp_path / "out"
    policy = ROOT / "models" / "demo_act"
    said = pam_ros("replay", live, "--policy", policy, "--out", out, "--overlays")
    maps = read(live, ATTENTION)
    assert len(maps) > 20
    assert f"{len(maps)} ticks, {len(maps)} with a map" in said
    assert difference(maps, read(out, ATTENTION)) <= 1e-6
    before, after = counts(live), counts(out)
    assert after["/act_attention/predicted_command"] == len(maps)
    assert after["/act_attention/attention/wrist/image"] == len(maps)
    for topic in ("/top/image_raw", "/joint_states", "/joint_commands", "/demo_robot/result"):
        assert after[topic] == before[topic]
