# SPDX-License-Identifier: Apache-2.0
"""What one tick did."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from pam_ros.policy.interface import Policy, PolicyOutput


@dataclass(frozen=True, eq=False)
class LatePass:
    """A tick's pass that is still to run, in another thread.

    Attributes:
        run: the pass; see abilities.ExplainingLater.
        free_ticks: how many ticks from this one on the policy is not needed for a command.
        ticket: for which plan it makes the next chunk; None where it only explains.
    """

    run: Callable[[], PolicyOutput]
    free_ticks: int
    ticket: int | None = None


@dataclass(frozen=True)
class TickOutcome:
    """What one tick did.

    command_source_tick: the tick whose forward pass made this tick's action; in temporal_ensemble
    mode, and where there is no action, this tick. chunk_executed: whether this tick's chunk moves
    the robot: it takes part in this tick's action and a command went out, or, where chunks are
    computed beside the commands, in that of a later tick. output: None where the forward pass was
    skipped, failed or is still to run; `invalid_reason` says why. late: the pass that is still to
    run. dry: whether there was no action, since the next chunk has not come. rows_dropped: how many
    ticks after this one the pass had ended, where chunks are computed beside the commands: so many
    of the chunk's first rows came too late.
    """

    episode: int
    tick: int
    command_source_tick: int
    commanded: bool
    chunk_executed: bool
    inference_skipped: bool
    invalid_reason: str
    output: PolicyOutput | None
    late: LatePass | None = None
    dry: bool = False
    rows_dropped: int = 0

    @property
    def first_executed_tick(self) -> int:
        """The first tick whose command is, or could have been, of this tick's chunk."""
        return self.tick + self.rows_dropped

    @property
    def valid(self) -> bool:
        """Whether there is something to show."""
        return self.output is not None and not self.invalid_reason

    def made_invalid(self, reason: str) -> TickOutcome:
        """The same tick, which turned out to have nothing to show."""
        return replace(self, invalid_reason=reason)

    def left_out(self, reason: str) -> TickOutcome:
        """The same tick, whose pass does not run, or whose map is not made."""
        return replace(
            self, late=None, inference_skipped=True, invalid_reason=f"inference skipped: {reason}"
        )

    def ended(self, output: PolicyOutput | None, reason: str, rows_dropped: int = 0) -> TickOutcome:
        """The same tick, whose late pass has ended."""
        return replace(
            self, late=None, output=output, invalid_reason=reason, rows_dropped=rows_dropped
        )


def not_finite(output: PolicyOutput, policy: Policy) -> str:
    """What of an output is not finite; empty where all is."""
    # A sum is finite only where every term is, and costs no array of booleans.
    if not math.isfinite(float(np.sum(output.chunk, dtype=np.float64))):
        return "the policy's chunk holds a value that is not finite"
    if not math.isfinite(float(np.sum(output.action, dtype=np.float64))):
        return "the policy's action holds a value that is not finite"
    # Weights are 1 at most: float32 cannot overflow, and takes half as long.
    for (stack, layer, _), weights in output.weights.items():
        if not math.isfinite(float(np.sum(weights))):
            whose = "the policy's attention"
            if policy.spec.stack(stack).kind == "self":
                whose = f"the attention of {stack} layer {layer}"
            return f"{whose} holds a value that is not finite"
    return ""
