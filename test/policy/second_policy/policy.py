# SPDX-License-Identifier: Apache-2.0
"""The Policy of it: Batching, TokenEditing and Observing; no gradients, no look-ahead."""

from __future__ import annotations

import time
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from pam_ros.policy.chunking import ActionQueue
from pam_ros.policy.interface import (
    BatchResult,
    EngineReport,
    PolicyError,
    PolicyOutput,
    PolicySpec,
    QueuedAction,
)
from pam_ros.policy.looks import check_look
from pam_ros.policy.observation import check_observation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pam_ros.attention.look import Look
    from pam_ros.policy.abilities import EditTokens
    from second_policy.model import Model, Pass

    Observation = Mapping[str, NDArray[np.generic]]


class Inputs(NamedTuple):
    """What the model takes, of B observations and those before them."""

    images: list[torch.Tensor]
    state: torch.Tensor
    noise: torch.Tensor


class SecondPolicy:
    """See interface.Policy."""

    def __init__(self, spec: PolicySpec, model: Model, words: torch.Tensor, scale: float) -> None:
        self.spec = spec
        self.engine = EngineReport("eager", "float32", 0.0, "the only one that it has")
        self.tokens_layer = "encoder"
        self._model, self._words, self._scale = model, words, scale
        self._queue = ActionQueue(spec.n_action_steps)
        self._look: Look | None = None
        self._edit: EditTokens | None = None
        self.reset()

    def reset(self) -> None:
        self._queue.reset()
        self._before: Observation | None = None
        self._popped: QueuedAction | None = None
        self._step = 0

    def show(self, look: Look) -> None:
        check_look(self.spec, look)
        self._look = look

    def take_tokens(self, layer: str) -> None:
        if layer != "encoder":
            raise PolicyError(f"there is no tokens layer {layer!r}: it must be encoder")

    def edit_tokens(self, edit: EditTokens | None) -> None:
        self._edit = edit

    def observe(self, observation: Observation) -> None:
        check_observation(self.spec, observation)
        self._before = observation

    def pop_action(self) -> QueuedAction | None:
        self._popped = self._queue.pop()
        return self._popped

    def skip(self) -> None:
        self._popped = None
        self._step += 1

    def step(self, observation: Observation) -> PolicyOutput:
        run, chunk, seconds = self._run(observation)
        fills = len(self._queue) == 0
        if fills:
            self._queue.fill(chunk, self._step)
        queued = self._queue.pop()
        assert queued is not None
        return self._output(observation, run, chunk, queued, seconds, executed=fills)

    def explain(self, observation: Observation) -> PolicyOutput:
        run, chunk, seconds = self._run(observation)
        queued = self._popped or QueuedAction(chunk[0], self._step)
        return self._output(observation, run, chunk, queued, seconds, executed=False)

    def prepare(self, observations: Sequence[Observation]) -> Inputs:
        return self._inputs([(observation, observation) for observation in observations])

    def forward(
        self,
        prepared: Inputs,
        *,
        looks: Sequence[Look] = (),
        tokens_layer: str | None = None,
        edit: EditTokens | None = None,
    ) -> BatchResult:
        self.take_tokens(tokens_layer or "encoder")
        for look in looks:
            check_look(self.spec, look)
        run = self._pass(prepared, looks, edit)
        normalised = run.chunk.numpy()
        weights = {key: found.numpy() for key, found in run.weights.items()}
        return BatchResult(normalised, normalised * self._scale, run.tokens.numpy(), weights)

    def _run(self, observation: Observation) -> tuple[Pass, NDArray[np.float32], float]:
        check_observation(self.spec, observation)
        begin = time.perf_counter()
        before = observation if self._before is None else self._before
        looks = () if self._look is None else (self._look,)
        run = self._pass(self._inputs([(before, observation)]), looks, self._edit)
        chunk = run.chunk[0].numpy() * np.float32(self._scale)
        if not np.isfinite(chunk).all():
            raise PolicyError(f"{self.spec.name} predicted a chunk that is not finite")
        return run, chunk, time.perf_counter() - begin

    def _output(
        self,
        observation: Observation,
        run: Pass,
        chunk: NDArray[np.float32],
        queued: QueuedAction,
        seconds: float,
        *,
        executed: bool,
    ) -> PolicyOutput:
        output = PolicyOutput(
            action=queued.action,
            chunk=chunk,
            tokens=run.tokens[0].numpy(),
            chunk_mode="queue",
            chunk_executed=executed,
            action_source_step=queued.source_step,
            step=self._step,
            forward_seconds=seconds,
            weights={key: found[0].numpy() for key, found in run.weights.items()},
        )
        self._before = observation
        self.skip()
        return output

    def _inputs(self, pairs: Sequence[tuple[Observation, Observation]]) -> Inputs:
        for pair in pairs:
            for observation in pair:
                check_observation(self.spec, observation)

        def batch(feature: str) -> torch.Tensor:
            return torch.from_numpy(np.array([[o[feature] for o in pair] for pair in pairs]))

        images = [
            batch(camera.feature).permute(0, 1, 4, 2, 3).float() / 127.5 - 1
            for camera in self.spec.cameras
        ]
        noise = torch.stack([self._noise(newest) for _, newest in pairs])
        return Inputs(images, batch(str(self.spec.state_feature)).flatten(1), noise)

    def _noise(self, observation: Observation) -> torch.Tensor:
        """Its own, by the pictures: a replay of the same ones draws the same."""
        seed = 0
        for camera in self.spec.cameras:
            seed = zlib.crc32(np.ascontiguousarray(observation[camera.feature]).tobytes(), seed)
        generator = torch.Generator().manual_seed(seed)
        return torch.randn(self.spec.chunk_size, self.spec.action_dim, generator=generator)

    def _pass(self, inputs: Inputs, looks: Sequence[Look], edit: Any) -> Pass:
        def shown(stack: str, layer: int, step: int) -> bool:
            return any(
                (look.stack, look.layer) == (stack, layer)
                and step in look.steps(self.spec.stack(stack), self.spec.denoising_steps)
                for look in looks
            )

        def keep(stack: str, layer: int, step: int) -> bool:
            return shown(stack, layer, step) or any(look.through == stack for look in looks)

        with torch.inference_mode():
            run = self._model(inputs.images, inputs.state, self._words, inputs.noise, keep, edit)
        weights = {
            key: found if shown(*key) else found.mean(dim=1, keepdim=True)
            for key, found in run.weights.items()
        }
        return run._replace(weights=weights)
