# SPDX-License-Identifier: Apache-2.0
"""The pam_ros faithfulness command: what it refuses, and one small run of the demo policy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pam_ros import cli
from pam_ros.faithfulness.report import from_json

DEMO = str(Path(__file__).parents[2] / "models" / "demo_act")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--episodes", "1"], "--episodes 1 must be at least 2"),
        (["--seed", "-3"], "--seed -3 must not be negative"),
        (["--jobs", "0"], "--jobs 0 must be at least 1"),
        (["--sanity", "9", "--episodes", "5"], "--sanity 9 must be from 0 to the 5 episodes"),
        (["--json", "/nowhere/out.json"], "/nowhere/out.json cannot be written"),
        (["--policy", "/nowhere"], "there is no folder /nowhere"),
        (["--methods", "rolout"], "'rolout' is no method"),
        (["--methods", "encoder_attention:4"], "layer 4 must be from 0 to 3"),
        (["--replace", "noise"], "'noise' replaces no cells"),
        (["--seed", "99999", "--episodes", "2"], "scene 100000 must be from 0 to 99999"),
        (["--show", "/nowhere.json"], "No such file or directory: '/nowhere.json'"),
        (["--show", __file__], "this is no faithfulness report"),
        (["--compare", "/nowhere.json"], "No such file or directory: '/nowhere.json'"),
        (["--dataset", "/nowhere"], "/nowhere holds no LeRobotDataset"),
    ],
)
def test_what_cannot_be_measured_gets_one_sentence(arguments, said, capsys):
    assert cli.main(["faithfulness", *arguments]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


@pytest.mark.slow
def test_a_small_run_prints_the_table_and_writes_what_it_printed(tmp_path, capsys):
    file, figure = tmp_path / "report.json", tmp_path / "curves.png"
    status = cli.main(
        [
            "faithfulness",
            *("--policy", DEMO, "--device", "cpu", "--episodes", "2", "--seed", "900"),
            *("--methods", "encoder_attention:0:6", "--replace", "blur", "--sanity", "2"),
            *("--json", str(file), "--figure", str(figure)),
        ]
    )
    assert status == 0
    printed = capsys.readouterr().out
    report = from_json(file.read_text())
    row = report.row("encoder_attention:0:6")
    assert f"{row.measures['score'].mean:.2f} [" in printed
    assert {
        "deletion_blur", "insertion_blur", "removed", "pointing", "heat_cube", "heat_distractor",
    } <= set(row.measures)  # fmt: skip
    assert set(report.facts) == {"cube_change", "distractor_change", "distractor_share"}
    assert row.cost > 0
    assert list(row.sanity) == ["action head", "decoder", "encoder", "all"]
    # Shuffling what comes after the encoder cannot change what the encoder reads.
    assert row.sanity["decoder"].mean == pytest.approx(1.0)
    assert abs(row.sanity["all"].mean) < 0.9
    assert report.episodes == (900, 901)
    assert {"random", "centre", "cube"} <= {
        r["method"] for r in json.loads(file.read_text())["rows"]
    }
    assert not Path(f"{file}.partial").exists()
    assert figure.stat().st_size > 1000
    assert cli.main(["faithfulness", "--show", str(file)]) == 0
    assert capsys.readouterr().out == printed


@pytest.mark.slow
def test_it_runs_on_a_lerobot_dataset_without_what_only_the_simulator_knows(tmp_path, capsys):
    from pam_ros.sim.scene import TRAINING_SEEDS
    from pam_ros.sim.training.dataset import record

    root, file = tmp_path / "recorded", tmp_path / "report.json"
    record(root, TRAINING_SEEDS[700:702], correction=True)
    arguments = ["--policy", DEMO, "--device", "cpu", "--dataset", str(root), "--replace", "blur"]
    arguments += ["--methods", "cross_attention", "--episodes", "2", "--seed", "0"]
    assert cli.main(["faithfulness", *arguments, "--json", str(file)]) == 0
    report = from_json(file.read_text())
    assert report.source == "recorded"
    assert capsys.readouterr().out.count("not measured") >= 5
    assert set(report.row("cross_attention:0").measures) == {
        "score", "deletion_blur", "insertion_blur",
    }  # fmt: skip
    assert cli.main(["faithfulness", *arguments, "--episodes", "3"]) == 1
    assert "has 2 episodes: 3 from number 0 on are too many" in capsys.readouterr().err
