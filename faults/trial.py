# SPDX-License-Identifier: Apache-2.0
"""One row of the fault table: what is done to the node, what must come of it, and what came."""

from __future__ import annotations

import math
import re
import time
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from faults.policy import DETECTED_S

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from faults.bench import Bench
    from faults.witness import Command

SEEN_S = 15.0
"""So long reports may take to say what lasts: they come once a second, later on a busy machine."""
BACK_S = 60.0
_BRACKETS = re.compile(r"^(\[[^]]*\] ?)+:? ?")


class Expect(Enum):
    """What the robot gets while the fault lasts."""

    RUNS = "goes on"
    HOLDS = "held"
    FAULTS = "held until enabled again"


@dataclass(frozen=True)
class Row:
    """A fault and what is to come of it.

    fault: a context in which it lasts; it may yield a time [s, monotonic], if it is sure to last
    until then alone. reason: what /diagnostics or the log must say, as a regular expression. also:
    more to look at before the fault is over, given from when until when it was there for the node
    to see; returns what is wrong.
    """

    name: str
    how: str
    fault: Callable[[Bench], AbstractContextManager[float | None]]
    expect: Expect
    reason: str
    seconds: float = 1.5
    also: Callable[[Bench, float, float], list[str]] = lambda _bench, _seen, _until: []


@dataclass
class Outcome:
    """problems: why the row failed; empty where it passed. said: the reason as it was visible."""

    name: str
    how: str
    expected: str
    commands: int = 0
    breaches: list[str] = field(default_factory=list)
    said: str = ""
    back_s: float | None = None
    problems: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems and not self.breaches

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "passed": self.passed}


def run_row(bench: Bench, row: Row) -> Outcome:
    """Disturb a running node, look, end the disturbance, and see it run again."""
    outcome = Outcome(row.name, row.how, row.expect.value)
    if not bench.bring_up():
        outcome.problems.append(f"the node was not running before: {bench.last_words()}")
        return outcome
    place = bench.node.written
    before = bench.robot.witness.commands()[-1]
    detected_s = bench.detected_s
    since = time.monotonic()
    seen = since + detected_s
    with row.fault(bench) as ends:
        time.sleep(row.seconds + detected_s - DETECTED_S)
        # A busy machine wakes this thread late: what ends by itself may be over by then.
        until = min(time.monotonic(), math.inf if ends is None else ends)
        outcome.problems += row.also(bench, seen, until)
        bench.wait(lambda: bool(visible(bench, row.reason, since, place)), SEEN_S)
        outcome.said = visible(bench, row.reason, since, place)
        outcome.problems += _state(bench, row, since, seen)
    if not outcome.said:
        outcome.problems.append(f"neither /diagnostics nor the log says {row.reason!r}")
    # Simulated time stands still between two messages of /clock, and is late on a busy machine.
    least = 0.2 if bench.settings.simulated else 0.5
    due = (until - seen) / bench.period_s
    outcome.problems += _motion(row, bench.published(seen, until), due, least)
    if not bench.node.alive:
        outcome.problems.append(f"the node has ended: {bench.last_words()}")
    ended = time.monotonic()
    if row.expect is Expect.FAULTS:
        time.sleep(1.2)
        if bench.state() == "running":
            outcome.problems.append("a fault ended by itself")
        bench.enable(wanted=False)
        # Where the newest messages came late there is nothing to start from: who is refused asks
        # again.
        if not bench.wait(lambda: bench.enable(wanted=True), BACK_S):
            outcome.problems.append(f"not enabled again: {bench.refusal}")
        ended = time.monotonic()
    if bench.wait(lambda: bench.moving(ended), BACK_S):
        outcome.back_s = round(time.monotonic() - ended, 2)
    else:
        outcome.problems.append(f"it did not run again: {bench.last_words()}")
    commands = bench.robot.witness.commands(since)
    outcome.commands = len(commands)
    outcome.breaches = bench.limits.breaches(commands, before)[:5]
    return outcome


def visible(bench: Bench, reason: str, since: float, place: int) -> str:
    """The sentence of /diagnostics or of the log that gives the reason; empty where none does."""
    pattern = re.compile(reason)
    for report in bench.robot.witness.reports(since):
        if not report.name.startswith(bench.name):
            continue
        values = [f"{key}: {value}" for key, value in report.values.items()]
        for text in (report.message, *values):
            if pattern.search(text):
                return f"/diagnostics: {text}"[:200]
    for line in bench.node.log_since(place).splitlines():
        if pattern.search(line):
            return f"log: {_BRACKETS.sub('', line)}"[:200]
    return ""


def _state(bench: Bench, row: Row, since: float, seen: float) -> list[str]:
    wanted = {Expect.RUNS: "running", Expect.HOLDS: "holding", Expect.FAULTS: "fault"}[row.expect]

    def is_so() -> bool:
        if row.expect is Expect.HOLDS:
            return bench.was_held(seen)
        return bench.state(since) == wanted

    if bench.wait(is_so, SEEN_S):
        return []
    state = bench.state(since)
    return [f"/diagnostics says the state is {state or 'unknown'}, not {wanted}"]


def _motion(row: Row, commands: list[Command], due: float, least: float) -> list[str]:
    """Whether the robot was moved or held as expected; least: the part of the commands due."""
    if len(commands) < least * due:
        return [f"{len(commands)} commands while {due:.0f} were due"]
    places = {command.positions for command in commands}
    if row.expect is Expect.RUNS:
        return [] if len(places) > 1 else ["the robot stood still"]
    return [] if len(places) == 1 else [f"the robot was sent to {len(places)} places while held"]
