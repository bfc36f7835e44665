# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from pam_ros import cli
from pam_ros.sim.errors import SimError
from pam_ros.sim.scene import TRAINING_SEEDS
from pam_ros.sim.training import recipe
from pam_ros.sim.training.checkpoint import load_mean_images
from pam_ros.sim.training.train import Phase


def test_training_records_trains_writes_a_checkpoint_and_resumes(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(recipe, "PHASES", (Phase(steps=2, width=96, batch=2, lr=1e-4, last_lr=0),))
    out, work = tmp_path / "policy", tmp_path / "work"
    arguments = ["--out", str(out), "--work", str(work), "--episodes", "1"]
    arguments += ["--width", "96", "--device", "cpu"]
    assert cli.main(["sim", "train", *arguments]) == 0

    first = TRAINING_SEEDS.start
    recorded = sorted((work / "episodes").iterdir())
    assert [path.name for path in recorded] == [
        f"corrections_{first + 1}_{first + 1}",
        f"reaches_{first}_{first}",
    ]
    assert {"config.json", "model.safetensors", "policy_preprocessor.json"} <= {
        file.name for file in out.iterdir()
    }
    assert set(load_mean_images(out)) == {"top", "wrist"}

    times = [path.stat().st_mtime_ns for path in recorded]
    with caplog.at_level("INFO"):
        assert cli.main(["sim", "train", *arguments]) == 0
    assert "resuming at step 2" in caplog.text
    assert [path.stat().st_mtime_ns for path in recorded] == times


@pytest.mark.parametrize("episodes", [0, 10**9])
def test_a_number_of_episodes_that_cannot_be_is_refused(tmp_path, episodes):
    with pytest.raises(SimError, match="--episodes must lie between"):
        recipe.train_demo(tmp_path, tmp_path, recipe.Recipe(episodes), "cpu", 0)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (recipe.Recipe(width=100), r"--width must be one of \[160, 320\], got 100"),
        (recipe.Recipe(locate_weight=-1.0), "--locate-weight must be 0 or more"),
        (recipe.Recipe(locate_weight=float("nan")), "--locate-weight must be 0 or more"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(tmp_path, given, sentence):
    with pytest.raises(SimError, match=sentence):
        recipe.train_demo(tmp_path, tmp_path, given, "cpu", 0)


def test_an_unknown_device_is_one_sentence_and_exit_status_one(tmp_path, capsys):
    assert cli.main(["sim", "train", "--work", str(tmp_path), "--device", "abacus"]) == 1
    assert "device 'abacus' is not usable here" in capsys.readouterr().err


def test_an_unknown_word_is_one_sentence_and_exit_status_one(capsys):
    assert cli.main(["sim", "dance"]) == 1
    assert capsys.readouterr().err == (
        "pam_ros sim: 'dance' is not one of evaluate, record, train\n"
    )


def test_recording_into_an_existing_folder_is_one_sentence(tmp_path, capsys):
    assert cli.main(["sim", "record", "--out", str(tmp_path), "--episodes", "1"]) == 1
    assert "exists already" in capsys.readouterr().err
