# SPDX-License-Identifier: Apache-2.0
"""The Policy of a SmolVLA: words and noise, forward passes, which action goes out."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import torch

from pam_ros.policy.chunking import ActionQueue
from pam_ros.policy.interface import (
    BatchResult,
    EngineReport,
    PolicyError,
    QueuedAction,
)
from pam_ros.policy.looks import check_look
from pam_ros.policy.noise import noise_generator, observation_noise_generator
from pam_ros.policy.notebook.methods import InNotebooks
from pam_ros.policy.observation import check_observation
from pam_ros.policy.smolvla.explaining import Explaining
from pam_ros.policy.smolvla.output import Asked, Run, not_finite, output_of
from pam_ros.policy.smolvla.prepare import as_array
from pam_ros.policy.smolvla.sites import smolvla_sites
from pam_ros.policy.taps import Wanted, wanted_by

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from pam_ros.attention.look import Look
    from pam_ros.policy.abilities import EditTokens
    from pam_ros.policy.hooks.sites import Site
    from pam_ros.policy.interface import PolicyOutput, PolicySpec
    from pam_ros.policy.padded import PaddedCells
    from pam_ros.policy.smolvla.layout import PrefixLayout
    from pam_ros.policy.smolvla.passes import Pass, Passes
    from pam_ros.policy.smolvla.prepare import Inputs, Preparation
    from pam_ros.policy.smolvla.words import Words

    Observation = Mapping[str, NDArray[np.generic]]


class SmolVlaPolicy(Explaining, InNotebooks):
    """Implements interface.Policy, and abilities but for gradient methods and looking ahead.

    `spec` says what the tokens of the present instruction are; another one has other labels.

    Args:
        spec: of no instruction yet.
        lay_out: the layout of an instruction's words.
        passes: of lerobot's model.
        cells: of each camera.
        preparation: pre- and post-processing.
        report: what computes the passes.
        noise_size: (chunk_size, max_action_dim).
        seed: of the noise.
    """

    def __init__(
        self,
        spec: PolicySpec,
        lay_out: Callable[[Words], PrefixLayout],
        passes: Passes,
        cells: Sequence[PaddedCells],
        preparation: Preparation,
        report: EngineReport,
        noise_size: tuple[int, int],
        seed: int,
    ) -> None:
        super().__init__(spec, lay_out, preparation)
        self._passes = passes
        self._model, self._cells = passes.policy, cells
        self._report = report
        self._noise_size = noise_size
        self._seed = seed
        self._queue = ActionQueue(spec.n_action_steps)
        self._popped: QueuedAction | None = None
        self._step = 0
        self._drawn = (0, 0)  # the episode and the step whose noise the next pass draws
        self._moves = False  # whether it draws a command's
        # The model's taps are for one pass at a time, whichever thread wants it.
        self._passing = threading.Lock()

    @property
    def engine(self) -> EngineReport:
        """What computes its forward pass."""
        return self._report

    @property
    def seed(self) -> int:
        """Of the noise."""
        return self._seed

    @property
    def episode(self) -> int:
        """The number of this episode, whose noise its passes draw."""
        return self._drawn[0]

    def reset(self) -> None:
        """Start an episode: empty queue, step 0, and noise that no episode before it had."""
        self._queue.reset()
        self._popped = None
        episode, step = self._drawn
        self._drawn = (episode + (step > 0), 0)
        self._step = 0

    def draw_as(self, episode: int, step: int, *, moves: bool = False) -> None:
        """Whose noise the next pass draws; see abilities.NoiseNumbered."""
        self._drawn, self._moves = (episode, step), moves

    def instruct(self, text: str) -> None:
        """Read these words in later passes; other ones than before empty the queue.

        Args:
            text: an instruction. An empty one is one without words, which is another thing than
                none: until there is one, no pass runs.

        Raises:
            PolicyError: it is not a text; the words stay as they were.
        """
        if self._read(text):
            self._queue.reset()
            self._popped = None

    def pop_action(self) -> QueuedAction | None:
        """Take the next queued action; None if there is none."""
        self._popped = self._queue.pop()
        return self._popped

    def skip(self) -> None:
        """Count a step without a forward pass."""
        self._popped, self._moves = None, False
        self._step += 1
        self._drawn = (self._drawn[0], self._drawn[1] + 1)

    @property
    def queued(self) -> int:
        """How many actions are left in the queue."""
        return len(self._queue)

    def explain(self, observation: Observation) -> PolicyOutput:
        """A forward pass that moves nothing; see interface.Policy."""
        asked = self._asked()
        output = self._explanation(observation, asked)
        self.skip()
        return output

    def explain_later(self, observation: Observation) -> Callable[[], PolicyOutput]:
        """explain(), whose pass any thread may run later; see abilities.ExplainingLater."""
        asked = self._asked()
        self.skip()
        return lambda: self._explanation(observation, asked)

    def step(self, observation: Observation) -> PolicyOutput:
        """The next action, with a forward pass on this observation; see interface.Policy."""
        asked = self._asked()._replace(stream="commands")
        run = self._run(observation, asked)
        fills = len(self._queue) == 0
        if fills:
            self._queue.fill(run.chunk, self._step)
        queued = self._queue.pop()
        assert queued is not None  # n_action_steps is at least 1
        self.skip()
        return output_of(run, asked, queued, executed=fills)

    def prepare(self, observations: Sequence[Observation]) -> Inputs:
        """The inputs of some observations, as one batch; see abilities.Batching."""
        if not observations:
            message = "prepare needs at least one observation"
            raise PolicyError(message)
        words = self._given()
        for observation in observations:
            check_observation(self._spec, observation)
        held = self._noise_of
        noise = [
            self._noise(observation_noise_generator(self._seed, each if held is None else held))
            for each in observations
        ]
        return self._preparation.inputs(observations, words, torch.cat(noise))

    def forward(
        self,
        prepared: Inputs,
        *,
        looks: Sequence[Look] = (),
        tokens_layer: str | None = None,
        edit: EditTokens | None = None,
    ) -> BatchResult:
        """Passes that leave the policy's state as it is; see abilities.TokenEditing."""
        place = self._place(self._tokens_layer if tokens_layer is None else tokens_layer)
        for look in looks:
            check_look(self._spec, look)
        wanted = wanted_by(looks, self._spec)
        with self._passing:
            found = self._pass(prepared, wanted, place, edit)
        batch, steps, _ = found.chunk.shape
        chunks = self._preparation.unnormalised(found.chunk.flatten(0, 1))
        return BatchResult(
            normalised=as_array(found.chunk),
            chunks=chunks.reshape(batch, steps, -1),
            tokens=None if found.tokens is None else as_array(found.tokens),
            weights={key: as_array(weights) for key, weights in found.weights.items()},
        )

    def _asked(self) -> Asked:
        return Asked(
            words=self._given(),
            wanted=self._wanted,
            place=self._place(self._tokens_layer),
            edit=self._edit,
            noise_of=self._noise_of,
            drawn=self._drawn,
            step=self._step,
            popped=self._popped,
            # Contributions are of the policy as it is.
            inputs=self._keep_inputs and self._edit is None,
            stream="commands" if self._moves else "explaining",
        )

    def _explanation(self, observation: Observation, asked: Asked) -> PolicyOutput:
        run = self._run(observation, asked)
        queued = asked.popped or QueuedAction(run.chunk[0], asked.step)
        return output_of(run, asked, queued, executed=False)

    def _run(self, observation: Observation, asked: Asked) -> Run:
        """Everything that can fail; leaves the policy's state alone. Of any thread."""
        check_observation(self._spec, observation)
        generator = (
            noise_generator(self._seed, *asked.drawn, asked.stream)
            if asked.noise_of is None
            else observation_noise_generator(self._seed, asked.noise_of)
        )
        with self._passing:
            start = time.perf_counter()
            inputs = self._preparation.inputs([observation], asked.words, self._noise(generator))
            found = self._pass(inputs, asked.wanted, asked.place, asked.edit)
            run = Run(
                normalised=as_array(found.chunk[0]),
                inputs=inputs if asked.inputs else None,
                chunk=self._preparation.unnormalised(found.chunk[0]),
                tokens=None if found.tokens is None else as_array(found.tokens[0]),
                weights={key: as_array(weights[0]) for key, weights in found.weights.items()},
                seconds=time.perf_counter() - start,
                noise_seed=generator.initial_seed(),
            )
        wrong = not_finite(run)
        if wrong:
            message = f"{self._spec.name} predicted {wrong} not finite on this observation"
            raise PolicyError(message)
        return run

    def _pass(self, inputs: Inputs, wanted: Wanted, place: int, edit: EditTokens | None) -> Pass:
        self._begin_pass()
        return self._passes(inputs, self._lay_out(inputs.words), wanted, place, edit)

    def _sites(self) -> Sequence[Site]:
        return list(smolvla_sites(self._model, self._passes.taps, self._spec))

    def _noise(self, generator: torch.Generator) -> torch.Tensor:
        return torch.randn(1, *self._noise_size, generator=generator)
