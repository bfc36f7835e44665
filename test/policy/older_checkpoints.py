# SPDX-License-Identifier: Apache-2.0
"""Checkpoints as lerobot wrote them before 0.4, made of a policy of today."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import safetensors.torch

if TYPE_CHECKING:
    from pathlib import Path

    import torch

_MODES = {"MEAN_STD": "mean_std", "MIN_MAX": "min_max"}
_STATISTICS = {"MEAN_STD": ("mean", "std"), "MIN_MAX": ("min", "max"), "IDENTITY": ()}


def buffers_of(reference: Any) -> dict[str, torch.Tensor]:
    """The statistics of a conftest.Reference by the names that they had among the weights."""
    config = reference.policy.config
    (normaliser,) = (s for s in reference.preprocessor.steps if hasattr(s, "norm_map"))
    known = normaliser.state_dict()
    buffers = {}
    for modules, features in (
        (("normalize_inputs",), config.input_features),
        (("normalize_targets", "unnormalize_outputs"), config.output_features),
    ):
        for feature, description in features.items():
            mode = config.normalization_mapping.get(description.type.value, "IDENTITY")
            for statistic in _STATISTICS[getattr(mode, "value", mode)]:
                for module in modules:
                    key = f"{module}.buffer_{feature.replace('.', '_')}.{statistic}"
                    buffers[key] = known[f"{feature}.{statistic}"].clone()
    return buffers


def write_older(reference: Any, folder: Path) -> Path:
    """As lerobot 0.2 and 0.3 did: features with types, no processors."""
    folder.mkdir(parents=True)
    reference.policy.save_pretrained(folder)
    path = folder / "model.safetensors"
    weights = safetensors.torch.load_file(path)
    safetensors.torch.save_file({**weights, **buffers_of(reference)}, path)
    return folder


def write_of_2024(reference: Any, folder: Path, **fields: object) -> Path:
    """As lerobot before 0.2 did: shapes and modes by feature, and no policy type."""
    write_older(reference, folder)
    path = folder / "config.json"
    config = json.loads(path.read_text())
    mapping = config.pop("normalization_mapping")
    for side in ("input", "output"):
        features = config.pop(f"{side}_features")
        config[f"{side}_shapes"] = {name: f["shape"] for name, f in features.items()}
        config[f"{side}_normalization_modes"] = {
            name: _MODES[mapping[f["type"]]]
            for name, f in features.items()
            if mapping.get(f["type"], "IDENTITY") != "IDENTITY"
        }
    # What lerobot has now and had not then.
    for field in ("type", "device", "use_amp", "repo_id", "private", "tags", "license", "use_peft"):
        config.pop(field, None)
    path.write_text(json.dumps({**config, **fields}))
    return folder
