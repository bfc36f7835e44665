# SPDX-License-Identifier: Apache-2.0
"""`pam_ros sae` on a small Diffusion Policy; test/faithfulness has the measures of its maps."""

from __future__ import annotations

import numpy as np
from sae_commands import PARTS, results

from pam_ros.cli import main

CAMERAS = {"observation.images.top": (64, 96), "observation.images.side": (64, 96)}


def test_sparse_features_go_from_tokens_to_broken_cameras(diffusion_policy, tmp_path):
    from tiny_diffusion import write_frames

    folder = diffusion_policy(tmp_path / "diffusion", CAMERAS, joints=2, actions=2)
    data = {
        part: write_frames(tmp_path / "data" / part, CAMERAS, seed=seed)
        for seed, part in enumerate(PARTS)
    }
    found = results(folder, data, tmp_path / "out", "observation.images.top", "encoder")
    # Of tokens of random pictures an SAE learns little; it is measured all the same.
    assert np.isfinite(found["eval"]["recovered_action"])
    assert len(found["features"]["features"]) == 32
    assert found["ood"][str(tmp_path / "out" / "black")]["detector"]["auroc"] > 0.8


def test_words_that_it_does_not_read_are_refused_in_one_sentence(
    diffusion_policy, tmp_path, capsys
):
    from tiny_diffusion import write_frames

    folder = diffusion_policy(tmp_path / "diffusion", CAMERAS, joints=2, actions=2)
    data = write_frames(tmp_path / "data", CAMERAS)
    of = ["--policy", str(folder), "--device", "cpu", "--dataset", str(data)]
    words = ["--instruction", "reach it", "--out", str(tmp_path / "store")]
    assert main(["sae", "collect", *of, *words]) == 1
    assert "reads no words: leave --instruction out" in capsys.readouterr().err
