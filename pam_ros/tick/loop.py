# SPDX-License-Identifier: Apache-2.0
"""One tick: an observation goes in, the action comes out first, what explains it afterwards.

The live node and the replay of a recording run this same code.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.policy.abilities import Observing
from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from pam_ros.policy.interface import Policy, PolicyOutput

    Act = Callable[[NDArray[np.float32], NDArray[np.float32] | None], bool]

_LOG = logging.getLogger(__name__)
_WINDOW = 20


@dataclass(frozen=True)
class TickOutcome:
    """What one tick did.

    command_source_tick: the tick whose forward pass made this tick's action; in temporal_ensemble
    mode this tick. chunk_executed: whether this tick's chunk takes part in that action and a
    command went out. output: None where the forward pass was skipped or failed; `invalid_reason`
    says why.
    """

    episode: int
    tick: int
    command_source_tick: int
    commanded: bool
    chunk_executed: bool
    inference_skipped: bool
    invalid_reason: str
    output: PolicyOutput | None

    @property
    def valid(self) -> bool:
        """Whether there is something to show."""
        return self.output is not None and not self.invalid_reason

    def made_invalid(self, reason: str) -> TickOutcome:
        """The same tick, which turned out to have nothing to show."""
        return replace(self, invalid_reason=reason)


@dataclass
class _Tick:
    """A tick under way; the fields are those of its outcome."""

    number: int
    episode: int
    source: int
    queued: bool = False
    commanded: bool = False
    skipped: bool = False
    reason: str = ""
    output: PolicyOutput | None = None

    def outcome(self) -> TickOutcome:
        output = self.output
        return TickOutcome(
            episode=self.episode,
            tick=self.number,
            command_source_tick=self.source,
            commanded=self.commanded,
            chunk_executed=self.commanded and output is not None and output.chunk_executed,
            inference_skipped=self.skipped,
            invalid_reason=self.reason,
            output=output,
        )


class TickLoop:
    """Runs a policy tick by tick and keeps count.

    In queue mode a queued action goes out before the forward pass, which then feeds the attention
    alone; it is skipped where it would not end before the next command is due. Where that pass
    fails or is not finite, the rest of the queue is dropped: whatever is wrong with the policy, no
    command follows until a forward pass is good again.

    While nothing is commanded every tick has its pass, however long it takes, and plans nothing.
    Whenever commands begin anew, what was planned before is dropped: the first one is of a chunk
    that was predicted for it.

    longest_gap_s: where the observations of two ticks lie farther apart than this [s], what was
    planned before (queue or ensemble) is dropped: the world has gone on.
    """

    def __init__(self, policy: Policy, longest_gap_s: float = math.inf) -> None:
        self._policy = policy
        self._longest_gap_s = longest_gap_s
        self._last_tick = self._last_stamp_ns = -1
        self._episode = 0
        self._tick = 0
        self._episode_start = 0
        self._planned = False
        self._permit = 0
        self._forward_seconds: deque[float] = deque(maxlen=_WINDOW)

    @property
    def ticks(self) -> int:
        """Ticks so far; the next one has this number."""
        return self._tick

    @property
    def episode(self) -> int:
        """The current episode, counted from 0."""
        return self._episode

    def reset(self) -> None:
        """Start an episode: the policy forgets its queue or ensemble."""
        self._policy.reset()
        self._episode += 1
        self._episode_start = self._tick

    def begin(self, episode: int, tick: int) -> None:
        """Start an episode under a recording's numbers: the next tick has this one."""
        self._policy.reset()
        self._episode, self._tick = episode, tick
        self._episode_start = tick

    def pass_over(self, ticks: int) -> None:
        """Let ticks go by whose observations are not known; their queued actions go with them."""
        for _ in range(ticks):
            self._policy.pop_action()
            self._policy.skip()
            self._tick += 1

    def note_forward(self, seconds: float) -> None:
        """Take a forward pass's duration [s] into the estimate of the next one's."""
        self._forward_seconds.append(seconds)

    def run(
        self,
        observation: Mapping[str, NDArray[np.generic]],
        act: Act,
        seconds_left: Callable[[], float],
        stamp_ns: int = -1,
        *,
        commanding: bool = True,
        permit: int = 0,
    ) -> TickOutcome:
        """One tick.

        Args:
            observation: what the policy reads.
            act: called at once with the action (action_dim,) and, where this tick made it, the
                chunk (chunk_size, action_dim); sends the command and returns whether one went out.
            seconds_left: the time until the next command is due [s]; inf where nothing presses.
            stamp_ns: of the observation [ns]; negative where there is none.
            commanding: whether an action is wanted. If not, the policy only explains, and forgets
                what it had planned; `act` still gets the action, for whoever judges it.
            permit: a number that changes whenever commands end or begin, also if both happened
                since the last tick: nothing that was planned under another number is executed.

        Returns:
            The outcome; a policy that fails is an outcome with its reason, not an exception.
        """
        self._drop_old_plan(stamp_ns)
        if not commanding or permit != self._permit:
            self._forget_plan()
        self._permit = permit
        tick = _Tick(self._tick, self._episode, self._tick)
        self._tick += 1
        try:
            if commanding:
                self._planned = True
                self._run_commanding(tick, observation, act, seconds_left)
            else:
                self._run_looking(tick, observation, act)
        except PolicyError as error:
            tick.reason = str(error)
        except Exception as error:  # noqa: BLE001
            # Whatever a policy raises, the tick ends with a reason and the robot holds.
            _LOG.exception("the policy failed at tick %d", tick.number)
            tick.reason = f"the policy failed: {type(error).__name__}: {error}"
        if tick.reason and not tick.skipped:
            self._refuse(rejected=tick.queued or tick.output is not None)
        if tick.output is not None:
            self.note_forward(tick.output.forward_seconds)
        return tick.outcome()

    def _run_commanding(
        self,
        tick: _Tick,
        observation: Mapping[str, NDArray[np.generic]],
        act: Act,
        seconds_left: Callable[[], float],
    ) -> None:
        queued = self._policy.pop_action()
        if queued is None:
            output = tick.output = self._policy.step(observation)
            tick.source = self._episode_start + output.action_source_step
            tick.reason = _not_finite(output, self._policy)
            if not tick.reason:
                tick.commanded = act(output.action, output.chunk)
            return
        tick.queued = True
        tick.source = self._episode_start + queued.source_step
        tick.commanded = act(queued.action, None)
        estimate = max(self._forward_seconds, default=0.0)
        tick.skipped = estimate > seconds_left()
        if not tick.skipped:
            tick.output = self._policy.explain(observation)
            tick.reason = _not_finite(tick.output, self._policy)
            return
        if isinstance(self._policy, Observing):
            self._policy.observe(observation)
        self._policy.skip()
        # One slow pass must not silence the attention for long: skipped ticks age it.
        if len(self._forward_seconds) > 1:
            self._forward_seconds.popleft()
        tick.reason = (
            f"inference skipped: a forward pass takes up to {estimate * 1e3:.0f} ms "
            "and would have delayed the next command"
        )

    def _run_looking(
        self, tick: _Tick, observation: Mapping[str, NDArray[np.generic]], act: Act
    ) -> None:
        output = tick.output = self._policy.explain(observation)
        tick.reason = _not_finite(output, self._policy)
        if not tick.reason:
            tick.commanded = act(output.action, output.chunk)

    def _forget_plan(self) -> None:
        if self._planned:
            self._policy.reset()
            self._episode_start = self._tick
        self._planned = False

    def _drop_old_plan(self, stamp_ns: int) -> None:
        # Ticks in between that this loop passes over were no gap: they ran elsewhere.
        follows = self._tick == self._last_tick + 1 and min(stamp_ns, self._last_stamp_ns) >= 0
        gap_s = (stamp_ns - self._last_stamp_ns) * 1e-9
        self._last_tick, self._last_stamp_ns = self._tick, stamp_ns
        if follows and gap_s > self._longest_gap_s and self._tick > self._episode_start:
            self._policy.reset()
            self._episode_start = self._tick

    def _refuse(self, *, rejected: bool) -> None:
        """End a bad tick; `rejected`: the policy may hold a chunk that must not move the robot."""
        if not rejected:
            # step() raised, which leaves the policy's state as it was.
            self._policy.skip()
            return
        # Queue or ensemble start afresh, and the policy's steps count from the next tick.
        self._policy.reset()
        self._episode_start = self._tick


def longest_gap_s(max_age_s: float, rate_hz: float) -> float:
    """For TickLoop: twice as old as an observation may be, and some periods.

    A policy that takes half a second for each chunk still executes its chunks.
    """
    return 2.0 * max_age_s + 3.0 / rate_hz


def _not_finite(output: PolicyOutput, policy: Policy) -> str:
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
