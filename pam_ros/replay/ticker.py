# SPDX-License-Identifier: Apache-2.0
"""Runs the live tick code over observed ticks, a batch of them at a time."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pam_ros.bags.errors import BagError
from pam_ros.policy.abilities import LookingAhead, Observing
from pam_ros.policy.words import instruction_of
from pam_ros.replay.live_commands import LiveCommands
from pam_ros.robot import MessageError
from pam_ros.tick.chunk_history import ChunkHistory
from pam_ros.tick.explained import explain
from pam_ros.tick.loop import TickLoop, longest_gap_s

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from pam_ros.attention.layout import TokenLayout
    from pam_ros.observations.observed import ObservedTick
    from pam_ros.policy.interface import Policy
    from pam_ros.replay.looks import Shown
    from pam_ros.robot import Contract, MessageSet, Observation
    from pam_ros.tick.explained import ExplainedTick


@dataclass(frozen=True, eq=False)
class ReplayedTick:
    """A tick that ran.

    Attributes:
        index: its place among the recording's ticks.
        observed: what the recording says of it.
        tick: what came of it.
        layout: of the policy's tokens at this tick.
        action: (joints,) what the policy asked for, in its units; None if it failed, and where the
            live run had no chunk to take one from.
    """

    index: int
    observed: ObservedTick
    tick: ExplainedTick
    layout: TokenLayout
    action: NDArray[np.float32] | None


class Ticker:
    """TickLoop under a recording's numbers.

    `counts`: ticks by what became of them: "unusable" sets whose messages could not be converted
    (`unusable` is the last reason), "incomplete" ones, "unknown_chunk" where a queued action came
    from a chunk that was predicted before the recording, or in a tick that it lacks. Ticks below
    the index `count_from` run again, and are not counted again.

    Args:
        policy: that is replayed.
        contract: bound to it.
        observe: reads a tick's messages.
        ahead: whether the live run computed chunks beside the commands. Its commands are then taken
            from the chunks that the recording names, and the loop only looks.
    """

    def __init__(
        self,
        policy: Policy,
        contract: Contract,
        observe: Callable[[ObservedTick], tuple[MessageSet, Observation]],
        *,
        ahead: bool = False,
    ) -> None:
        self._policy = policy
        self._spec = policy.spec
        self._read = observe
        self._loop = TickLoop(policy, longest_gap_s(contract.max_age_s, contract.rate_hz))
        self._commands = LiveCommands(policy.spec, ahead=ahead)
        self._ahead = ahead
        self._chunks = ChunkHistory()
        self._begun = False
        # The tick before, by episode and number: what a policy with history has seen.
        self._last: tuple[int, int, Observation] | None = None
        self.counts: Counter[str] = Counter()
        self.count_from = 0
        self.unusable = ""

    @property
    def numbers(self) -> tuple[int, int]:
        """Episode and number of the next tick, where the recording names none."""
        return self._loop.episode, self._loop.ticks

    def begin(self, episode: int, tick: int) -> None:
        """Start from these numbers, with an empty queue or ensemble."""
        self._loop.begin(episode, tick)

    def run(
        self, batch: Sequence[tuple[int, ObservedTick]], selection: Shown, instruction: str = ""
    ) -> Iterator[ReplayedTick]:
        """The ticks, in order; those that have no usable set are counted and left out.

        Args:
            batch: ticks and their indices.
            selection: what their maps show.
            instruction: what the policy reads for all of them; empty: what it reads already.

        Raises:
            PolicyError: it cannot read this.
        """
        if instruction and instruction != instruction_of(self._policy):
            self._loop.instruct(instruction)
        selection.apply_to(self._policy)
        ready = [self._observe(index, observed) for index, observed in batch]
        if isinstance(self._policy, LookingAhead):
            self._policy.expect([one[1].features for one in ready if one is not None])
        for (index, observed), one in zip(batch, ready, strict=True):
            self._number(observed)
            if one is None:
                if observed.recorded is not None:
                    self._loop.pass_over(1)
                continue
            yield self._tick(index, observed, *one, selection)

    def _tick(
        self,
        index: int,
        observed: ObservedTick,
        inputs: MessageSet,
        observation: Observation,
        selection: Shown,
    ) -> ReplayedTick:
        actions: list[NDArray[np.float32]] = []
        recorded = observed.recorded

        def act(action: NDArray[np.float32], _: NDArray[np.float32] | None) -> bool:
            actions.append(action)
            # Whether a command went out is what the recording says of the tick that made it.
            made_here = recorded is not None and recorded.source_tick == recorded.tick
            return recorded.chunk_executed if recorded is not None and made_here else True

        outcome = self._loop.run(
            observation.features,
            act,
            lambda: math.inf,
            inputs.stamp_ns,
            commanding=not self._ahead,
            moves=self._ahead and recorded is not None and recorded.chunk_executed,
        )
        self._last = outcome.episode, outcome.tick, observation
        self._chunks.note(outcome)
        commanded = self._commands.of(recorded, outcome, actions[0] if actions else None)
        if not commanded.known:
            self._count(index, "unknown_chunk")
        before = self._chunks.before(outcome)
        spec = self._policy.spec
        tick = explain(
            *(inputs, observation, commanded.outcome, selection, spec, before),
            instruction=instruction_of(self._policy),
        )
        self._count(index, "valid" if tick.maps is not None else "invalid")
        return ReplayedTick(index, observed, tick, spec.layout, commanded.action)

    def _number(self, observed: ObservedTick) -> None:
        """Bring the loop to this tick: episodes, lost ticks and chunks as they were recorded."""
        recorded = observed.recorded
        if recorded is None:
            if observed.restart:
                self._loop.begin(self._loop.episode + 1, self._loop.ticks)
            return
        episode, tick = self.numbers
        # In queue mode a chunk of a tick's own says that the queue was empty.
        queue = self._spec.chunk_mode == "queue" and not self._ahead
        fresh = queue and recorded.source_tick == recorded.tick
        if fresh or not self._begun or recorded.episode != episode or recorded.tick < tick:
            self._loop.begin(recorded.episode, recorded.tick)
            self._remember(recorded.episode, recorded.tick)
        else:
            self._loop.pass_over(recorded.tick - tick)
        self._begun = True

    def _remember(self, episode: int, tick: int) -> None:
        """Give a policy with history the tick before: live, the queue alone began anew."""
        if (
            isinstance(self._policy, Observing)
            and self._last is not None
            and self._last[:2] == (episode, tick - 1)
        ):
            self._policy.observe(self._last[2].features)

    def _count(self, index: int, cause: str) -> None:
        self.counts[cause] += index >= self.count_from

    def _observe(self, index: int, observed: ObservedTick) -> tuple[MessageSet, Observation] | None:
        if observed.missing:
            self._count(index, "incomplete")
            return None
        try:
            return self._read(observed)
        except (MessageError, BagError) as error:
            self._count(index, "unusable")
            self.unusable = str(error)
            return None
