# SPDX-License-Identifier: Apache-2.0
"""The pam_ros ablate command: what it refuses, and small runs on bags."""

from __future__ import annotations

from pathlib import Path

import pytest
from blind_checkpoints import blind_to_all, blind_to_one
from recorded_robot import CONTRACT, TYPES, observed, save_checkpoint, write_bag

from pam_ros import cli
from pam_ros.ablation.report import from_json
from pam_ros.ablation.rows import CHUNKS, TRAINING_ACTIONS
from pam_ros.share.folder_lock import lock_folder

SIDE = "observation.images.side"


@pytest.fixture
def contract(tmp_path) -> str:
    file = tmp_path / "contract.yaml"
    file.write_text(CONTRACT.format(trigger="trigger: top"))
    return str(file)


@pytest.fixture
def bags(tmp_path) -> list[str]:
    return [str(write_bag(tmp_path / f"bag{number}", observed(12 + number))) for number in range(3)]


@pytest.fixture
def checkpoint(tmp_path) -> Path:
    save_checkpoint(tmp_path / "checkpoint")
    return tmp_path / "checkpoint"


def ablate(policy, contract, bags, *more) -> int:
    common = ["--policy", str(policy), "--device", "cpu", "--contract", contract]
    return cli.main(["ablate", *common, "--bag", *bags, *more])


def report_in(folder):
    return from_json((Path(folder) / "ablation.json").read_text(), "file")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--frames", "0"], "--frames 0 must be at least 1"),
        (["--episodes", "1"], "--episodes 1 must be at least 2: another scene's inputs stand in"),
        (["--episodes", "0", "--bag", "x"], "--episodes 0 must be at least 1"),
        (["--seed", "-3"], "--seed -3 must not be negative"),
        (["--replace", "noise"], "--replace noise: it must be of other, mean, blur, first, empty"),
        (["--policy", "/nowhere"], "there is no folder /nowhere"),
        (["--inputs", "rist"], "reads top, wrist, cameras, state; did you mean wrist?"),
        (["--seed", "99999"], "scene 100018 must be from 0 to 99999"),
        (["--dataset", "/nowhere"], "/nowhere holds no LeRobotDataset"),
        (["--bag", "/nowhere"], "/nowhere"),
        (["--show", "/nowhere.json"], "No such file or directory: '/nowhere.json'"),
        (["--show", __file__], "test_main.py is no ablation report"),
    ],
)  # fmt: skip
def test_what_cannot_be_measured_gets_one_sentence(arguments, said, capsys):
    assert cli.main(["ablate", *arguments]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


def test_bags_give_a_table_a_file_and_a_page(checkpoint, contract, bags, tmp_path, capsys):
    out = tmp_path / "out"
    assert ablate(checkpoint, contract, bags, "--frames", "9", "--out", str(out)) == 0
    printed = capsys.readouterr().out
    report = report_in(out)
    assert len(report.moments) == 9
    assert [answer.input for answer in report.answers] == ["top", "side", "cameras", "state"]
    assert [(joint.name, joint.unit) for joint in report.joints] == [
        ("pan", "rad"),
        ("lift", "rad"),
    ]
    assert report.spreads_from == TRAINING_ACTIONS
    assert report.means_from[SIDE] == "frames read"
    assert report.means_from["observation.state"] == "training data"
    assert {row.replacement for row in report.rows} == {"other", "mean", "blur", "first"}
    assert all(answer.sentence in printed for answer in report.answers)
    page = (out / "ablation.html").read_text()
    # Four replacements of two cameras, and both as they were.
    assert page.count("data:image/jpeg;base64,") == 10
    assert sorted(file.name for file in out.iterdir() if not file.name.startswith(".")) == [
        "ablation.html", "ablation.json",
    ]  # fmt: skip
    assert cli.main(["ablate", "--show", str(out)]) == 0
    assert capsys.readouterr().out in printed


def test_a_camera_that_the_policy_ignores_has_a_row_of_zeros(contract, bags, tmp_path):
    policy = blind_to_one(tmp_path / "blind", SIDE)
    assert ablate(policy, contract, bags, "--frames", "6", "--out", str(tmp_path / "out")) == 0
    report = report_in(tmp_path / "out")
    for row in report.of_input("side"):
        assert all(joint.value == joint.high == 0 for joint in row.joints)
    assert all(
        row.chunk.value > 1e-3 for row in report.of_input("top") if row.replacement != "mean"
    )
    verdicts = {answer.input: answer.verdict for answer in report.answers}
    assert verdicts["side"] == "no"
    assert verdicts["top"] != "no"


def test_a_policy_that_ignores_all_pictures_uses_the_state_alone(contract, bags, tmp_path):
    policy = blind_to_all(tmp_path / "blind")
    assert ablate(policy, contract, bags, "--frames", "6", "--out", str(tmp_path / "out")) == 0
    report = report_in(tmp_path / "out")
    assert {
        row.chunk.high for name in ("top", "side", "cameras") for row in report.of_input(name)
    } == {0.0}
    (other,) = [row for row in report.of_input("state") if row.replacement == "other"]
    assert other.of_everything == pytest.approx(1.0, abs=1e-4)
    verdicts = {answer.input: answer.verdict for answer in report.answers}
    assert (verdicts["cameras"], verdicts["state"]) == ("no", "yes")


def test_an_interrupted_run_goes_on_and_gives_the_same(
    checkpoint, contract, bags, tmp_path, monkeypatch, capsys
):
    whole, out = tmp_path / "whole", tmp_path / "out"
    more = ["--frames", "6", "--inputs", "top,state"]
    assert ablate(checkpoint, contract, bags, *more, "--out", str(whole)) == 0
    from pam_ros.ablation import job

    measure, count = job.measure, iter(range(9))

    def interrupted(*arguments):
        if next(count) == 3:
            raise KeyboardInterrupt
        return measure(*arguments)

    monkeypatch.setattr(job, "measure", interrupted)
    assert ablate(checkpoint, contract, bags, *more, "--out", str(out)) == cli.STOPPED
    assert "with --out the same command goes on from here" in capsys.readouterr().err
    assert not (out / "ablation.json").exists()
    partial = out / "ablation.partial"
    # The power went while the fourth line was written.
    partial.write_text(partial.read_text() + '{"episode": 1, "fra')
    assert ablate(checkpoint, contract, bags, *more, "--out", str(out)) == 0
    assert next(count) == 7
    assert (out / "ablation.json").read_text() == (whole / "ablation.json").read_text()
    assert not partial.exists()


def test_a_folder_of_another_run_is_refused(checkpoint, contract, bags, tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    (out / "ablation.partial").write_text('{"policy": "another"}\n')
    assert ablate(checkpoint, contract, bags, "--out", str(out)) == 1
    assert "ablation.partial is of another run: remove it" in capsys.readouterr().err


def test_a_folder_that_another_run_writes_is_refused(checkpoint, contract, bags, tmp_path, capsys):
    out = tmp_path / "out"
    with lock_folder(out, ".ablation.lock", "", cli.PamRosError):
        assert ablate(checkpoint, contract, bags, "--out", str(out)) == 1
    assert f"another pam_ros ablate is writing {out}" in capsys.readouterr().err


def test_one_frame_alone_says_what_cannot_be_made(checkpoint, contract, tmp_path, capsys):
    bag = str(write_bag(tmp_path / "short", observed(1)))
    assert ablate(checkpoint, contract, [bag], "--out", str(tmp_path / "out")) == 0
    printed = capsys.readouterr().out
    assert "Not made: top, another frame's: there is only one frame." in printed
    assert "Not made: state, the episode's first, frozen: there is no frame after an" in printed
    assert "Note: one frame alone: there are no intervals, and nothing is concluded." in printed
    assert {answer.verdict for answer in report_in(tmp_path / "out").answers} <= {"unclear", "no"}


def test_one_bag_says_that_its_intervals_are_too_narrow(checkpoint, contract, bags, capsys):
    assert ablate(checkpoint, contract, bags[:1], "--frames", "4", "--inputs", "state") == 0
    assert "Note: one episode alone: intervals are over its frames" in capsys.readouterr().out


def test_a_replacement_that_was_named_and_cannot_be_is_told(checkpoint, contract, bags, capsys):
    more = ["--frames", "2", "--inputs", "state", "--replace", "blur,other"]
    assert ablate(checkpoint, contract, bags, *more) == 0
    printed = capsys.readouterr().out
    assert "Not made: state, blurred: there is no such thing for the joint state." in printed
    assert "Does the policy use the joint state?" in printed


def test_a_bag_without_a_tick_says_why(checkpoint, contract, tmp_path, capsys):
    messages = (one for one in observed(5) if one[0] != "/side/image_raw")
    bag = str(write_bag(tmp_path / "silent", messages, TYPES))
    assert ablate(checkpoint, contract, [bag]) == 1
    assert "no message came on /side/image_raw" in capsys.readouterr().err


def test_a_policy_of_another_class_is_asked_with_its_words_and_noise(
    second_policy, contract, bags, tmp_path, capsys
):
    cameras = {"observation.images.top": (64, 96), SIDE: (64, 96)}
    policy = second_policy(tmp_path / "second", cameras)
    assert ablate(policy, contract, bags, "--frames", "6", "--out", str(tmp_path / "out")) == 0
    report = report_in(tmp_path / "out")
    assert report.noise == "common"
    assert report.spreads_from == CHUNKS
    assert {row.replacement for row in report.references} == {"next", "noise", "everything"}
    words = {row.replacement: row.why_not for row in report.of_input("words")}
    assert words["other"] == "all frames have the same words"
    assert words["empty"].endswith("reads words: it was given none")
    assert all(row.moments for row in report.of_input("top"))
    (answer,) = [answer for answer in report.answers if answer.input == "words"]
    assert answer.verdict == "unknown"
    assert answer.sentence in capsys.readouterr().out


def test_a_policy_without_cameras_is_asked_for_what_it_reads(blind_policy):
    from pam_ros.ablation.inputs import inputs_of
    from pam_ros.policy import load_policy

    spec = load_policy(blind_policy[0], device="cpu").spec
    assert [one.name for one in inputs_of(spec)] == ["state", "environment_state"]
