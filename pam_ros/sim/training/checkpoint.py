# SPDX-License-Identifier: Apache-2.0
"""The demo policy on disk: LeRobot's own folder, with half-precision weights.

lerobot is imported where it is needed: reading the mean pictures does not need it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from safetensors.torch import load_file, save_file

from pam_ros.sim.errors import SimError
from pam_ros.sim.scene import CAMERA_NAMES, IMAGE_WIDTH

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from pam_ros.sim.training.lerobot_api import ACTPolicy
    from pam_ros.sim.training.stats import Stats

MEAN_IMAGES_FILE = "mean_images.npz"


def save_checkpoint(policy: ACTPolicy, stats: Stats, folder: Path) -> None:
    """Write config, float16 weights, both processors and the mean pictures into `folder`."""
    from pam_ros.sim.training.lerobot_api import make_pre_post_processors  # noqa: PLC0415

    policy.save_pretrained(folder)
    weights = folder / "model.safetensors"
    halved = {}
    for name, tensor in load_file(weights).items():
        half = tensor.half() if tensor.is_floating_point() else tensor
        if not torch.isfinite(half).all():
            raise SimError(f"{name} does not fit into half precision")
        halved[name] = half
    save_file(halved, weights, metadata={"format": "pt"})
    for processor in make_pre_post_processors(policy.config, dataset_stats=stats.for_lerobot()):
        processor.save_pretrained(folder)
    np.savez_compressed(
        folder / MEAN_IMAGES_FILE, **dict(zip(CAMERA_NAMES, stats.mean_images, strict=True))
    )


def load_mean_images(folder: Path) -> dict[str, NDArray[np.uint8]]:
    """The mean picture of each camera, (height, width, 3) uint8, for a blind evaluation.

    Raises SimError when the folder has none.
    """
    file = folder / MEAN_IMAGES_FILE
    if not file.is_file():
        raise SimError(
            f"{folder} has no {MEAN_IMAGES_FILE}: a blind evaluation needs the mean pictures "
            "that `pam_ros sim train` writes beside the checkpoint"
        )
    with np.load(file) as stored:
        return {camera: stored[camera] for camera in CAMERA_NAMES}


class PolicyActor:
    """Drives the scene with lerobot's own policy class, while it trains.

    width: pictures are scaled down to this many columns before the policy sees them.
    """

    def __init__(
        self, policy: ACTPolicy, preprocessor: Any, postprocessor: Any, width: int = IMAGE_WIDTH
    ) -> None:
        self._policy = policy
        self._preprocessor = preprocessor
        self._postprocessor = postprocessor
        self._width = width

    @classmethod
    def of(cls, policy: ACTPolicy, stats: Stats, width: int = IMAGE_WIDTH) -> PolicyActor:
        """From a policy in memory and the statistics that it was trained with."""
        from pam_ros.sim.training.lerobot_api import make_pre_post_processors  # noqa: PLC0415

        before, after = make_pre_post_processors(policy.config, dataset_stats=stats.for_lerobot())
        return cls(policy, before, after, width)

    def reset(self) -> None:
        """Start an episode."""
        self._policy.reset()

    def act(self, observation: Mapping[str, NDArray[Any]]) -> NDArray[np.floating[Any]]:
        """Joint targets (6,), radians."""
        batch: dict[str, torch.Tensor] = {}
        for name, value in observation.items():
            if value.ndim == 3:
                batch[name] = self._pixels(value)
            else:
                batch[name] = torch.from_numpy(np.asarray(value, dtype=np.float32))
        with torch.inference_mode():
            action = self._policy.select_action(self._preprocessor(batch))
        return np.asarray(self._postprocessor(action)[0].cpu().numpy())

    def _pixels(self, image: NDArray[Any]) -> torch.Tensor:
        height, width = image.shape[:2]
        if width != self._width:
            size = (self._width, round(height * self._width / width))
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        pixels = torch.from_numpy(np.ascontiguousarray(image))
        return pixels.permute(2, 0, 1).float() / 255.0
