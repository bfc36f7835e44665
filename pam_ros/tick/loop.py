# SPDX-License-Identifier: Apache-2.0
"""One tick: an observation goes in, the action comes out first, what explains it afterwards.

The live node and the replay of a recording run this same code.
"""

from __future__ import annotations

import logging
import math
import threading
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pam_ros.policy.abilities import ExplainingLater, Instructed, NoiseNumbered, Observing
from pam_ros.policy.interface import PolicyError
from pam_ros.tick.durations import Durations
from pam_ros.tick.outcome import LatePass, TickOutcome, not_finite
from pam_ros.tick.plan import Arrived

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    import numpy as np
    from numpy.typing import NDArray

    from pam_ros.policy.interface import Policy, PolicyOutput
    from pam_ros.tick.plan import Plan, Settle

    Act = Callable[[NDArray[np.float32], NDArray[np.float32] | None], bool]

__all__ = ["TickLoop", "TickOutcome", "longest_gap_s"]
_LOG = logging.getLogger(__name__)


class Beside(Protocol):
    """The thread that runs what only explains, as far as the loop needs to know it."""

    def refill(self) -> AbstractContextManager[object]:
        """Inside it no other pass runs, nor begins."""


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
    late: LatePass | None = None
    dry: bool = False

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
            late=self.late,
            dry=self.dry,
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

    Args:
        policy: not stepped by anybody else.
        longest_gap_s: where the observations of two ticks lie farther apart than this [s], what was
            planned before (queue or ensemble) is dropped: the world has gone on.
        beside: the thread for passes that only explain, where there is one. The outcome of a queued
            action then has its pass in `late`: give it to that thread, and call `finish` there.
            For a policy that is ExplainingLater.
        plan: where chunks too are computed there, ahead of their need; `beside` must be given.
            Nobody waits for a pass then: a tick for which there is no action is "dry".
    """

    def __init__(
        self,
        policy: Policy,
        longest_gap_s: float = math.inf,
        beside: Beside | None = None,
        plan: Plan | None = None,
    ) -> None:
        self._policy = policy
        self._longest_gap_s = longest_gap_s
        self._later = policy if beside and isinstance(policy, ExplainingLater) else None
        self._beside = beside
        self._plan = plan
        self._last_tick = self._last_stamp_ns = -1
        self._episode = 0
        self._tick = 0
        self._episode_start = 0
        self._planned = False
        self._permit = 0
        # A pass of another thread has failed: nothing that is planned is executed.
        self._refused = threading.Event()
        self.forward = Durations()

    @property
    def ticks(self) -> int:
        """Ticks so far; the next one has this number."""
        return self._tick

    @property
    def episode(self) -> int:
        """The current episode, counted from 0."""
        return self._episode

    @property
    def free_ticks(self) -> int:
        """How many ticks from the last one on the policy is not needed for a command.

        Of any thread; beside a tick it may be one or the other tick's.
        """
        if self._later is None:
            return 1
        if self._plan is None:
            return self._later.queued + 1
        return max(0, self._plan.rows_left(self._tick - 1) - self._plan.lead(self.forward.longest))

    def reset(self) -> None:
        """Start an episode: the policy forgets its queue or ensemble."""
        self._reset_policy()
        self._episode += 1
        self._episode_start = self._tick

    def begin(self, episode: int, tick: int) -> None:
        """Start an episode under a recording's numbers: the next tick has this one."""
        self._reset_policy()
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
        self.forward.add(seconds)

    def run(
        self,
        observation: Mapping[str, NDArray[np.generic]],
        act: Act,
        seconds_left: Callable[[], float],
        stamp_ns: int = -1,
        *,
        commanding: bool = True,
        permit: int = 0,
        moves: bool = False,
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
            moves: while no action is wanted, whether the chunk moved a robot all the same, as those
                that a recorded run computed beside its commands: its pass draws a command's noise.

        Returns:
            The outcome; a policy that fails is an outcome with its reason, not an exception.
        """
        self._drop_old_plan(stamp_ns)
        refused = self._refused.is_set()
        self._refused.clear()
        if not commanding or permit != self._permit or refused:
            self.forget_plan()
        self._permit = permit
        tick = _Tick(self._tick, self._episode, self._tick)
        self._draw_as(tick, moves=moves)
        self._tick += 1
        try:
            if commanding:
                self._planned = True
                if self._plan is not None and self._later is not None:
                    self._run_ahead(tick, observation, act, self._later, self._plan)
                else:
                    self._run_commanding(tick, observation, act, seconds_left)
            else:
                self._run_looking(tick, observation, act)
        except PolicyError as error:
            tick.reason = str(error)
        except Exception as error:  # noqa: BLE001
            # Whatever a policy raises, the tick ends with a reason and the robot holds.
            tick.reason = self._failure(error, tick.number)
        if tick.reason and not tick.skipped:
            self._refuse(rejected=tick.queued or tick.output is not None)
        if tick.output is not None:
            self.note_forward(tick.output.forward_seconds)
        return tick.outcome()

    def _draw_as(self, tick: _Tick, *, moves: bool) -> None:
        """Draw the noise of the numbers that are in the message: a replay draws the same."""
        if isinstance(self._policy, NoiseNumbered):
            self._policy.draw_as(tick.episode, tick.number, moves=moves)

    def _run_commanding(
        self,
        tick: _Tick,
        observation: Mapping[str, NDArray[np.generic]],
        act: Act,
        seconds_left: Callable[[], float],
    ) -> None:
        queued = self._policy.pop_action()
        if queued is None:
            with nullcontext() if self._beside is None else self._beside.refill():
                output = tick.output = self._policy.step(observation)
            tick.source = self._episode_start + output.action_source_step
            tick.reason = not_finite(output, self._policy)
            if not tick.reason:
                tick.commanded = act(output.action, output.chunk)
            return
        tick.queued = True
        tick.source = self._episode_start + queued.source_step
        tick.commanded = act(queued.action, None)
        if self._later is not None:
            tick.late = LatePass(self._later.explain_later(observation), self.free_ticks)
            return
        estimate = self.forward.longest
        tick.skipped = estimate > seconds_left()
        if not tick.skipped:
            tick.output = self._policy.explain(observation)
            tick.reason = not_finite(tick.output, self._policy)
            return
        if isinstance(self._policy, Observing):
            self._policy.observe(observation)
        self._policy.skip()
        # One slow pass must not silence the attention for long: skipped ticks age it.
        self.forward.age()
        tick.reason = (
            f"inference skipped: a forward pass takes up to {estimate * 1e3:.0f} ms "
            "and would have delayed the next command"
        )

    def _run_looking(
        self, tick: _Tick, observation: Mapping[str, NDArray[np.generic]], act: Act
    ) -> None:
        output = tick.output = self._policy.explain(observation)
        tick.reason = not_finite(output, self._policy)
        if not tick.reason:
            tick.commanded = act(output.action, output.chunk)

    def _run_ahead(
        self,
        tick: _Tick,
        observation: Mapping[str, NDArray[np.generic]],
        act: Act,
        policy: ExplainingLater,
        plan: Plan,
    ) -> None:
        arrived = plan.adopt(tick.number)
        try:
            row = plan.row(tick.number)
            tick.dry = row is None
            if row is not None:
                tick.source = row.source_step
                tick.commanded = act(row.action, None if arrived is None else arrived.output.chunk)
        finally:
            if arrived is not None:
                arrived.end(executed=tick.commanded)
        ticket = plan.ticket(tick.number, self.forward.longest)
        self._draw_as(tick, moves=ticket is not None)
        tick.late = LatePass(policy.explain_later(observation), self.free_ticks, ticket)

    def finish(self, outcome: TickOutcome, settle: Settle) -> None:
        """Run a tick's late pass, in the thread that is beside this one.

        Args:
            outcome: of the tick.
            settle: called once, by any thread, with what became of it: at once where the pass only
                explains or fails, else as soon as it is known whether its chunk moves the robot.
                After a pass that fails no command follows but of a chunk that is planned anew.
        """
        late = outcome.late
        assert late is not None
        if self._plan is None or late.ticket is None:
            settle(self._ended(outcome, late))
            return
        self._plan.begin(late.ticket)
        done = self._ended(outcome, late)
        arrived = Arrived(done, done.output, settle) if done.valid and done.output else None
        self._plan.arrive(late.ticket, arrived)
        if arrived is None:
            settle(done)

    def _ended(self, outcome: TickOutcome, late: LatePass) -> TickOutcome:
        output: PolicyOutput | None = None
        try:
            output = late.run()
            reason = not_finite(output, self._policy)
        except PolicyError as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001
            reason = self._failure(error, outcome.tick)
        if output is not None:
            self.note_forward(output.forward_seconds)
        if reason:
            self._refused.set()
        dropped = 0
        if self._plan is not None and not reason:
            # A chunk that is there now is for the tick that begins next.
            dropped = self._tick - outcome.tick
        return outcome.ended(output, reason, dropped)

    def instruct(self, text: str) -> None:
        """Have a policy that is Instructed read other words from the next tick on.

        Nothing of what was planned under the old ones is executed, also what is still on its way.
        The episode goes on.

        Raises:
            PolicyError: it cannot read them; words and plan stay as they were.
        """
        policy = self._policy
        assert isinstance(policy, Instructed)
        policy.instruct(text)
        while self._policy.pop_action() is not None:
            pass  # whatever the policy does with its queue
        if self._plan is not None:
            self._plan.forget()

    def forget_plan(self) -> None:
        """Execute nothing of what was planned: the next command is of a chunk predicted for it."""
        if self._planned:
            self._reset_policy()
            self._episode_start = self._tick
        self._planned = False

    def _reset_policy(self) -> None:
        self._policy.reset()
        if self._plan is not None:
            self._plan.forget()

    def _failure(self, error: Exception, tick: int) -> str:
        _LOG.error("the policy failed at tick %d", tick, exc_info=error)
        return f"the policy failed: {type(error).__name__}: {error}"

    def _drop_old_plan(self, stamp_ns: int) -> None:
        # Ticks in between that this loop passes over were no gap: they ran elsewhere.
        follows = self._tick == self._last_tick + 1 and min(stamp_ns, self._last_stamp_ns) >= 0
        gap_s = (stamp_ns - self._last_stamp_ns) * 1e-9
        self._last_tick, self._last_stamp_ns = self._tick, stamp_ns
        if follows and gap_s > self._longest_gap_s and self._tick > self._episode_start:
            self._reset_policy()
            self._episode_start = self._tick

    def _refuse(self, *, rejected: bool) -> None:
        """End a bad tick; `rejected`: the policy may hold a chunk that must not move the robot."""
        if not rejected:
            # step() raised, which leaves the policy's state as it was.
            self._policy.skip()
            return
        # Queue or ensemble start afresh, and the policy's steps count from the next tick.
        self._reset_policy()
        self._episode_start = self._tick


def longest_gap_s(max_age_s: float, rate_hz: float) -> float:
    """For TickLoop: twice as old as an observation may be, and some periods.

    A policy that takes half a second for each chunk still executes its chunks.
    """
    return 2.0 * max_age_s + 3.0 / rate_hz
