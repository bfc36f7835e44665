# SPDX-License-Identifier: Apache-2.0
"""How chunks come to be executed, and what of the policy's work runs beside the commands.

blocking: as lerobot's select_action. The robot waits for each chunk; in between, passes that only
explain run in a thread that gives way to the commands. async: that thread makes the chunks as well,
each before the last one ends, and the robot waits for none.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pam_ros.nodes.act.parameter_table import ASYNC
from pam_ros.nodes.kit.parameters import ParameterError
from pam_ros.policy.abilities import ExplainingLater, lacks
from pam_ros.tick.beside import NICE, BesideThread
from pam_ros.tick.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from pam_ros.policy.interface import Policy
    from pam_ros.tick.beside import Work


@dataclass(frozen=True, eq=False)
class Execution:
    """One of the two.

    Attributes:
        period_s: of the ticks [s].
        beside: the thread; None where a tick does all by itself: in temporal ensembling and where
            every tick makes its chunk, no pass only explains.
        plan: what is executed next, of async execution.
        chunk_s: how long a chunk is executed [s]; None without the thread.
        slow: a thread for maps that take long, where `beside` is none or makes chunks. It shows the
            newest tick and leaves out those that it has no time for. One of the two is there.
    """

    period_s: float
    beside: BesideThread | None = None
    plan: Plan | None = None
    chunk_s: float | None = None
    slow: BesideThread | None = None

    def note_pass(self, seconds: float) -> None:
        """Take a pass's duration [s] into the estimate of the next one's."""
        for thread in (self.beside, self.slow):
            if thread is not None:
                thread.note_pass(seconds)

    def why_not_enabled(self, pass_s: float) -> str:
        """Why a policy with passes of this duration [s] cannot command; empty where it can."""
        reason = "" if self.plan is None else self.plan.why_too_slow(pass_s)
        return reason and (
            f"not enabled: {reason}; raise n_action_steps, lower rate_hz, take a faster engine, or "
            "set execution: blocking"
        )

    def offer(self, work: Work, tick_began: float, free_ticks: int) -> None:
        """A pass beside the commands; the policy is needed after so many ticks from this one on.

        Args:
            work: the pass.
            tick_began: by time.perf_counter() [s].
            free_ticks: see LatePass.
        """
        assert self.beside is not None
        self.beside.offer(work, self._due(tick_began, free_ticks))

    def show(self, work: Work, tick_began: float, free_ticks: int) -> None:
        """Show a tick beside the commands.

        Args:
            work: shows it; a contribution ends before the policy is needed, or is left out. But
                where each tick needs the policy and none could ever end in time, the newest begins
                whenever there is room, and gives way to what it runs beside.
            tick_began: the newest tick, by time.perf_counter() [s].
            free_ticks: of that tick, see LatePass.
        """
        if not work.contributes:
            assert self.beside is not None
            self.beside.show(work)
            return
        due = self._due(tick_began, free_ticks)
        if self.beside is None and time.monotonic() + self._maps.contribution_s > due:
            due = math.inf
        self._maps.show(work, due)

    def show_at_leisure(self, work: Work) -> None:
        """Show a tick in the thread for what takes long, while nothing is commanded."""
        self._maps.show(work, math.inf)

    def _due(self, tick_began: float, free_ticks: int) -> float:
        passed = time.perf_counter() - tick_began
        return time.monotonic() + free_ticks * self.period_s - passed

    @property
    def _maps(self) -> BesideThread:
        """The thread for what takes long."""
        thread = self.beside if self.slow is None else self.slow
        assert thread is not None
        return thread

    def drop(self, reason: str) -> None:
        """Leave out a pass that waits."""
        if self.beside is not None:
            self.beside.drop(reason)

    def close(self) -> None:
        """End the thread."""
        for thread in (self.beside, self.slow):
            if thread is not None:
                thread.close()

    def values(self) -> dict[str, object]:
        """For /diagnostics."""
        shown: dict[str, object] = {"execution": "blocking" if self.plan is None else "async"}
        if self.beside is not None:
            shown.update(self.beside.values())
        if self.plan is not None:
            shown.update(self.plan.values())
        counts = self._maps.counts
        shown["maps_left_out"] = counts["not_shown"]
        shown["maps_before_refill_left_out"] = counts["map_too_late"]
        return shown


def make_execution(
    name: str, policy: Policy, period_s: float, failed: Callable[[Exception], None]
) -> Execution:
    """Blocking or async execution of a policy.

    Args:
        name: of EXECUTIONS.
        policy: that is executed.
        period_s: of the ticks [s].
        failed: called with what nobody has foreseen, in the thread.

    Raises:
        ParameterError: async, and the policy cannot.
    """
    spec = policy.spec
    queue = spec.chunk_mode == "queue" and spec.n_action_steps > 1
    chunk_s = spec.n_action_steps * period_s
    if name != ASYNC:
        if not (queue and isinstance(policy, ExplainingLater)):
            return Execution(period_s, slow=_slow(failed))
        return Execution(period_s, BesideThread(failed, NICE), None, chunk_s)
    if not queue:
        raise ParameterError(
            "parameter 'execution' is async: it needs chunks of several actions, not temporal "
            "ensembling nor n_action_steps 1"
        )
    if not isinstance(policy, ExplainingLater):
        what = lacks(policy, "its passes cannot run beside the ticks")
        raise ParameterError(f"parameter 'execution' is async: {what}")
    plan = Plan(spec.n_action_steps, period_s)
    return Execution(period_s, BesideThread(failed), plan, chunk_s, _slow(failed))


def _slow(failed: Callable[[Exception], None]) -> BesideThread:
    return BesideThread(failed, NICE, most_shown=1)
