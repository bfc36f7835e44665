# SPDX-License-Identifier: Apache-2.0
"""The Policy of it: all abilities but gradients, looking ahead and a precision to measure."""

from __future__ import annotations

import threading
import time
import zlib
from dataclasses import replace
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
from second_policy.model import VOCABULARY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from pam_ros.attention.layout import TokenGroup
    from pam_ros.attention.look import Look, Stack
    from pam_ros.policy.abilities import EditTokens
    from second_policy.model import Model, Pass

    Observation = Mapping[str, NDArray[np.generic]]


class Inputs(NamedTuple):
    """What the model takes, of B observations and those before them."""

    images: list[torch.Tensor]
    state: torch.Tensor
    noise: torch.Tensor


class Asked(NamedTuple):
    """All that a pass depends on beside its observation."""

    before: Observation | None = None
    looks: tuple[Look, ...] = ()
    edit: EditTokens | None = None
    words: torch.Tensor | None = None


class SecondPolicy:
    """See interface.Policy. A pass without words is refused."""

    def __init__(
        self,
        spec: PolicySpec,
        model: Model,
        config: Mapping[str, Any],
        tokens: Callable[[list[str]], tuple[tuple[TokenGroup, ...], tuple[Stack, ...]]],
    ) -> None:
        self.spec = spec
        self.engine = EngineReport("eager", "float32", 0.0, "the only one that it has")
        self.tokens_layer = "encoder"
        self._model, self._scale, self._tokens = model, config["scale"], tokens
        self._noise_of: Observation | None = None
        self._queue = ActionQueue(spec.n_action_steps)
        self.instruction = ""
        if config["instruction"]:
            self.instruct(config["instruction"])
        self._look: Look | None = None
        self._edit: EditTokens | None = None
        self._passing = threading.Lock()
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

    def instruct(self, text: str) -> None:
        """A token for each word; it does not know words that begin with a question mark."""
        words = text.split()
        if not words:
            raise PolicyError(f"{self.spec.name} reads words: it was given none")
        unknown = [word for word in words if word.startswith("?")]
        if unknown:
            raise PolicyError(f"{self.spec.name} does not know the word {unknown[0]}")
        if text != self.instruction:
            self._queue.reset()
        groups, stacks = self._tokens(words)
        self.spec = replace(self.spec, groups=groups, stacks=stacks)
        self.instruction = text

    def hold_noise(self, observation: Observation | None) -> None:
        self._noise_of = observation

    def observe(self, observation: Observation) -> None:
        check_observation(self.spec, observation)
        self._before = observation

    def pop_action(self) -> QueuedAction | None:
        self._popped = self._queue.pop()
        return self._popped

    def skip(self) -> None:
        self._popped = None
        self._step += 1

    @property
    def queued(self) -> int:
        return len(self._queue)

    def explain_later(self, observation: Observation) -> Callable[[], PolicyOutput]:
        asked, popped, step = self._asked(), self._popped, self._step
        self._before = observation
        self.skip()

        def later() -> PolicyOutput:
            run, chunk, seconds = self._run(observation, asked)
            queued = popped or QueuedAction(chunk[0], step)
            return self._output(run, chunk, queued, seconds, step, executed=False)

        return later

    def step(self, observation: Observation) -> PolicyOutput:
        run, chunk, seconds = self._run(observation, self._asked())
        fills = len(self._queue) == 0
        if fills:
            self._queue.fill(chunk, self._step)
        queued = self._queue.pop()
        assert queued is not None
        output = self._output(run, chunk, queued, seconds, self._step, executed=fills)
        self._before = observation
        self.skip()
        return output

    def explain(self, observation: Observation) -> PolicyOutput:
        run, chunk, seconds = self._run(observation, self._asked())
        queued = self._popped or QueuedAction(chunk[0], self._step)
        output = self._output(run, chunk, queued, seconds, self._step, executed=False)
        self._before = observation
        self.skip()
        return output

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
        run = self._pass(prepared, Asked(looks=tuple(looks), edit=edit, words=self._numbers()))
        normalised = run.chunk.numpy()
        weights = {key: found.numpy() for key, found in run.weights.items()}
        return BatchResult(normalised, normalised * self._scale, run.tokens.numpy(), weights)

    def _asked(self) -> Asked:
        looks = () if self._look is None else (self._look,)
        return Asked(self._before, looks, self._edit, self._numbers())

    def _numbers(self) -> torch.Tensor:
        words = self.instruction.split()
        if not words:
            raise PolicyError(f"{self.spec.name} reads words: it was given none")
        return torch.tensor([zlib.crc32(word.encode()) % VOCABULARY for word in words])

    def _run(
        self,
        observation: Observation,
        asked: Asked,
    ) -> tuple[Pass, NDArray[np.float32], float]:
        check_observation(self.spec, observation)
        before = observation if asked.before is None else asked.before
        with self._passing:
            begin = time.perf_counter()
            run = self._pass(self._inputs([(before, observation)]), asked)
        chunk = run.chunk[0].numpy() * np.float32(self._scale)
        if not np.isfinite(chunk).all():
            raise PolicyError(f"{self.spec.name} predicted a chunk that is not finite")
        return run, chunk, time.perf_counter() - begin

    def _output(
        self,
        run: Pass,
        chunk: NDArray[np.float32],
        queued: QueuedAction,
        seconds: float,
        step: int,
        *,
        executed: bool,
    ) -> PolicyOutput:
        return PolicyOutput(
            action=queued.action,
            chunk=chunk,
            tokens=run.tokens[0].numpy(),
            chunk_mode="queue",
            chunk_executed=executed,
            action_source_step=queued.source_step,
            step=step,
            forward_seconds=seconds,
            weights={key: found[0].numpy() for key, found in run.weights.items()},
        )

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
        observation = observation if self._noise_of is None else self._noise_of
        seed = 0
        for camera in self.spec.cameras:
            seed = zlib.crc32(np.ascontiguousarray(observation[camera.feature]).tobytes(), seed)
        generator = torch.Generator().manual_seed(seed)
        return torch.randn(self.spec.chunk_size, self.spec.action_dim, generator=generator)

    def _pass(self, inputs: Inputs, asked: Asked) -> Pass:
        looks, words = asked.looks, asked.words

        def shown(stack: str, layer: int, step: int) -> bool:
            return any(
                (look.stack, look.layer) == (stack, layer)
                and step in look.steps(self.spec.stack(stack), self.spec.denoising_steps)
                for look in looks
            )

        def keep(stack: str, layer: int, step: int) -> bool:
            return shown(stack, layer, step) or any(look.through == stack for look in looks)

        with torch.inference_mode():
            run = self._model(inputs.images, inputs.state, words, inputs.noise, keep, asked.edit)
        weights = {
            key: found if shown(*key) else found.mean(dim=1, keepdim=True)
            for key, found in run.weights.items()
        }
        return run._replace(weights=weights)
