# SPDX-License-Identifier: Apache-2.0
"""`pam_ros faithfulness` and `pam_ros ablate` on a small Diffusion Policy and a small dataset."""

from __future__ import annotations

import numpy as np
import pytest

from pam_ros.ablation.report import from_json as ablation_of
from pam_ros.cli import main
from pam_ros.faithfulness.methods import parse
from pam_ros.faithfulness.report import from_json
from pam_ros.faithfulness.subject import Subject
from pam_ros.policy import load_policy

CAMERAS = {"observation.images.top": (64, 96), "observation.images.side": (64, 96)}


@pytest.fixture
def arguments(diffusion_policy, tmp_path):
    from tiny_diffusion import write_frames

    folder = diffusion_policy(tmp_path / "diffusion", CAMERAS, joints=2, actions=2)
    data = write_frames(tmp_path / "data", CAMERAS)
    return ["--policy", str(folder), "--device", "cpu", "--dataset", str(data)]


def test_its_methods_are_keypoint_maps_and_no_attention(arguments):
    spec = load_policy(arguments[1], device="cpu").spec
    assert [one.name for one in parse("attention", spec)] == ["spatial_softmax:0"]
    assert [one.name for one in parse("heads", spec)] == [
        f"spatial_softmax:0:{keypoint}" for keypoint in range(6)
    ]


def test_its_maps_are_measured_at_one_noise(arguments, tmp_path, capsys):
    file = tmp_path / "report.json"
    methods = "spatial_softmax,grad_cam"
    more = ["--episodes", "2", "--methods", methods, "--quick"]
    assert main(["faithfulness", *arguments, *more, "--json", str(file)]) == 0
    out = capsys.readouterr().out
    assert "all drew the same" in out
    report = from_json(file.read_text())
    assert list(report.lacking) == ["grad_cam"]
    assert "no Grad-CAM" in report.lacking["grad_cam"]
    assert "score" in report.row("spatial_softmax:0").measures


def test_its_contributions_are_cells_that_can_be_measured(arguments, diffusion_policy):
    policy = load_policy(arguments[1], device="cpu")
    subject = Subject(policy, parse("contribution,input_gradients", policy.spec))
    rng = np.random.default_rng(0)
    observation = {name: rng.integers(0, 256, (*hw, 3), np.uint8) for name, hw in CAMERAS.items()}
    observation["observation.state"] = np.zeros(2, np.float32)
    values = subject.values(observation)
    assert {name: row.shape for name, row in values.items()} == {
        "contribution": (12,), "input_gradients": (12,),
    }  # fmt: skip
    for row in values.values():
        assert row.sum() == pytest.approx(1, abs=1e-5)


def test_ablation_asks_it_with_its_history_at_one_noise(arguments, tmp_path):
    more = ["--frames", "4", "--out", str(tmp_path / "out")]
    assert main(["ablate", *arguments, *more]) == 0
    report = ablation_of((tmp_path / "out" / "ablation.json").read_text(), "file")
    assert report.noise == "common"
    assert {row.replacement for row in report.references} == {"next", "noise", "everything"}
    for name in ("top", "side", "state"):
        rows = [row for row in report.of_input(name) if row.moments]
        assert max(row.chunk.value for row in rows) > 1e-3
