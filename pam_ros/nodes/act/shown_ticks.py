# SPDX-License-Identifier: Apache-2.0
"""Where a tick is shown: in its own thread, or beside the commands.

A contribution takes as long as passes do, so that it is always computed beside the thread of the
ticks. While nothing is commanded the tick waits for it, so that each has its map; that wait ends if
commands begin, or anything else is asked of the robot.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from pam_ros.tick.beside import Work
from pam_ros.tick.contribution import ShownContribution

if TYPE_CHECKING:
    from pam_ros.nodes.act.commander import Commander, Permit
    from pam_ros.nodes.act.engine_health import EngineHealth
    from pam_ros.nodes.act.execution import Execution
    from pam_ros.nodes.act.feature_editing import FeatureEditing
    from pam_ros.nodes.act.showing import Looked, Showing
    from pam_ros.tick.loop import TickLoop
    from pam_ros.tick.outcome import TickOutcome


class ShownTicks:
    """Shows each tick of a loop once. `show` is for the thread of the ticks.

    Args:
        showing: makes messages and pictures.
        loop: that ran the tick.
        execution: has the threads beside.
        commander: says whether commands go out.
        editing: is compared with the policy as it is.
        engine_health: is looked at while nothing is commanded.
    """

    def __init__(
        self,
        showing: Showing,
        loop: TickLoop,
        execution: Execution,
        commander: Commander,
        editing: FeatureEditing,
        engine_health: EngineHealth,
    ) -> None:
        self._showing = showing
        self._loop = loop
        self._execution = execution
        self._commander = commander
        self._editing = editing
        self._engine_health = engine_health
        self._news = threading.Condition()
        self._paused = False
        self._tick_began = 0.0
        # What maps and pictures took lately in the thread of the ticks.
        self.seconds = 0.0

    def go_on(self) -> None:
        """Look whether a tick still has to wait for its contribution. Of any thread."""
        with self._news:
            self._news.notify_all()

    def pause(self) -> None:
        """No tick waits from now on."""
        self._paused = True
        self.go_on()

    def resume(self) -> None:
        """Ticks wait again."""
        self._paused = False

    def begin(self) -> None:
        """A tick begins."""
        self._tick_began = time.perf_counter()

    def show(self, looked: Looked, outcome: TickOutcome, permit: Permit) -> None:
        """Show the tick, which began with this permit."""
        contributes = isinstance(looked.look.selection, ShownContribution)
        if permit.commanding and (contributes or self._execution.beside is not None):
            self._show_beside(looked, outcome)
            return
        self._execution.drop("commands ended")
        self._showing.judge(outcome)
        if contributes and outcome.valid:
            self.seconds = 0.0
            self._show_and_wait(looked, outcome, permit)
        else:
            self._show_here(looked, outcome)
        if outcome.valid and not self._commander.commanding:
            self._look_closer(looked, outcome)

    def _show_here(self, looked: Looked, outcome: TickOutcome) -> None:
        begin = time.perf_counter()
        self._showing.show(looked, outcome)
        # Without what follows: it waits until no command does, or is not part of every tick.
        self.seconds = max(0.9 * self.seconds, time.perf_counter() - begin)

    def _show_and_wait(self, looked: Looked, outcome: TickOutcome, permit: Permit) -> None:
        ended = threading.Event()
        work = self._work(looked, outcome)

        def end() -> None:
            ended.set()
            self.go_on()

        def run() -> None:
            try:
                work.run()
            finally:
                end()

        def leave_out(reason: str) -> None:
            work.leave_out(reason)
            end()

        self._execution.show_at_leisure(Work(run, leave_out, contributes=True))
        with self._news:
            self._news.wait_for(
                lambda: (
                    ended.is_set() or self._paused or self._commander.permit_number != permit.number
                )
            )

    def _look_closer(self, looked: Looked, outcome: TickOutcome) -> None:
        why_not = self._engine_health.look_at(looked.observation.features)
        if why_not and self._commander.commanding:  # somebody enabled it meanwhile
            self._commander.fault("policy", why_not)
        self._editing.look_at(looked.observation.features, outcome)

    def _show_beside(self, looked: Looked, outcome: TickOutcome) -> None:
        """While commands go out nothing is drawn in their thread, and no pass only explains."""
        late = outcome.late
        if late is None:
            if outcome.output is not None:
                self._execution.note_pass(outcome.output.forward_seconds)
            self._settle(looked, outcome)
            if outcome.valid and self._execution.beside is None:
                self._editing.look_at(looked.observation.features, outcome)
            return

        def settle(done: TickOutcome) -> None:
            self._settle(looked, done)
            if done.valid and late.ticket is None:
                self._editing.look_at(looked.observation.features, done)

        def run() -> None:
            self._loop.finish(outcome, settle)

        def leave_out(reason: str) -> None:
            self._showing.show_without_map(looked, outcome.left_out(reason))

        contributes = isinstance(looked.look.selection, ShownContribution)
        work = Work(run, leave_out, commands=late.ticket is not None, contributes=contributes)
        self._execution.offer(work, self._tick_began, late.free_ticks)

    def _settle(self, looked: Looked, outcome: TickOutcome) -> None:
        """It is known what a tick did: judge it now, and show it beside the commands."""
        self._showing.judge(outcome)
        if outcome.valid:
            work = self._work(looked, outcome)
            self._execution.show(work, self._tick_began, self._loop.free_ticks)
        else:
            self._showing.show_without_map(looked, outcome)

    def _work(self, looked: Looked, outcome: TickOutcome) -> Work:
        def show() -> None:
            self._showing.show(looked, outcome)

        def leave_out(reason: str) -> None:
            self._showing.show_without_map(looked, outcome.made_invalid(f"no map: {reason}"))

        contributes = isinstance(looked.look.selection, ShownContribution)
        return Work(show, leave_out, contributes=contributes)
