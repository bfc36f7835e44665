# SPDX-License-Identifier: Apache-2.0
"""Checkpoints that ignore some of their inputs, provably."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from recorded_robot import save_checkpoint
from safetensors.torch import load_file, save_file

if TYPE_CHECKING:
    from pathlib import Path


def blind_to_all(folder: Path) -> Path:
    """The small ACT, with zeros for the weights by which pictures enter its encoder."""
    save_checkpoint(folder)
    file = folder / "model.safetensors"
    weights = load_file(file)
    for name in weights:
        if name.startswith("model.encoder_img_feat_input_proj."):
            weights[name] = torch.zeros_like(weights[name])
    save_file(weights, file, metadata={"format": "pt"})
    return folder


def blind_to_one(folder: Path, camera: str) -> Path:
    """The small ACT, whose normaliser makes zeros of one camera's pictures.

    ACT has one ResNet for all cameras, so that no weight is a single camera's.
    """
    save_checkpoint(folder)
    (file,) = folder.glob("policy_preprocessor_step_*_normalizer_processor.safetensors")
    statistics = load_file(file)
    assert f"{camera}.std" in statistics
    statistics[f"{camera}.std"] = torch.full_like(statistics[f"{camera}.std"], 1e30)
    save_file(statistics, file)
    return folder
