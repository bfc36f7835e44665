# SPDX-License-Identifier: Apache-2.0
"""`pam_ros contract init`: its output passes `contract check` on the demo arm, untouched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pam_ros import cli
from pam_ros.robot import load_contract

ROOT = Path(__file__).parents[2]
POLICY = str(ROOT / "models" / "demo_act")
BAG = str(ROOT / "test" / "data" / "demo_before_groups")


def init(*more):
    return cli.main(["contract", "init", "--policy", POLICY, *more])


def test_a_bag_of_the_demo_makes_a_contract_that_passes_untouched(tmp_path, capsys):
    out = tmp_path / "arm.yaml"
    assert init("--bag", BAG, "--out", str(out)) == 0
    assert "0 lines to fill in" in capsys.readouterr().out
    assert cli.main(["contract", "check", str(out), "--policy", POLICY]) == 0
    assert "it fits" in capsys.readouterr().out
    made = load_contract(out)
    known = load_contract(ROOT / "config" / "robots" / "demo_arm.yaml")
    assert made.robot == "arm"
    for part in ("state", "command"):
        ours, theirs = (getattr(each, part) for each in (made, known))
        assert [p.topic for p in ours.parts] == [p.topic for p in theirs.parts]
        assert [j.name for j in ours.joints] == [j.name for j in theirs.joints]
        assert [j.unit for j in ours.joints] == [j.unit for j in theirs.joints]
    named = {camera.feature: camera.topic for camera in made.cameras}
    assert named == {camera.feature: camera.topic for camera in known.cameras}


def test_a_file_that_is_there_is_kept_unless_forced(tmp_path, capsys):
    out = tmp_path / "arm.yaml"
    out.write_text("mine")
    assert init("--out", str(out)) == 1
    assert "--force" in capsys.readouterr().err
    assert out.read_text() == "mine"
    assert init("--out", str(out), "--force") == 0
    assert out.read_text().startswith("# Written by")


def test_without_a_robot_the_check_names_the_lines_to_fill_in(tmp_path, capsys):
    out = tmp_path / "arm.yaml"
    assert init("--out", str(out)) == 0
    said = capsys.readouterr().out
    assert cli.main(["contract", "check", str(out)]) == 1
    named = capsys.readouterr().err
    assert named.count("is still FILL_IN") == said.count("  fill in ") > 10


def test_the_training_data_tell_names_and_rate(tmp_path):
    meta = tmp_path / "data" / "meta"
    meta.mkdir(parents=True)
    arm = load_contract(ROOT / "config" / "robots" / "demo_arm.yaml")
    names = [f"{joint.name}.pos" for joint in arm.state.joints]
    features = {"observation.state": {"names": names}}
    (meta / "info.json").write_text(json.dumps({"fps": 10, "features": features}))
    out = tmp_path / "arm.yaml"
    assert init("--bag", BAG, "--dataset", str(tmp_path / "data"), "--out", str(out)) == 0
    assert load_contract(out).rate_hz == 10.0
    assert "by the names of the training data" in out.read_text()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--bag", "nowhere"], "nowhere"),
        (["--dataset", "nowhere"], "meta/info.json"),
        (["--out", "nowhere/arm.yaml"], "does not exist"),
    ],
)
def test_what_is_not_there_is_named(more, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert init(*more) == 1
    assert said in capsys.readouterr().err
    assert not [*tmp_path.glob("*.yaml")]


def test_a_bag_and_the_graph_are_not_both_taken(capsys):
    with pytest.raises(SystemExit) as caught:
        init("--bag", BAG, "--live")
    assert caught.value.code == 2
