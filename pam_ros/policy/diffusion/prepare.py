# SPDX-License-Identifier: Apache-2.0
"""Between the observations of a history and the normalised tensors of a forward pass.

lerobot's own processors make each number: a pass is then lerobot's to the bit.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from pam_ros.policy.act.prepare import as_array
from pam_ros.policy.image_normaliser import as_lerobot_takes_it

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from pam_ros.policy.interface import PolicySpec

    Observation = Mapping[str, NDArray[np.generic]]
    History = tuple[Observation, ...]


class Prepared(NamedTuple):
    """Normalised float32 inputs of B histories of S observations, on the policy's device.

    state: (B, S, state_dim). images: (B, S, cameras, 3, H, W), in the policy's order; None without
    cameras. environment: (B, S, environment_dim); None where the policy reads none. seeds: of each
    history's noise.
    """

    state: Tensor
    images: Tensor | None
    environment: Tensor | None
    seeds: tuple[int, ...]


class Preparation:
    """lerobot's pre- and post-processing of one policy. Of any thread.

    Args:
        spec: the policy's.
        preprocessor: lerobot's pipeline from an observation to normalised tensors.
        postprocessor: lerobot's pipeline from (batch, action_dim) to un-normalised actions.
    """

    def __init__(
        self,
        spec: PolicySpec,
        preprocessor: Callable[[dict[str, Any]], dict[str, Any]],
        postprocessor: Callable[[Tensor], Tensor],
    ) -> None:
        self._spec = spec
        self._preprocessor = preprocessor
        self._postprocessor = postprocessor
        # A step of lerobot's keeps the transition that it is at work on in itself.
        self._preprocessing, self._postprocessing = threading.Lock(), threading.Lock()

    def histories(self, histories: Sequence[History], seeds: Sequence[int]) -> Prepared:
        """The inputs of some histories, at least one, each of the spec's length, as one batch."""
        once = {id(one): one for history in histories for one in history}
        ready = {key: self._one(one) for key, one in once.items()}
        spec = self._spec

        def batch(feature: str) -> Tensor:
            return torch.stack(
                [torch.cat([ready[id(one)][feature] for one in history]) for history in histories]
            )

        images = [batch(camera.feature) for camera in spec.cameras]
        environment = spec.environment_feature
        return Prepared(
            batch(str(spec.state_feature)),
            torch.stack(images, dim=2).contiguous() if images else None,
            None if environment is None else batch(environment),
            tuple(seeds),
        )

    def unnormalised(self, actions: Tensor) -> NDArray[np.float32]:
        """(N, action_dim) normalised to (N, action_dim) un-normalised."""
        with self._postprocessing, torch.inference_mode():
            return as_array(self._postprocessor(actions))

    def _one(self, observation: Observation) -> dict[str, Tensor]:
        """By feature (1, ...), of an observation that check_observation passes."""
        spec = self._spec
        batch: dict[str, Any] = {
            camera.feature: as_lerobot_takes_it(observation[camera.feature]).contiguous()
            for camera in spec.cameras
        }
        for feature in (spec.state_feature, spec.environment_feature):
            if feature is not None:
                batch[feature] = torch.tensor(observation[feature])[None]
        with self._preprocessing, torch.no_grad():
            done = self._preprocessor(batch)
        return {name: done[name].to(spec.device, torch.float32) for name in spec.features}
