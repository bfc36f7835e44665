# SPDX-License-Identifier: Apache-2.0
"""What a step asks of its pass, and what it makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pam_ros.policy.interface import PolicyOutput, QueuedAction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pam_ros.attention.look import WeightKey
    from pam_ros.policy.abilities import EditTokens
    from pam_ros.policy.noise import Stream
    from pam_ros.policy.smolvla.prepare import Inputs
    from pam_ros.policy.smolvla.words import Words
    from pam_ros.policy.taps import Wanted

    Observation = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True, eq=False)
class SmolVlaOutput(PolicyOutput):
    """One pass of a SmolVLA.

    Attributes:
        normalised: (chunk_size, action_dim) float32, the chunk before it was un-normalised.
        inputs: what the pass took, its noise and words included, if it was asked to be kept.
    """

    normalised: NDArray[np.float32] = field(kw_only=True)
    inputs: Inputs | None = field(kw_only=True, default=None)


class Asked(NamedTuple):
    """What a step wants of its pass, as it was set when the step was."""

    words: Words
    wanted: Wanted
    place: int
    edit: EditTokens | None
    noise_of: Observation | None
    drawn: tuple[int, int]
    step: int
    popped: QueuedAction | None
    inputs: bool
    stream: Stream = "explaining"


class Run(NamedTuple):
    """A pass of one observation, its actions un-normalised; `seconds` it took."""

    normalised: NDArray[np.float32]
    chunk: NDArray[np.float32]
    inputs: Inputs | None
    tokens: NDArray[np.float32] | None
    weights: dict[WeightKey, NDArray[np.float32]]
    seconds: float
    noise_seed: int


def not_finite(run: Run) -> str:
    """Which of its results is not finite; empty if all are."""
    if not np.isfinite(run.chunk).all():
        return "a chunk that is"
    for (stack, layer, _), weights in run.weights.items():
        if not np.isfinite(weights.sum()):
            return f"attention of {stack} layer {layer} that is"
    return ""


def output_of(run: Run, asked: Asked, queued: QueuedAction, *, executed: bool) -> SmolVlaOutput:
    """The output of a pass, with the action to execute now."""
    return SmolVlaOutput(
        action=queued.action,
        chunk=run.chunk,
        tokens=run.tokens,
        chunk_mode="queue",
        chunk_executed=executed,
        action_source_step=queued.source_step,
        step=asked.step,
        forward_seconds=run.seconds,
        weights=run.weights,
        normalised=run.normalised,
        inputs=run.inputs,
        noise_seed=run.noise_seed,
    )
