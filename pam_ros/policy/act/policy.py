# SPDX-License-Identifier: Apache-2.0
"""The Policy of an ACT model: pre-processing, forward pass, which action goes out."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import torch

from pam_ros.policy.act.ahead import BatchAhead
from pam_ros.policy.act.explaining import Explaining
from pam_ros.policy.act.hooks import HookedForward
from pam_ros.policy.act.output import (
    ActBatch,
    ActOutput,
    Asked,
    Run,
    difference,
    encoder_needs,
    explanation,
    not_finite,
    output_of,
    weights_of,
)
from pam_ros.policy.act.passes import Edit, index_of_place, place_names, valid_layers
from pam_ros.policy.act.prepare import as_array
from pam_ros.policy.act.sites import act_sites
from pam_ros.policy.chunking import ActionQueue, TemporalEnsemble
from pam_ros.policy.full_float32 import full_float32
from pam_ros.policy.interface import EngineReport, PolicyError, PrecisionError, QueuedAction
from pam_ros.policy.looks import check_look
from pam_ros.policy.notebook.methods import InNotebooks
from pam_ros.policy.observation import check_observation

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import nn

    from pam_ros.attention.look import Look
    from pam_ros.policy.act.passes import EditTokens, Engine, Forward, Pass, Prepared
    from pam_ros.policy.act.prepare import Preparation
    from pam_ros.policy.act.spec import ActSpec
    from pam_ros.policy.hooks.sites import Site


class ActPolicy(Explaining, InNotebooks):
    """Implements interface.Policy and every protocol of abilities. Made by load_act and wrap.

    Args:
        spec: what the policy reads and writes.
        model: the lerobot ACT module, for those who need its gradients.
        forward: its pass in float32, for batches and edited tokens.
        engine: its pass for one observation.
        report: which engine that is.
        preparation: pre- and post-processing.
        temporal_ensemble_coeff: of the ensemble; None for the queue.
    """

    def __init__(
        self,
        spec: ActSpec,
        model: nn.Module,
        forward: Forward,
        engine: Engine,
        report: EngineReport,
        preparation: Preparation,
        temporal_ensemble_coeff: float | None,
    ) -> None:
        self._spec = spec
        self._model = model
        self._forward = forward
        self._engine = engine
        self._report = report
        self._preparation = preparation
        self._queue = ActionQueue(spec.n_action_steps)
        self._ensemble = (
            None
            if temporal_ensemble_coeff is None
            else TemporalEnsemble(temporal_ensemble_coeff, spec.chunk_size)
        )
        self._popped: QueuedAction | None = None
        self._step = 0
        self._places = place_names(spec.encoder_layers)
        self._looks: tuple[Look, ...] = ()
        self._encoder_layers: tuple[int, ...] = ()
        self._mean_over_heads = self._keep_inputs = False
        self._tokens_layer = self._places[-1]
        self._edit: EditTokens | None = None
        self._ahead = BatchAhead(self.prepare, forward)
        # Engines and the images' memory are for one pass at a time, whichever thread wants it.
        self._passing = threading.Lock()

    @property
    def spec(self) -> ActSpec:
        """What it reads and writes."""
        return self._spec

    @property
    def engine(self) -> EngineReport:
        """What computes its forward pass."""
        return self._report

    @property
    def model(self) -> nn.Module:
        """The lerobot ACT module: torch, evaluation mode, parameters without gradients.

        prepare() gives its inputs. It is the policy's own: changing it is at the caller's risk.
        """
        return self._model

    def reset(self) -> None:
        """Start an episode: empty queue and ensemble, step 0."""
        self._queue.reset()
        if self._ensemble is not None:
            self._ensemble.reset()
        self._popped = None
        self._step = 0

    def show(self, look: Look) -> None:
        """Which weights later outputs hold; see interface.Policy."""
        check_look(self._spec, look)
        self._looks = (look,)
        self._encoder_layers, self._mean_over_heads = encoder_needs(
            self._looks, self._spec.encoder_layers
        )

    def show_encoder_layers(
        self, layers: Collection[int], *, mean_over_heads: bool = False
    ) -> None:
        """Keep the self-attention of any encoder layers at once, instead of a look.

        Args:
            layers: whose `encoder_attention` later outputs hold.
            mean_over_heads: only its mean, as if it were one head: less to keep and to read.

        Raises:
            PolicyError: the policy has no such layer; the setting stays as it was.
        """
        self._encoder_layers = valid_layers(layers, self._spec.encoder_layers)
        self._mean_over_heads = mean_over_heads
        self._looks = ()

    @property
    def tokens_layer(self) -> str:
        """Which layer the tokens of later outputs are of."""
        return self._tokens_layer

    def take_tokens(self, layer: str) -> None:
        """Which layer's tokens later outputs hold: "encoder", its output, to begin with.

        "encoder_input" are the tokens that the encoder reads, "encoder.layers.K" layer K's output.
        """
        self._place(layer)
        self._tokens_layer = layer

    def edit_tokens(self, edit: EditTokens | None) -> None:
        """Replace the tokens of tokens_layer by edit(tokens) in later steps; None takes it back.

        Args:
            edit: from (1, tokens, dim) float32 on the policy's device to new ones of that shape.
                What comes after them in the pass, and the output's tokens, are the new ones. An
                edited pass runs eagerly in float32, whatever the engine.
        """
        self._edit = edit

    def expect(self, observations: Sequence[Mapping[str, NDArray[np.generic]]]) -> None:
        """Compute the passes of these observations in one batch, eagerly in float32.

        Queue, ensemble and order do not notice: each later step or explain that is given one of
        these very objects takes its part of the batch. For recordings, whose next observations are
        known.
        """
        self._ahead.expect(observations)

    def pop_action(self) -> QueuedAction | None:
        """Take the next queued action; None if there is none, always in temporal ensembling."""
        self._popped = self._queue.pop()
        return self._popped

    def skip(self) -> None:
        """Count a step without a forward pass."""
        self._popped = None
        self._step += 1

    @property
    def queued(self) -> int:
        """How many actions are left in the queue."""
        return len(self._queue)

    def explain(self, observation: Mapping[str, NDArray[np.generic]]) -> ActOutput:
        """A forward pass that moves nothing; see interface.Policy."""
        asked = self._asked()
        output = explanation(self._run(observation, asked), asked)
        self.skip()
        return output

    def explain_later(
        self, observation: Mapping[str, NDArray[np.generic]]
    ) -> Callable[[], ActOutput]:
        """explain(), whose pass any thread may run later; see abilities.ExplainingLater."""
        asked = self._asked()
        self.skip()
        return lambda: explanation(self._run(observation, asked), asked)

    def step(self, observation: Mapping[str, NDArray[np.generic]]) -> ActOutput:
        """The next action, with a forward pass on this observation; see interface.Policy."""
        asked = self._asked()
        run = self._run(observation, asked)
        executed = True
        if self._ensemble is not None:
            averaged = self._ensemble.update(run.normalised)
            action = self._preparation.unnormalised(torch.from_numpy(averaged[None]))[0]
            queued = QueuedAction(action, self._step)
        else:
            executed = len(self._queue) == 0
            if executed:
                self._queue.fill(run.chunk, self._step)
            popped = self._queue.pop()
            assert popped is not None  # n_action_steps is at least 1
            queued = popped
        self.skip()
        return output_of(run, asked, queued, chunk_executed=executed)

    def prepare(self, observations: Sequence[Mapping[str, NDArray[np.generic]]]) -> Prepared:
        """The normalised tensors of some observations, as one batch on the policy's device.

        In memory of their own: another thread may step the policy meanwhile.

        Raises:
            ObservationError: one of them does not fit.
            PolicyError: there is none.
        """
        if not observations:
            message = "prepare needs at least one observation"
            raise PolicyError(message)
        for observation in observations:
            check_observation(self._spec, observation)
        return self._preparation.many(observations)

    def forward(
        self,
        prepared: Prepared,
        *,
        looks: Sequence[Look] = (),
        encoder_layers: Collection[int] = (),
        mean_over_heads: bool = False,
        tokens_layer: str | None = None,
        edit: EditTokens | None = None,
    ) -> ActBatch:
        """Passes of any batch size that leave queue, ensemble, step and settings as they are.

        One observation without an edit runs in the policy's engine, everything else eagerly in
        float32.

        Args:
            prepared: what prepare() gave, or tensors of that form.
            looks: whose weights the result shall hold.
            encoder_layers: instead of looks, whose self-attention it shall hold.
            mean_over_heads: only its mean, as if it were one head.
            tokens_layer: which tokens it shall hold and `edit` is given; None: as take_tokens says.
            edit: from the tokens (B, tokens, dim) of that layer to those that the rest of the pass
                reads.

        Raises:
            PolicyError: a layer or look that is not there, an edit that changes the tokens' shape.
        """
        place = self._place(self._tokens_layer if tokens_layer is None else tokens_layer)
        layers = valid_layers(encoder_layers, self._spec.encoder_layers)
        mean = mean_over_heads
        if looks:
            for look in looks:
                check_look(self._spec, look)
            layers, mean = encoder_needs(looks, self._spec.encoder_layers)
        edited = None if edit is None else Edit(place, edit)
        with self._passing:
            result = self._compute(prepared, layers, edited, mean_over_heads=mean)
        batch, steps, _ = result.chunk.shape
        attention = as_array(result.attention)
        encoder = {k: as_array(w) for k, w in result.encoder_attention.items()}
        return ActBatch(
            normalised=as_array(result.chunk),
            chunks=self._preparation.unnormalised(result.chunk.flatten(0, 1)).reshape(
                batch, steps, -1
            ),
            tokens=as_array(result.places[place]),
            weights=weights_of(looks, dict(enumerate(attention.swapaxes(0, 1))), encoder),
            attention=attention,
            encoder_attention=encoder,
        )

    def precision_error(self, observation: Mapping[str, NDArray[np.generic]]) -> PrecisionError:
        """How far the engine is from the eager float32 pass on this observation.

        With the encoder's weights that are asked for: they can change which kernels run.

        The policy's state is unchanged. For the thread that steps the policy.

        Raises:
            ObservationError: the observation does not fit.
        """
        check_observation(self._spec, observation)
        shown, mean = self._encoder_layers, self._mean_over_heads
        with self._passing:
            prepared = self._preparation.one(observation, reuse=True)
            ours = self._engine(prepared, shown, mean_over_heads=mean)
            with full_float32():
                exact = self._forward(prepared, shown, mean_over_heads=mean)
        return difference(ours, exact)

    def _asked(self) -> Asked:
        """What a pass of this step is to give, whatever is set until it runs."""
        place = self._place(self._tokens_layer)
        return Asked(
            looks=self._looks,
            encoder_layers=self._encoder_layers,
            mean_over_heads=self._mean_over_heads,
            place=place,
            edit=None if self._edit is None else Edit(place, self._edit),
            # Contributions are of the policy as it is.
            inputs=self._keep_inputs and self._edit is None,
            chunk_mode=self._spec.chunk_mode,
            step=self._step,
            popped=self._popped,
        )

    def _run(self, observation: Mapping[str, NDArray[np.generic]], asked: Asked) -> Run:
        """Everything that can fail; leaves the policy's state alone. Of any thread."""
        check_observation(self._spec, observation)
        layers, mean = asked.encoder_layers, asked.mean_over_heads
        with self._passing:
            start = time.perf_counter()
            ahead = None
            if asked.edit is None and not self._hooked:
                ahead = self._ahead.take(observation, layers, mean_over_heads=mean)
            if ahead is None:
                prepared = self._preparation.one(observation, reuse=True)
                result = self._compute(prepared, layers, asked.edit, mean_over_heads=mean)
            else:
                result, shared = ahead
            run = Run(
                normalised=as_array(result.chunk[0]),
                chunk=self._preparation.unnormalised(result.chunk[0]),
                attention=as_array(result.attention[0]),
                encoder_attention={k: as_array(w[0]) for k, w in result.encoder_attention.items()},
                tokens=as_array(result.places[asked.place][0]),
                inputs=as_array(result.places[0][0]) if asked.inputs else None,
                seconds=time.perf_counter() - start if ahead is None else shared,
            )
        wrong = not_finite(run)
        if wrong:
            message = f"{self._spec.name} predicted {wrong} not finite on this observation"
            raise PolicyError(message)
        return run

    def _compute(
        self,
        prepared: Prepared,
        layers: Collection[int],
        edit: Edit | None,
        *,
        mean_over_heads: bool,
    ) -> Pass:
        if self._hooked:  # lerobot's own modules, which the engines are not
            self._begin_pass()
            hooked = HookedForward(self._model)
            return hooked(prepared, layers, edit, mean_over_heads=mean_over_heads)
        if edit is None and prepared.batch_size == 1:
            return self._engine(prepared, layers, mean_over_heads=mean_over_heads)
        return self._forward(prepared, layers, edit, mean_over_heads=mean_over_heads)

    def _sites(self) -> Sequence[Site]:
        return list(act_sites(self._model, self._spec))

    def _place(self, layer: str) -> int:
        return index_of_place(self._places, layer)
