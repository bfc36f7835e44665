# SPDX-License-Identifier: Apache-2.0
"""The Policy of an ACT model: pre-processing, forward pass, which action goes out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from pam_ros.policy.chunking import ActionQueue, TemporalEnsemble
from pam_ros.policy.interface import PolicyError, PolicyOutput
from pam_ros.policy.observation import check_observation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from pam_ros.policy.act_forward import Forward
    from pam_ros.policy.interface import PolicySpec, QueuedAction

    Preprocessor = Callable[[dict[str, Any]], dict[str, Any]]
    Postprocessor = Callable[[torch.Tensor], torch.Tensor]


class ActPolicy:
    """Implements interface.Policy. Made by load.load_policy and load.wrap.

    Args:
        spec: what the policy reads and writes.
        forward: the model's pass on normalised inputs.
        preprocessor: lerobot's pipeline from an observation to normalised tensors.
        postprocessor: lerobot's pipeline from (batch, action_dim) to un-normalised actions.
        temporal_ensemble_coeff: of the ensemble; None for the queue.
    """

    def __init__(
        self,
        spec: PolicySpec,
        forward: Forward,
        preprocessor: Preprocessor,
        postprocessor: Postprocessor,
        temporal_ensemble_coeff: float | None,
    ) -> None:
        self._spec = spec
        self._forward = forward
        self._preprocessor = preprocessor
        self._postprocessor = postprocessor
        self._queue = ActionQueue(spec.n_action_steps)
        self._ensemble = (
            None
            if temporal_ensemble_coeff is None
            else TemporalEnsemble(temporal_ensemble_coeff, spec.chunk_size)
        )
        self._popped: QueuedAction | None = None
        self._step = 0
        self._encoder_layer: int | None = None

    @property
    def spec(self) -> PolicySpec:
        """What it reads and writes."""
        return self._spec

    def reset(self) -> None:
        """Start an episode: empty queue and ensemble, step 0."""
        self._queue.reset()
        if self._ensemble is not None:
            self._ensemble.reset()
        self._popped = None
        self._step = 0

    def show_encoder_layer(self, layer: int | None) -> None:
        """Which encoder layer's self-attention later outputs hold; see interface.Policy."""
        if layer is not None and not 0 <= layer < self._spec.encoder_layers:
            message = (
                f"encoder layer {layer} is out of range: it must be from 0 to "
                f"{self._spec.encoder_layers - 1}"
            )
            raise PolicyError(message)
        self._encoder_layer = layer

    def pop_action(self) -> QueuedAction | None:
        """Take the next queued action; None if there is none, always in temporal ensembling."""
        self._popped = self._queue.pop()
        return self._popped

    def skip(self) -> None:
        """Count a step without a forward pass."""
        self._end_step()

    def explain(self, observation: Mapping[str, NDArray[np.generic]]) -> PolicyOutput:
        """A forward pass that moves nothing; see interface.Policy."""
        run = self._run(observation)
        if self._popped is None:
            return self._output(run, run.chunk[0], self._step, chunk_executed=False)
        popped = self._popped
        return self._output(run, popped.action, popped.source_step, chunk_executed=False)

    def step(self, observation: Mapping[str, NDArray[np.generic]]) -> PolicyOutput:
        """The next action, with a forward pass on this observation; see interface.Policy."""
        run = self._run(observation)
        if self._ensemble is not None:
            averaged = self._ensemble.update(run.normalised)
            action = self._unnormalise(torch.from_numpy(averaged[None]))[0]
            return self._output(run, action, self._step, chunk_executed=True)
        fills = len(self._queue) == 0
        if fills:
            self._queue.fill(run.chunk, self._step)
        queued = self._queue.pop()
        assert queued is not None  # n_action_steps is at least 1
        return self._output(run, queued.action, queued.source_step, chunk_executed=fills)

    def _run(self, observation: Mapping[str, NDArray[np.generic]]) -> _Run:
        """Everything that can fail; leaves the policy's state alone."""
        check_observation(self._spec, observation)
        start = time.perf_counter()
        spec = self._spec
        batch: dict[str, Any] = {
            camera.feature: _image_tensor(observation[camera.feature]) for camera in spec.cameras
        }
        for feature in (spec.state_feature, spec.environment_feature):
            if feature is not None:
                batch[feature] = torch.from_numpy(np.array(observation[feature]))[None]
        batch = self._preprocessor(batch)

        def tensor(feature: str | None) -> torch.Tensor | None:
            return None if feature is None else batch[feature].to(spec.device)

        result = self._forward(
            [batch[camera.feature].to(spec.device) for camera in spec.cameras],
            tensor(spec.state_feature),
            tensor(spec.environment_feature),
            self._encoder_layer,
        )
        shown = result.encoder_attention
        run = _Run(
            normalised=_array(result.chunk),
            chunk=self._unnormalise(result.chunk),
            attention=_array(result.attention),
            encoder_attention=None if shown is None else _array(shown),
            tokens=_array(result.tokens),
            seconds=time.perf_counter() - start,
        )
        if not np.isfinite(run.chunk).all():
            message = f"{spec.name} predicted a chunk that is not finite on this observation"
            raise PolicyError(message)
        return run

    def _unnormalise(self, actions: torch.Tensor) -> NDArray[np.float32]:
        """(batch, action_dim) normalised to (batch, action_dim) un-normalised."""
        with torch.inference_mode():
            return _array(self._postprocessor(actions))

    def _output(
        self, run: _Run, action: NDArray[np.float32], source: int, *, chunk_executed: bool
    ) -> PolicyOutput:
        output = PolicyOutput(
            action=action,
            chunk=run.chunk,
            attention=run.attention,
            encoder_attention=run.encoder_attention,
            tokens=run.tokens,
            chunk_mode=self._spec.chunk_mode,
            chunk_executed=chunk_executed,
            action_source_step=source,
            step=self._step,
            forward_seconds=run.seconds,
        )
        self._end_step()
        return output

    def _end_step(self) -> None:
        self._popped = None
        self._step += 1


class _Run(NamedTuple):
    normalised: NDArray[np.float32]
    chunk: NDArray[np.float32]
    attention: NDArray[np.float32]
    encoder_attention: NDArray[np.float32] | None
    tokens: NDArray[np.float32]
    seconds: float


def _image_tensor(image: NDArray[np.generic]) -> torch.Tensor:
    """(H, W, 3) uint8 to (1, 3, H, W) float32 in [0, 1], channels last in memory."""
    if not (image.flags.c_contiguous and image.flags.writeable):
        image = image.copy()  # torch takes neither views that run backwards nor read-only arrays
    return torch.from_numpy(image).permute(2, 0, 1).to(torch.float32).div_(255)[None]


def _array(tensor: torch.Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.detach().to("cpu", torch.float32).numpy()
    array.flags.writeable = False
    return array
