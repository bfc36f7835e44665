# SPDX-License-Identifier: Apache-2.0
"""Between the arrays of an observation and the normalised tensors of a forward pass."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pam_ros.policy.act.passes import Prepared
from pam_ros.policy.image_normaliser import as_lerobot_takes_it, read_off

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from pam_ros.policy.interface import PolicySpec

    Preprocessor = Callable[[dict[str, Any]], dict[str, Any]]
    Postprocessor = Callable[[torch.Tensor], torch.Tensor]


class Preparation:
    """lerobot's pre- and post-processing of one policy.

    many() and unnormalised() may be called in several threads at once, one() with reuse in one
    alone.

    Args:
        spec: the policy's.
        preprocessor: lerobot's pipeline from an observation to normalised tensors.
        postprocessor: lerobot's pipeline from (batch, action_dim) to un-normalised actions.
    """

    def __init__(
        self, spec: PolicySpec, preprocessor: Preprocessor, postprocessor: Postprocessor
    ) -> None:
        self._spec = spec
        self._preprocessor = preprocessor
        self._postprocessor = postprocessor
        # A step of lerobot's keeps the transition that it is at work on in itself.
        self._preprocessing, self._postprocessing = threading.Lock(), threading.Lock()
        self._normalisers = [read_off(preprocessor, c, spec.device) for c in spec.cameras]

    def one(
        self, observation: Mapping[str, NDArray[np.generic]], *, reuse: bool = False
    ) -> Prepared:
        """The inputs of one observation that check_observation passes.

        reuse: the images are in memory that the next call with reuse overwrites: for the thread
            that steps the policy, and over before its next step.
        """
        spec = self._spec
        images: dict[str, torch.Tensor] = {}
        batch: dict[str, Any] = {}
        for camera, normalise in zip(spec.cameras, self._normalisers, strict=True):
            image = observation[camera.feature]
            if normalise is None:
                batch[camera.feature] = as_lerobot_takes_it(image)
            else:
                images[camera.feature] = normalise(image, reuse=reuse)
        for feature in (spec.state_feature, spec.environment_feature):
            if feature is not None:
                batch[feature] = torch.from_numpy(np.array(observation[feature]))[None]
        if batch:
            with self._preprocessing, torch.no_grad():
                batch = self._preprocessor(batch)
        batch = {**images, **batch}

        def tensor(feature: str | None) -> torch.Tensor | None:
            return None if feature is None else batch[feature].to(spec.device, torch.float32)

        return Prepared(
            tuple(batch[c.feature].to(spec.device, torch.float32) for c in spec.cameras),
            tensor(spec.state_feature),
            tensor(spec.environment_feature),
        )

    def many(self, observations: Sequence[Mapping[str, NDArray[np.generic]]]) -> Prepared:
        """The inputs of some observations, at least one, as one batch in memory of its own."""
        singles = [self.one(observation) for observation in observations]
        if len(singles) == 1:
            return singles[0]

        def joined(parts: Sequence[torch.Tensor | None]) -> torch.Tensor | None:
            present = [part for part in parts if part is not None]
            return torch.cat(present) if present else None

        return Prepared(
            tuple(torch.cat(images) for images in zip(*(s.images for s in singles), strict=True)),
            joined([single.state for single in singles]),
            joined([single.environment for single in singles]),
        )

    def unnormalised(self, actions: torch.Tensor) -> NDArray[np.float32]:
        """(N, action_dim) normalised to (N, action_dim) un-normalised."""
        with self._postprocessing, torch.inference_mode():
            return as_array(self._postprocessor(actions))


def as_array(tensor: torch.Tensor) -> NDArray[np.float32]:
    """Read-only, float32, in the computer's own memory."""
    array: NDArray[np.float32] = tensor.detach().to("cpu", torch.float32).numpy()
    array.flags.writeable = False
    return array
