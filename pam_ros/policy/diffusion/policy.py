# SPDX-License-Identifier: Apache-2.0
"""The Policy of a DiffusionModel: history, noise, forward pass, which action goes out."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pam_ros.policy.abilities import TOKENS_LAYER
from pam_ros.policy.act.prepare import as_array
from pam_ros.policy.chunking import ActionQueue
from pam_ros.policy.diffusion.explaining import Explaining
from pam_ros.policy.diffusion.output import Asked, DiffusionOutput, Run, output_of
from pam_ros.policy.diffusion.passes import run
from pam_ros.policy.diffusion.sites import diffusion_sites
from pam_ros.policy.diffusion.spec import STACK
from pam_ros.policy.interface import BatchResult, EngineReport, PolicyError, QueuedAction
from pam_ros.policy.looks import check_look
from pam_ros.policy.noise import noise_generator, observation_noise_generator
from pam_ros.policy.notebook.methods import InNotebooks
from pam_ros.policy.observation import check_observation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pam_ros.attention.look import Look
    from pam_ros.policy.abilities import EditTokens
    from pam_ros.policy.diffusion.prepare import History, Observation, Preparation, Prepared
    from pam_ros.policy.hooks.sites import Site
    from pam_ros.policy.interface import PolicySpec
    from pam_ros.policy.noise import Stream


class DiffusionPolicy(Explaining, InNotebooks):
    """Implements interface.Policy and most protocols of abilities. Made by load_diffusion.

    Args:
        spec: what the policy reads and writes.
        model: lerobot's DiffusionModel, in evaluation mode.
        preparation: pre- and post-processing.
        report: which engine computes the passes.
        seed: of all noise: with the same one the same checkpoint does the same again.
    """

    def __init__(
        self,
        spec: PolicySpec,
        model: Any,
        preparation: Preparation,
        report: EngineReport,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self._spec = spec
        self._model = model
        self._preparation = preparation
        self._report = report
        self._seed = seed
        self._queue = ActionQueue(spec.n_action_steps)
        self._history: deque[Observation] = deque(maxlen=spec.history)
        self._popped: QueuedAction | None = None
        self._step = 0
        self._drawn = (0, 0)  # the episode and the step whose noise the next pass draws
        self._moves = False  # whether it draws a command's
        self._maps = False
        self._edit: EditTokens | None = None
        self._held: Observation | None = None
        # The hooks of a pass are the model's: one pass at a time, whichever thread wants it.
        self._passing = threading.Lock()

    @property
    def spec(self) -> PolicySpec:
        """What it reads and writes."""
        return self._spec

    @property
    def engine(self) -> EngineReport:
        """What computes its forward pass."""
        return self._report

    @property
    def model(self) -> Any:
        """Lerobot's DiffusionModel. It is the policy's own: changing it is at the caller's risk."""
        return self._model

    def reset(self) -> None:
        """Start an episode: empty queue and history, step 0, noise that no episode before drew."""
        self._queue.reset()
        self._history.clear()
        self._popped = None
        self._step = 0
        self._drawn = (self._drawn[0] + 1, 0)

    def show(self, look: Look) -> None:
        """Which weights later outputs hold; see interface.Policy."""
        check_look(self._spec, look)
        self._maps = True

    @property
    def tokens_layer(self) -> str:
        """Which layer the tokens of later outputs are of: passes.py says what they are."""
        return TOKENS_LAYER

    def take_tokens(self, layer: str) -> None:
        """Refuse another layer than "encoder", the only one."""
        if layer != TOKENS_LAYER:
            message = f"there is no tokens layer {layer!r}: it must be {TOKENS_LAYER}"
            raise PolicyError(message)

    def edit_tokens(self, edit: EditTokens | None) -> None:
        """Edit the tokens of each observation of the history in later steps; None: no more.

        Args:
            edit: from (observations, tokens, dim) float32 to new ones of that shape.
        """
        self._edit = edit

    def hold_noise(self, observation: Observation | None) -> None:
        """Draw in later passes what forward draws of this observation; None: each its own."""
        self._held = observation

    def draw_as(self, episode: int, step: int, *, moves: bool = False) -> None:
        """Whose noise the next pass draws; see abilities.NoiseNumbered."""
        self._drawn, self._moves = (episode, step), moves

    def observe(self, observation: Observation) -> None:
        """Take the observation of a tick that is about to be skipped; see abilities.Observing."""
        check_observation(self._spec, observation)
        self._history.append(observation)

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

    def step(self, observation: Observation) -> DiffusionOutput:
        """The next action, with a forward pass on this observation; see interface.Policy."""
        fills = len(self._queue) == 0
        asked = self._asked(observation, "commands" if fills else "explaining")
        found = self._run(asked)
        if fills:
            self._queue.fill(found.chunk, self._step)
        queued = self._queue.pop()
        assert queued is not None  # n_action_steps is at least 1
        self._history.append(observation)
        self.skip()
        return output_of(found, asked, queued, STACK, executed=fills)

    def explain(self, observation: Observation) -> DiffusionOutput:
        """A forward pass that moves nothing; see interface.Policy."""
        asked = self._asked(observation, self._stream)
        output = self._explanation(asked)
        self._history.append(observation)
        self.skip()
        return output

    def explain_later(self, observation: Observation) -> Callable[[], DiffusionOutput]:
        """explain(), whose pass any thread may run later; see abilities.ExplainingLater."""
        asked = self._asked(observation, self._stream)
        self._history.append(observation)
        self.skip()
        return lambda: self._explanation(asked)

    def prepare(self, observations: Sequence[Observation]) -> Prepared:
        """The inputs of some observations, each as the first of an episode: it is all history.

        Raises:
            ObservationError: one of them does not fit.
            PolicyError: there is none.
        """
        if not observations:
            message = "prepare needs at least one observation"
            raise PolicyError(message)
        for observation in observations:
            check_observation(self._spec, observation)
        return self._preparation.histories(
            [self._padded((one,)) for one in observations],
            [self._seed_of(one if self._held is None else self._held) for one in observations],
        )

    def forward(
        self,
        prepared: Prepared,
        *,
        looks: Sequence[Look] = (),
        tokens_layer: str | None = None,
        edit: EditTokens | None = None,
    ) -> BatchResult:
        """Passes of any batch size that leave queue, history and step as they are.

        Args:
            prepared: what prepare() gave.
            looks: whose weights the result shall hold.
            tokens_layer: "encoder" or None.
            edit: as of edit_tokens.

        Raises:
            PolicyError: a layer or look that is not there, an edit that changes the tokens' shape.
        """
        self.take_tokens(tokens_layer or TOKENS_LAYER)
        for look in looks:
            check_look(self._spec, look)
        with self._passing, torch.inference_mode():
            self._begin_pass()
            found = run(self._model, self._spec, prepared, maps=bool(looks), edit=edit)
        chunks = self._preparation.unnormalised(found.chunk.flatten(0, 1))
        maps = {} if found.maps is None else {(STACK, 0, 0): as_array(found.maps)}
        return BatchResult(
            normalised=as_array(found.chunk),
            chunks=chunks.reshape(found.chunk.shape),
            tokens=as_array(found.tokens),
            weights=maps,
        )

    @property
    def _stream(self) -> Stream:
        """Of a pass that explains."""
        return "commands" if self._moves else "explaining"

    def _asked(self, observation: Observation, stream: Stream) -> Asked:
        """What a pass of this step is to read and give, whatever is set until it runs."""
        check_observation(self._spec, observation)
        if self._held is None:
            seed = noise_generator(self._seed, *self._drawn, stream).initial_seed()
        else:
            seed = self._seed_of(self._held)
        history = self._padded((*self._history, observation)[-self._spec.history :])
        return Asked(history, seed, self._maps, self._edit, self._step, self._popped)

    def _padded(self, history: History) -> History:
        """As lerobot begins an episode: the first observation stands for those before it."""
        return (history[0],) * (self._spec.history - len(history)) + history

    def _explanation(self, asked: Asked) -> DiffusionOutput:
        found = self._run(asked)
        queued = asked.popped or QueuedAction(found.chunk[0], asked.step)
        return output_of(found, asked, queued, STACK, executed=False)

    def _run(self, asked: Asked) -> Run:
        """Everything that can fail; leaves the policy's state alone. Of any thread."""
        with self._passing, torch.inference_mode():
            begin = time.perf_counter()
            inputs = self._preparation.histories([asked.history], [asked.seed])
            self._begin_pass()
            found = run(self._model, self._spec, inputs, maps=asked.maps, edit=asked.edit)
            done = Run(
                normalised=as_array(found.chunk[0]),
                chunk=self._preparation.unnormalised(found.chunk[0]),
                tokens=as_array(found.tokens[0]),
                maps=None if found.maps is None else as_array(found.maps[0]),
                seconds=time.perf_counter() - begin,
            )
        wrong = [
            what
            for what, values in (("a chunk", done.chunk), ("keypoint maps", done.maps))
            if values is not None and not np.isfinite(values).all()
        ]
        if wrong:
            message = f"{self._spec.name} predicted {wrong[0]} not finite on this observation"
            raise PolicyError(message)
        return done

    def _sites(self) -> Sequence[Site]:
        return list(diffusion_sites(self._model, self._spec))

    def _seed_of(self, observation: Observation) -> int:
        """Of the noise of a pass that belongs to no step."""
        return observation_noise_generator(self._seed, observation).initial_seed()
