# SPDX-License-Identifier: Apache-2.0
"""What pictures are compared with, for contributions: see BASELINES, and their own running mean."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

import torch

from pam_ros.attention.attribution import CUSTOM_BASELINE, RUNNING_BASELINE, USUAL_BASELINE
from pam_ros.policy.act.path import blurred, zero_observation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from pam_ros.policy.interface import PolicySpec

ENOUGH = 10
"""From so many pictures of an episode on their mean is one."""


class RunningPictures:
    """The plain mean of an episode's normalised pictures so far. Of any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._episode = -1
        self._count = 0
        self._means: list[Tensor] = []

    def add(self, images: Sequence[Tensor], episode: int) -> tuple[list[Tensor], int]:
        """Take one picture (1, 3, H, W) of each camera; the means with it, and of how many."""
        with self._lock:
            if episode != self._episode or not self._count:
                self._episode, self._count = episode, 0
                self._means = [torch.zeros_like(image) for image in images]
            self._count += 1
            self._means = [
                torch.lerp(mean, image.detach(), 1.0 / self._count)
                for mean, image in zip(self._means, images, strict=True)
            ]
            return self._means, self._count


class Pictures(Protocol):
    """Normalised pictures (1, 3, H, W), one for each that is given."""

    @property
    def images(self) -> Sequence[Tensor]:
        """In the order of those that are given."""
        ...


class Preparing(Protocol):
    """Normalises observations."""

    def one(self, observation: Mapping[str, NDArray[np.generic]]) -> Pictures:
        """The pictures of an observation."""
        ...


class PictureBaselines:
    """Gives the baseline of one policy's pictures.

    Args:
        spec: the policy's.
        preparation: of its inputs.
    """

    def __init__(self, spec: PolicySpec, preparation: Preparing) -> None:
        self._spec = spec
        self._preparation = preparation
        self._running = RunningPictures()

    def of(
        self,
        baseline: str,
        images: Sequence[Tensor],
        episode: int,
        given: Mapping[str, NDArray[np.uint8]] | None = None,
    ) -> tuple[Sequence[Tensor], str, str]:
        """What these normalised pictures are compared with, its name, and why it is another.

        Args:
            baseline: one of CONTRIBUTION_BASELINES, or CUSTOM_BASELINE.
            images: (1, 3, H, W) of each camera.
            episode: their episode; the running mean begins anew with each.
            given: of CUSTOM_BASELINE, the pictures by feature.
        """
        reason = ""
        # Whatever is asked for now: a replay, or who asks for it later, has the episode's mean too.
        means, count = self._running.add(images, episode)
        if baseline == RUNNING_BASELINE:
            if count >= ENOUGH:
                return means, baseline, ""
            reason = (
                f"baseline '{baseline}' needs {ENOUGH} pictures of the episode, this is number "
                f"{count}: {USUAL_BASELINE} stands in"
            )
            baseline = USUAL_BASELINE
        if baseline == "blur":
            return [blurred(image) for image in images], baseline, reason
        if baseline == "mean":
            return [torch.zeros_like(image) for image in images], baseline, reason
        pictures = given if baseline == CUSTOM_BASELINE and given is not None else {}
        compared = {**zero_observation(self._spec), **pictures}
        return self._preparation.one(compared).images, baseline, reason
