# SPDX-License-Identifier: Apache-2.0
"""Means and standard deviations of the training data, for LeRobot's normalisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from pam_ros.sim.scene import CAMERA_NAMES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pam_ros.sim.training.samples import Episodes

_SMALLEST_STD = 1e-2


@dataclass(frozen=True)
class Stats:
    """state, action: (6,) radians. image: (cameras, 3), of pixels in [0, 1].

    mean_images: (cameras, height, width, 3) uint8, the mean picture of each camera.
    """

    state_mean: NDArray[np.float32]
    state_std: NDArray[np.float32]
    action_mean: NDArray[np.float32]
    action_std: NDArray[np.float32]
    image_mean: NDArray[np.float32]
    image_std: NDArray[np.float32]
    mean_images: NDArray[np.uint8]

    @classmethod
    def of(cls, episodes: Episodes, pictures: int = 2000) -> Stats:
        """The statistics of all states and actions, and of evenly spaced pictures."""
        chosen = np.unique(np.linspace(0, len(episodes) - 1, pictures).astype(int))
        total: NDArray[np.float64] | None = None
        square = np.zeros((len(CAMERA_NAMES), 3))
        for index in chosen:
            pixels = episodes.images(int(index)).astype(np.float64) / 255.0
            total = pixels if total is None else total + pixels
            square += (pixels**2).mean((1, 2))
        assert total is not None
        mean = total.mean((1, 2)) / len(chosen)
        return cls(
            state_mean=episodes.state.mean(0),
            state_std=np.maximum(episodes.state.std(0), _SMALLEST_STD),
            action_mean=episodes.action.mean(0),
            action_std=np.maximum(episodes.action.std(0), _SMALLEST_STD),
            image_mean=mean.astype(np.float32),
            image_std=np.sqrt(square / len(chosen) - mean**2).astype(np.float32),
            mean_images=np.round(255.0 * total / len(chosen)).astype(np.uint8),
        )

    def tensors(self) -> dict[str, torch.Tensor]:
        """All of them but the mean pictures, as float32 tensors by name."""
        return {
            name: torch.from_numpy(np.asarray(getattr(self, name), dtype=np.float32))
            for name in (
                "state_mean", "state_std", "action_mean", "action_std", "image_mean", "image_std"
            )
        }  # fmt: skip

    def for_lerobot(self) -> dict[str, dict[str, torch.Tensor]]:
        """As make_pre_post_processors takes them: pixels' statistics are (3, 1, 1)."""
        tensors = self.tensors()
        named = {
            f"observation.images.{camera}": {
                kind: tensors[f"image_{kind}"][index][:, None, None] for kind in ("mean", "std")
            }
            for index, camera in enumerate(CAMERA_NAMES)
        }
        for feature, name in (("observation.state", "state"), ("action", "action")):
            named[feature] = {kind: tensors[f"{name}_{kind}"] for kind in ("mean", "std")}
        return named
