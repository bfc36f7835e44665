# SPDX-License-Identifier: Apache-2.0
"""The policy that reads words on disk: LeRobot's own folder, with its language model's beside it.

LeRobot saves the path of the language model's folder, in two files. In the checkpoint they say
`vlm`, a folder of it, so that it can be moved: `load_policy` of pam_ros finds it there, LeRobot
does when its working directory is the checkpoint. Weights stay in float32, as both compute with
them.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from pam_ros.sim.errors import SimError
from pam_ros.sim.scene import CAMERA_NAMES, IMAGE_HEIGHT, IMAGE_WIDTH
from pam_ros.sim.training.checkpoint import MEAN_IMAGES_FILE
from pam_ros.sim.words.lerobot_api import (
    PolicyProcessorPipeline,
    PreTrainedConfig,
    SmolVLAConfig,
    SmolVLAPolicy,
    make_smolvla_pre_post_processors,
)

if TYPE_CHECKING:
    from pam_ros.sim.words.stats import Stats

VLM = "vlm"
_PREPROCESSOR = "policy_preprocessor.json"
_POSTPROCESSOR = "policy_postprocessor.json"


def save_checkpoint(policy: SmolVLAPolicy, stats: Stats, folder: Path) -> None:
    """Write config, weights, both processors, the language model's folder and the mean pictures."""
    vlm = Path(policy.config.vlm_model_name)
    policy.save_pretrained(folder)
    for processor in make_smolvla_pre_post_processors(policy.config, stats.for_lerobot()):
        processor.save_pretrained(folder)
    shutil.copytree(vlm, folder / VLM, dirs_exist_ok=True)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["vlm_model_name"] = VLM
    _write(folder / "config.json", config)
    steps = json.loads((folder / _PREPROCESSOR).read_text(encoding="utf-8"))
    for step in steps["steps"]:
        if "tokenizer_name" in step.get("config", {}):
            step["config"]["tokenizer_name"] = VLM
    _write(folder / _PREPROCESSOR, steps)
    large = [
        cv2.resize(image, (IMAGE_WIDTH, IMAGE_HEIGHT), interpolation=cv2.INTER_LINEAR)
        for image in stats.mean_images
    ]
    np.savez_compressed(folder / MEAN_IMAGES_FILE, **dict(zip(CAMERA_NAMES, large, strict=True)))


def load_checkpoint(folder: Path) -> tuple[SmolVLAPolicy, Any, Any]:
    """LeRobot's policy, its pre-processor and its post-processor, from a folder as above.

    Raises SimError when the folder holds no such checkpoint.
    """
    if not (folder / VLM).is_dir() or not (folder / "config.json").is_file():
        raise SimError(
            f"{folder} holds no policy that reads words: it needs config.json and the folder {VLM}"
        )
    vlm = str((folder / VLM).resolve())
    config = PreTrainedConfig.from_pretrained(folder)
    if not isinstance(config, SmolVLAConfig):
        raise SimError(f"{folder} holds a policy of type '{config.type}', not smolvla")
    config.vlm_model_name, config.device = vlm, "cpu"
    policy = SmolVLAPolicy.from_pretrained(folder, config=config).eval()
    before = PolicyProcessorPipeline.from_pretrained(
        folder, _PREPROCESSOR, overrides={"tokenizer_processor": {"tokenizer_name": vlm}}
    )
    _, fresh = make_smolvla_pre_post_processors(config, None)
    after = PolicyProcessorPipeline.from_pretrained(
        folder,
        _POSTPROCESSOR,
        to_transition=fresh.to_transition,
        to_output=fresh.to_output,
    )
    return policy, before, after


def _write(file: Path, content: Any) -> None:
    file.write_text(json.dumps(content, indent=4) + "\n", encoding="utf-8")
