# SPDX-License-Identifier: Apache-2.0
"""The demo policy in the simulator and on a LeRobot dataset: whole runs, small ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from pam_ros import cli
from pam_ros.ablation.report import from_json

DEMO = str(Path(__file__).parents[2] / "models" / "demo_act")
COMMON = ["ablate", "--policy", DEMO, "--device", "cpu", "--inputs", "cameras"]


def report_in(folder):
    return from_json((folder / "ablation.json").read_text(), "file")


@pytest.mark.slow
def test_the_simulator_gives_frames_and_what_is_still_reached(tmp_path):
    more = ["--episodes", "2", "--frames", "2", "--replace", "first,other", "--out", str(tmp_path)]
    assert cli.main([*COMMON, *more]) == 0
    report = report_in(tmp_path)
    assert report.source == "demo arm driven by the policy, scenes 1000 to 1001"
    assert [joint.unit for joint in report.joints] == ["rad"] * 6
    assert report.intact is not None
    assert report.intact.successes == 2
    ran = {row.replacement: row.closed for row in report.rows}
    assert ran["other"].episodes == ran["first"].episodes == 2
    # With another scene's pictures it goes where that scene's cube is.
    assert ran["other"].successes == 0
    (answer,) = report.answers
    assert answer.sentence.endswith("it reaches 0 of 2 cubes instead of 2.")


@pytest.mark.slow
def test_a_dataset_gives_frames_in_its_own_units_unless_a_contract_names_them(tmp_path, capsys):
    from pam_ros.sim.scene import TRAINING_SEEDS
    from pam_ros.sim.training.dataset import record

    root, out = tmp_path / "recorded", tmp_path / "out"
    record(root, TRAINING_SEEDS[700:702], correction=True)
    more = ["--dataset", str(root), "--frames", "4", "--out", str(out)]
    assert cli.main([*COMMON, *more]) == 0
    report = report_in(out)
    assert len(report.moments) == 4
    assert {joint.unit for joint in report.joints} == {""}
    assert report.joints[0].name.startswith("shoulder_pan")
    assert report.intact is None
    assert "Note: joints are in the dataset's own units" in capsys.readouterr().out
    assert cli.main([*COMMON, *more, "--contract", "demo_arm"]) == 0
    assert {joint.unit for joint in report_in(out).joints} == {"rad"}
