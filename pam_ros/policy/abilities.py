# SPDX-License-Identifier: Apache-2.0
"""What only some policies can do: one protocol each, asked for by isinstance.

A room takes a `Policy`. A feature that needs more asks once, and says in one sentence that the
policy does not have it; the rest of the room goes on without:

    if not isinstance(policy, TokenEditing):
        raise SaeError(lacks(policy, "its tokens cannot be edited"))

A policy has an ability by having its members: it inherits nothing and registers nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from pam_ros.attention.attribution import Attribution, Target
    from pam_ros.attention.contribution import ContributionRequest
    from pam_ros.attention.look import Look
    from pam_ros.policy.hooks.points import Hook, HookPoint
    from pam_ros.policy.interface import (
        BatchResult,
        Policy,
        PolicyOutput,
        PolicySpec,
        PrecisionError,
    )

    Observation = Mapping[str, NDArray[np.generic]]
    EditTokens = Callable[[Tensor], Tensor]

Prepared = TypeVar("Prepared")
"""A policy's own form of normalised inputs: nobody else looks into it."""
TOKENS_LAYER = "encoder"
"""The layer whose tokens are taken unless another is named: by convention what the actions read."""


def lacks(policy: Policy, what: str) -> str:
    """The sentence for an ability that a policy does not have."""
    return f"policy {policy.spec.name} does not allow this: {what}"


def take_tokens(policy: Policy, layer: str) -> None:
    """Have later outputs hold this layer's tokens.

    The default layer is not refused: a policy without tokens runs, and its outputs have none.

    Raises:
        PolicyError: the policy has no such layer, or gives no tokens at all.
    """
    if isinstance(policy, TokenReading):
        policy.take_tokens(layer)
    elif layer != TOKENS_LAYER:
        raise PolicyError(lacks(policy, "it gives no hidden tokens"))


@runtime_checkable
class Batching(Protocol[Prepared]):
    """Runs passes of several observations at once, and leaves the policy's own state alone."""

    @property
    def spec(self) -> PolicySpec:
        """What it reads and writes."""
        ...

    def prepare(self, observations: Sequence[Observation]) -> Prepared:
        """The normalised inputs of some observations, as one batch.

        In memory of their own: another thread may step the policy meanwhile.

        Raises:
            ObservationError: one of them does not fit.
            PolicyError: there is none.
        """
        ...

    def forward(
        self,
        prepared: Prepared,
        *,
        looks: Sequence[Look] = (),
        tokens_layer: str | None = None,
    ) -> BatchResult:
        """Passes that leave queue, ensemble, step and settings as they are.

        Args:
            prepared: what prepare() gave.
            looks: whose weights the result shall hold, all of them from these passes.
            tokens_layer: which layer's tokens it shall hold; None: as take_tokens says.

        Raises:
            PolicyError: a layer or look that is not there.
        """
        ...


@runtime_checkable
class TokenReading(Protocol):
    """Gives the hidden tokens of a layer by the layer's name."""

    @property
    def tokens_layer(self) -> str:
        """Which layer the tokens of later outputs are of."""
        ...

    def take_tokens(self, layer: str) -> None:
        """Which layer's tokens later outputs hold; each policy's page has the names.

        Raises:
            PolicyError: the policy has no such layer; the setting stays as it was.
        """
        ...


@runtime_checkable
class TokenEditing(Batching[Prepared], TokenReading, Protocol[Prepared]):
    """Lets others change the tokens of a layer inside the pass.

    An edit takes (B, tokens, dim) float32 on the policy's device to new tokens of that shape; all
    that follows in the pass, and the result's tokens, are the new ones.
    """

    def edit_tokens(self, edit: EditTokens | None) -> None:
        """Edit the tokens of tokens_layer in later steps; None takes it back."""
        ...

    def forward(
        self,
        prepared: Prepared,
        *,
        looks: Sequence[Look] = (),
        tokens_layer: str | None = None,
        edit: EditTokens | None = None,
    ) -> BatchResult:
        """As Batching.forward; `edit` changes the tokens of tokens_layer.

        Raises:
            PolicyError: a layer or look that is not there, an edit that changes the tokens' shape.
        """
        ...


@runtime_checkable
class Hooking(Batching[Prepared], Protocol[Prepared]):
    """Has activations with names, which hooks read and replace as in TransformerLens."""

    @property
    def hook_points(self) -> Mapping[str, HookPoint]:
        """What has a name, in the order of the pass."""
        ...

    def hooks(self, fwd_hooks: Sequence[tuple[str, Hook]]) -> AbstractContextManager[None]:
        """Passes inside call these hooks, also those of step and explain, in lerobot's own modules.

        Where none is open, passes run as if there were no hooks at all.

        Args:
            fwd_hooks: pairs of a point's name and a function of its activation, a tensor with the
                batch first, and of where it is (`here.name`, `here.step`). What it returns takes
                the activation's place; None leaves it. The tensor is a copy, which it may keep.

        Raises:
            PolicyError: there is no such point; in a pass, a hook returned another shape.
        """
        ...


@runtime_checkable
class PrecisionMeasuring(Protocol):
    """Knows its own pass in full precision."""

    def precision_error(self, observation: Observation) -> PrecisionError:
        """How far its engine is from the eager float32 pass; its state is unchanged.

        Raises:
            ObservationError: the observation does not fit.
        """
        ...


@runtime_checkable
class LookingAhead(Protocol):
    """Computes observations that are known in advance in one batch."""

    def expect(self, observations: Sequence[Observation]) -> None:
        """Later steps that are given one of these very objects may take their part of a batch.

        Their results, queue, ensemble and order are those of single passes.
        """
        ...


@runtime_checkable
class GradientExplaining(Protocol):
    """Has gradient methods: which pixels would change a number that it predicts."""

    def attribute(
        self,
        observation: Observation,
        method: str,
        *,
        target: Target = ...,
        baseline: str | Mapping[str, NDArray[np.uint8]] = "blur",
        steps: int = 32,
        joints: Sequence[str] = (),
    ) -> Attribution:
        """One method on one observation; the policy's state is unchanged.

        Args:
            observation: as Policy.step takes it.
            method: one of attention.attribution.GRADIENT_METHODS.
            target: what is explained.
            baseline: what the observation is compared with: "black", "mean" or "blur", or pictures
                by feature, (H, W, 3) uint8 RGB of the policy's size.
            steps: of integrated gradients.
            joints: names for the target's label.

        Raises:
            PolicyError: a method, target or baseline that it does not have.
        """
        ...

    @property
    def why_not_beside_ticks(self) -> str:
        """Why another thread must not attribute while this one steps; empty if it may."""
        ...

    def why_no_baseline(self, baseline: str) -> str:
        """Why it cannot give this baseline; empty if it can. Ask before the first step."""
        ...


@runtime_checkable
class LackingMethods(Protocol):
    """Has gradients, but not each method of them."""

    def why_no_method(self, method: str) -> str:
        """Why it cannot give this one of attention.attribution.GRADIENT_METHODS; empty: it can."""
        ...


@runtime_checkable
class Contributing(Protocol):
    """Says cheaply which parts of its inputs made the chunk what it is, and beside its steps."""

    def keep_inputs(self, *, keep: bool) -> None:
        """Whether later outputs hold what spares contribute a part of its pass. False at first."""
        ...

    def contribute(
        self,
        observation: Observation,
        request: ContributionRequest,
        output: PolicyOutput | None = None,
    ) -> Attribution:
        """The contributions on one observation. Any thread may call it while another steps.

        Args:
            observation: as Policy.step takes it.
            request: the method, its target and its baseline. The attribution's `also` has one for
                each further target, in their order, or why it is missing. Where the target or the
                baseline is another than was asked for, its `reason` says why.
            output: of a pass on this very observation, which spares a part of the work.

        Raises:
            PolicyError: as why_no_contribution says, or a contribution that is not finite.
        """
        ...

    def why_no_contribution(self, request: ContributionRequest) -> str:
        """Why it cannot be asked for this; empty if it can. Runs no pass."""
        ...

    def mean_tokens(self, observations: Sequence[Observation]) -> NDArray[np.float32]:
        """The mean of each of the pictures' tokens (cells, dim) over at least one observation.

        Raises:
            ObservationError: one of them does not fit.
        """
        ...

    @property
    def tokens_compared_with(self) -> str:
        """What tokens are compared with: "fitted" means that it was given, or the "running" one."""
        ...

    def compare_with(self, means: NDArray[np.float32] | None) -> None:
        """Compare tokens with these, as mean_tokens gives them; None: with those so far.

        Raises:
            PolicyError: they are not of this policy.
        """
        ...


@runtime_checkable
class Observing(Protocol):
    """Reads observations of ticks on which no pass runs, as a policy with history has to."""

    def observe(self, observation: Observation) -> None:
        """Take the observation of a tick that is about to be skipped.

        step and explain take theirs themselves.

        Raises:
            ObservationError: it does not fit.
        """
        ...


@runtime_checkable
class ExplainingLater(Protocol):
    """Computes passes in another thread than the one that steps it."""

    @property
    def queued(self) -> int:
        """How many actions pop_action still has."""
        ...

    def explain_later(self, observation: Observation) -> Callable[[], PolicyOutput]:
        """explain(), in two parts: this one counts the step, what it returns runs the pass.

        The pass is that of this moment, whatever is called until it runs: what is shown, the
        tokens' layer and edit, the action popped, the observations before, the words and the step's
        number are taken along. It changes nothing in the policy, and any thread may run it while
        another steps, pops, resets, instructs or asks for other weights. Passes wait for each
        other; nothing else waits for a pass.

        Returns:
            The pass, to be called at most once; raises as explain does.
        """
        ...


@runtime_checkable
class NoiseHolding(Protocol):
    """Draws noise, and can draw the same for different observations (common random numbers)."""

    def hold_noise(self, observation: Observation | None) -> None:
        """Draw in later passes, of whatever observation, what a pass of this one draws.

        None: each its own again.
        """
        ...


@runtime_checkable
class NoiseNumbered(Protocol):
    """Draws noise by the number of the episode and of the step, and can be told both."""

    def draw_as(self, episode: int, step: int, *, moves: bool = False) -> None:
        """Draw in the next step or explain what belongs to this step of this episode.

        Later ones count on from there, and a reset begins another episode, until it is told again.

        Args:
            episode: its number.
            step: its number.
            moves: whether the chunk of the next explain or explain_later may move the robot: then
                it draws what step would.
        """
        ...


@runtime_checkable
class ReadingOtherWords(Protocol):
    """Reads other words for a while."""

    def reading(self, text: str) -> AbstractContextManager[None]:
        """Passes inside read these words; queue and step stay, and its own words come back.

        Raises:
            PolicyError: it cannot read them.
        """
        ...


@runtime_checkable
class Instructed(Protocol):
    """Reads words, and can be given others."""

    @property
    def instruction(self) -> str:
        """The words that it reads; empty where it has none yet."""
        ...

    def instruct(self, text: str) -> None:
        """Read these words in later passes, as they are; empty: none, if it can do without.

        Where they are others, queue and ensemble are emptied: nothing that was planned under the
        old ones is executed. Observations before stay, and steps count on. The spec's groups and
        stacks are then of these words, also where their number of tokens is another: whoever reads
        them asks for the spec anew.

        Raises:
            PolicyError: it cannot read them; the words stay as they were.
        """
        ...
