# SPDX-License-Identifier: Apache-2.0
"""Means and standard deviations of what is drawn, for LeRobot's normalisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from pam_ros.sim.words.draws import Draws

_SMALLEST_STD = 1e-2
_NAMES = ("state_mean", "state_std", "action_mean", "action_std", "mean_images")


@dataclass(frozen=True)
class Stats:
    """Means and standard deviations (6,) float32, radians.

    mean_images: (C, HEIGHT, WIDTH, 3) uint8, the mean picture of each camera.
    """

    state_mean: NDArray[np.float32]
    state_std: NDArray[np.float32]
    action_mean: NDArray[np.float32]
    action_std: NDArray[np.float32]
    mean_images: NDArray[np.uint8]

    @classmethod
    def of(cls, draws: Draws, count: int = 1000) -> Stats:
        """Of this many observations."""
        batch = draws.batch(count, 3)
        actions = batch.plans.reshape(-1, batch.plans.shape[-1])
        return cls(
            state_mean=batch.state.mean(0),
            state_std=np.maximum(batch.state.std(0), _SMALLEST_STD),
            action_mean=actions.mean(0),
            action_std=np.maximum(actions.std(0), _SMALLEST_STD),
            mean_images=np.round(batch.images.mean(0)).astype(np.uint8),
        )

    def save(self, file: Path) -> None:
        """Write them, whole or not at all."""
        partial = file.with_suffix(".partial.npz")
        np.savez_compressed(partial, **{name: getattr(self, name) for name in _NAMES})
        partial.replace(file)

    @classmethod
    def load(cls, file: Path) -> Stats:
        """What `save` wrote."""
        with np.load(file) as stored:
            return cls(**{name: stored[name] for name in _NAMES})

    def for_lerobot(self) -> dict[str, dict[str, torch.Tensor]]:
        """As make_smolvla_pre_post_processors takes them."""
        return {
            feature: {
                kind: torch.from_numpy(getattr(self, f"{name}_{kind}")) for kind in ("mean", "std")
            }
            for feature, name in (("observation.state", "state"), ("action", "action"))
        }
