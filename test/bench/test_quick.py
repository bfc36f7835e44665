# SPDX-License-Identifier: Apache-2.0
"""The command, from end to end, on a tiny policy."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.results import read_all

ROOT = Path(__file__).parents[2]


def bench(*arguments):
    environment = {**os.environ, "GOMP_SPINCOUNT": "0", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "bench", "--threads", "1", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment
    )


@pytest.mark.slow
def test_the_quick_mode_measures_something_of_every_group_and_writes_the_page(tmp_path):
    page = tmp_path / "page.md"
    done = bench("--quick", "--results", tmp_path / "results", "--page", page)
    assert done.returncode == 0, done.stderr
    results = read_all(tmp_path / "results")
    groups = {result.group for result in results.values()}
    assert groups == {
        "tick", "forward", "images", "options", "contribution", "cameras", "capture", "drawing",
        "memory", "node",
    }  # fmt: skip
    text = page.read_text()
    for result in results.values():
        assert result.threads == 1
        for row in result.rows:
            assert row.label in text
            assert row.samples or row.missing, row.key
            if not row.key.startswith("library"):
                assert all(value > 0 for value in row.samples)
                # Of this computer: AVX2 alone has no bfloat16.
                assert row.samples or "this computer has no bfloat16" in row.missing, row.missing
    node = results["node-tiny"]
    # The map explains a pass that came after the image, the picture comes after the map's pass.
    assert node.row("plan_forward").median < node.row("plan_command").median
    assert node.row("plan_forward").median < node.row("plan_overlay").median


def test_an_unknown_slice_is_refused_with_those_there_are():
    done = bench("--slice", "tick-huge")
    assert done.returncode == 2
    assert "no slice tick-huge" in done.stderr
    assert "tick-default" in done.stderr
