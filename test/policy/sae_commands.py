# SPDX-License-Identifier: Apache-2.0
"""`pam_ros sae` from tokens to out-of-distribution on recordings of a small policy."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pam_ros.cli import main

if TYPE_CHECKING:
    from pathlib import Path

PARTS = ("training", "calibration", "normal")


def run(*words: object) -> None:
    assert main(["sae", *map(str, words)]) == 0


def results(
    policy: Path, data: dict[str, Path], out: Path, camera: str, layer: str
) -> dict[str, Any]:
    """collect, train, eval, describe and ood as they are typed; what eval and ood found.

    Args:
        policy: its folder.
        data: a LeRobot dataset for each of PARTS.
        out: the folder for all.
        camera: one of the policy's, to be broken.
        layer: whose tokens.
    """
    of = ("--policy", policy, "--device", "cpu", "--threads", 1)
    for part in PARTS:
        collect = ("collect", *of, "--dataset", data[part], "--layer", layer)
        run(*collect, "--out", out / part, "--observations")
    sae, training, normal = out / "sae", out / "training", out / "normal"
    size = ("--features", 32, "--k", 4, "--tokens", 20_000, "--batch", 64)
    run("train", "--data", training, "--out", sae, *size, "--device", "cpu", "--threads", 1)
    measured, scored = out / "eval.json", out / "ood.json"
    run("eval", *of, "--sae", sae, "--data", normal, "--action-frames", 6, "--json", measured)
    described = out / "described"
    run("describe", *of, "--sae", sae, "--data", training, "--out", described, "--actions")
    other = ("--data", training, "--calibration", out / "calibration")
    run("ood", "fit", "--sae", sae, *other, "--window", 2, "--rate", 0.3, "--threads", 1)
    black = out / "black"
    broken = ("--data", normal, "--kind", "black", "--cameras", camera)
    run("ood", "break", *of, *broken, "--out", black)
    both = ("--normal", normal, "--other", black)
    run("ood", "eval", "--sae", sae, *both, "--json", scored, "--threads", 1)
    features = json.loads((described / "features.json").read_text())
    return {
        "eval": json.loads(measured.read_text())["results"]["sae"],
        "ood": json.loads(scored.read_text())["results"],
        "features": features,
    }
