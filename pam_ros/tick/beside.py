# SPDX-License-Identifier: Apache-2.0
"""A thread for what only explains, beside the commands and never in front of them.

It has room for one observation that waits: the newest. No pass begins that might still run when the
policy is needed for a command, and no contribution, which takes as long as passes do. Pictures are
drawn here too, whatever is due. Nobody who commands waits for it, but for the one pass under way
that a refill finds in spite of all that; then the wait is counted, and the next estimates are
longer. For a contribution nobody waits: it shares the cores, and gives way.
"""

from __future__ import annotations

import math
import os
import sys
import threading
import time
from collections import Counter, deque
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pam_ros.tick.durations import Durations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MOST_SHOWN = 4
"""See BesideThread; unless it is told otherwise."""
NICE = 10
"""What only explains has, in the node, a tenth of the weight of the process's other threads.

Beside fifteen busy processes on two cores, that made the slowest of a hundred commands 34 ms late
where it was 48 ms at 0 and 25 ms without any pass, and cost no maps.
"""
_FORGET = 0.5
"""What is left, at the next refill, of the longest wait."""
_FADE_S = 10.0
"""If none had time for so long [s], half as much is reckoned with for the next contribution."""
_FIRST = 2.0
"""So many passes a contribution is taken to last before there was one."""
_REPLACED = "a newer observation came while another pass was under way"


@dataclass(frozen=True, eq=False)
class Work:
    """Something for the thread.

    Attributes:
        run: does it.
        leave_out: called instead, by whatever thread finds that it is not done, with the reason.
        commands: whether a command waits for it, so that it is never left out to make way for one.
        contributes: whether it computes a contribution or, of a pass, one will follow.
    """

    run: Callable[[], None]
    leave_out: Callable[[str], None]
    commands: bool = False
    contributes: bool = False


class BesideThread:
    """Runs passes and shows ticks. `close` ends it.

    Args:
        failed: called with whatever a piece of work raised, in the thread where it did.
        nice: by how much it, and whatever threads torch starts for it, give way to the process's
            other threads (Linux, 0 to 19).
        clock: in seconds, for tests.
        most_shown: so many finished ticks may wait to be shown; the oldest of more is left out.
    """

    def __init__(
        self,
        failed: Callable[[Exception], None],
        nice: int = 0,
        clock: Callable[[], float] = time.monotonic,
        most_shown: int = MOST_SHOWN,
    ) -> None:
        self._most_shown = most_shown
        self._failed = failed
        self._nice = nice
        self._clock = clock
        self._state = threading.Condition()
        self._waiting: Work | None = None
        self._shows: deque[Work] = deque()
        self._due = math.inf
        self._passing = self._contributing = self._refilling = self._closed = False
        self._contributes = False
        self._began_since_refill = self._late_since_refill = False
        self._passes, self._drawn, self._contributed = Durations(), Durations(), Durations()
        self._late_since: float | None = None
        self._margin = 0.0
        self.counts: Counter[str] = Counter()
        self._waits = Durations()
        self._thread = threading.Thread(target=self._work, name="beside", daemon=True)
        self._thread.start()

    def note_pass(self, seconds: float) -> None:
        """Take a pass's duration [s] into the estimate of the next one's."""
        self._passes.add(seconds)

    @property
    def estimate_s(self) -> float:
        """How long a pass may take, with what is shown of it [s]."""
        shown = self.contribution_s if self._contributes else self._drawn.typical
        return self._passes.longest + shown + self._margin

    @property
    def contribution_s(self) -> float:
        """How long a contribution may take, with what is shown of it [s].

        The less the longer there was no time for any: one slow one must not be the last.
        """
        longest = self._contributed.longest or _FIRST * self._passes.longest
        late = 0.0 if self._late_since is None else self._clock() - self._late_since
        return longest * math.pow(0.5, late / _FADE_S)

    def offer(self, work: Work, due: float) -> None:
        """A pass on the newest observation; whatever waited is left out.

        Args:
            work: the pass.
            due: when the policy is needed for a command, by the clock of this thread [s].
        """
        with self._state:
            before, self._waiting, self._due = self._waiting, work, due
            self._contributes = work.contributes
            # While it is busy, the decision is made when it is free.
            why_not = "" if self._passing or self._shows else self._why_not(work)
            if why_not:
                self._waiting = None
            self._state.notify_all()
        if before is not None:
            self._leave_out(before, "replaced", _REPLACED)
        if why_not:
            self._leave_out(work, "too_late", why_not)

    def show(self, work: Work, due: float | None = None) -> None:
        """Show a tick that has ended, before the next pass.

        Args:
            work: shows it. If it contributes, it does not begin if it might not end in time.
            due: as of `offer`; None: as it was.
        """
        with self._state:
            self._shows.append(work)
            self._due = self._due if due is None else due
            too_many = self._shows.popleft() if len(self._shows) > self._most_shown else None
            self._state.notify_all()
        if too_many is not None:
            self._leave_out(too_many, "not_shown", "maps and overlays take longer than commands do")

    def drop(self, reason: str) -> None:
        """Leave out what waits; a pass under way goes on."""
        with self._state:
            before, self._waiting = self._waiting, None
        if before is not None:
            self._leave_out(before, "dropped", reason)

    @contextmanager
    def refill(self) -> Iterator[None]:
        """Keep the policy free for a command: wait for a pass under way, and begin none."""
        with self._state:
            self._refilling = True
            before, self._waiting = self._waiting, None
            self.counts["beside_a_contribution"] += self._contributing
            waits, begin = self._passing, self._clock()
            self._state.wait_for(lambda: not self._passing)
            waited = self._clock() - begin if waits else 0.0
        try:
            if before is not None:
                self._leave_out(before, "too_late", "the next chunk is due")
            self._learn(waited, waits=waits)
            yield
        finally:
            with self._state:
                self._refilling = False
                self._state.notify_all()

    def close(self, timeout_s: float = 5.0) -> None:
        """Begin nothing any more, and wait for what is under way, but not for long.

        What takes longer ends with the process, as the thread is a daemon's.
        """
        self.drop("the node ends")
        with self._state:
            self._closed = True
            self._state.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout_s)

    def values(self) -> dict[str, object]:
        """For /diagnostics."""
        return {
            "passes_beside": self.counts["passes"],
            "passes_replaced": self.counts["replaced"],
            "passes_before_refill_left_out": self.counts["too_late"],
            "pass_beside_estimate_ms": f"{self.estimate_s * 1e3:.0f}",
            "refills": self.counts["refills"],
            "refills_waited": self.counts["waited"],
            "refill_wait_ms_max": f"{self._waits.longest * 1e3:.0f}",
            "refills_beside_a_contribution": self.counts["beside_a_contribution"],
        }

    def _learn(self, waited: float, *, waits: bool) -> None:
        self.counts["refills"] += 1
        self.counts["waited"] += waits
        if waits:
            self._waits.add(waited)
        self._margin = max(self._margin * _FORGET, waited)
        if self._late_since_refill and not self._began_since_refill:
            # One slow pass must not silence the attention for long.
            self._passes.age()
        self._began_since_refill = self._late_since_refill = False

    def _leave_out(self, work: Work, cause: str, reason: str) -> None:
        self.counts[cause] += 1
        try:
            work.leave_out(reason)
        except Exception as error:  # noqa: BLE001  (as in _timed; nor may it stop who commands)
            self._failed(error)

    def _why_not(self, work: Work) -> str:
        """Why a pass may not begin now; call with the lock."""
        if work.commands:
            return ""
        why_not = self._why_too_late("a forward pass", self.estimate_s)
        self._late_since_refill |= bool(why_not)
        if work.contributes:
            self._note_late(why_not)
        return why_not

    def _why_not_contribute(self) -> str:
        """Why a contribution may not begin now; call with the lock."""
        return self._note_late(self._why_too_late("a contribution", self.contribution_s))

    def _note_late(self, why_not: str) -> str:
        if why_not and self._late_since is None:
            self._late_since = self._clock()
        return why_not

    def _why_too_late(self, what: str, estimate: float) -> str:
        left = self._due - self._clock()
        if not self._refilling and estimate <= left:
            return ""
        if left <= 0.0 or self._refilling:
            return "the next chunk is due"
        return (
            f"{what} takes up to {estimate * 1e3:.0f} ms, and the next chunk is due in "
            f"{left * 1e3:.0f} ms"
        )

    def _work(self) -> None:
        if sys.platform == "linux" and self._nice:  # where a thread has a priority of its own
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), self._nice)
        while True:
            with self._state:
                self._state.wait_for(
                    lambda: self._closed or self._shows or (self._waiting and not self._refilling)
                )
                if self._closed:
                    return
                if self._shows:
                    work, run, cause = self._shows.popleft(), self._show, "map_too_late"
                    why_not = self._why_not_contribute() if work.contributes else ""
                    self._contributing = work.contributes and not why_not
                else:
                    assert self._waiting is not None
                    work, run, cause = self._waiting, self._pass, "too_late"
                    self._waiting, why_not = None, self._why_not(work)
                    self._passing = not why_not
                    self._began_since_refill |= self._passing
            if why_not:
                self._leave_out(work, cause, why_not)
            else:
                run(work)

    def _show(self, work: Work) -> None:
        if not work.contributes:
            self._timed(work, self._drawn)
            return
        try:
            self._timed(work, self._contributed)
        finally:
            with self._state:
                self._contributing, self._late_since = False, None

    def _pass(self, work: Work) -> None:
        self.counts["passes"] += 1
        try:
            self._timed(work, self._passes)
        finally:
            with self._state:
                self._passing = False
                self._state.notify_all()

    def _timed(self, work: Work, durations: Durations) -> None:
        begin = self._clock()
        try:
            work.run()
        except Exception as error:  # noqa: BLE001  (whatever it is: the thread goes on)
            self._failed(error)
        durations.add(self._clock() - begin)
