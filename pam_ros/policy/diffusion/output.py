# SPDX-License-Identifier: Apache-2.0
"""What a pass of Diffusion Policy gives, and what it was asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from pam_ros.policy.interface import PolicyOutput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pam_ros.policy.abilities import EditTokens
    from pam_ros.policy.diffusion.prepare import History
    from pam_ros.policy.interface import QueuedAction


@dataclass(frozen=True, eq=False)
class DiffusionOutput(PolicyOutput):
    """One pass of Diffusion Policy.

    Attributes:
        normalised: (chunk_size, action_dim) float32, the chunk before it was un-normalised.
        history: the observations that the pass read, the newest last.
        seed: of the noise that it drew.
        edited: whether its tokens were.
    """

    normalised: NDArray[np.float32] = field(kw_only=True)
    history: History = field(kw_only=True)
    seed: int = field(kw_only=True)
    edited: bool = field(kw_only=True, default=False)


class Asked(NamedTuple):
    """What a step wants of its pass, as it was set when the step was.

    Attributes:
        history: the observations, the newest last, of the spec's length.
        seed: of the noise.
        maps: whether the keypoints' maps are kept.
        edit: of the tokens.
        step: its number.
        popped: the action that the step took from the queue.
    """

    history: History
    seed: int
    maps: bool
    edit: EditTokens | None
    step: int
    popped: QueuedAction | None


class Run(NamedTuple):
    """A pass of one history; its chunk in normalised units and in the policy's; `seconds` it took.

    maps: (K, 1, cells), or None.
    """

    normalised: NDArray[np.float32]
    chunk: NDArray[np.float32]
    tokens: NDArray[np.float32]
    maps: NDArray[np.float32] | None
    seconds: float


def output_of(
    run: Run, asked: Asked, queued: QueuedAction, stack: str, *, executed: bool
) -> DiffusionOutput:
    """The output of a pass, with the action to execute now; stack: of the maps."""
    return DiffusionOutput(
        action=queued.action,
        chunk=run.chunk,
        tokens=run.tokens,
        chunk_mode="queue",
        chunk_executed=executed,
        action_source_step=queued.source_step,
        step=asked.step,
        forward_seconds=run.seconds,
        weights={} if run.maps is None else {(stack, 0, 0): run.maps},
        normalised=run.normalised,
        history=asked.history,
        seed=asked.seed,
        edited=asked.edit is not None,
        noise_seed=asked.seed,
    )
