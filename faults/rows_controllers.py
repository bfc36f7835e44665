# SPDX-License-Identifier: Apache-2.0
"""Rows in which commands arrive and nobody follows them: their topic is there, the joints stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faults.policy import JOINTS
from faults.rows_messages import setting
from faults.trial import SEEN_S, Expect, Row

if TYPE_CHECKING:
    from faults.bench import Bench

PAN, LIFT = JOINTS
WARN = 1
_NO_EFFECT = "have had no effect for 2 s"


def _warned(bench: Bench, since: float, topic: str) -> list[str]:
    """Whether /diagnostics warns of this topic's commands, and of no other's."""

    def sentences() -> set[str]:
        reports = bench.robot.witness.reports(since)
        return {each.message for each in reports if each.level == WARN}

    def told() -> bool:
        return any(f"commands on {topic} {_NO_EFFECT}" in text for text in sentences())

    if not bench.wait(told, SEEN_S):
        return [f"no warning that commands on {topic} have no effect"]
    others = [text for text in sentences() if text.count(_NO_EFFECT) > 1]
    return [f"warned of more than {topic}: {others[0]}"] if others else []


def _all_stand(bench: Bench, seen: float, _until: float) -> list[str]:
    return _warned(bench, seen, "/joint_commands")


def _right_stands(bench: Bench, seen: float, until: float) -> list[str]:
    """The left arm is commanded and moves as before, and only the right one is told of."""
    found = _warned(bench, seen, "/right/commands")
    commands = bench.published(seen, until)
    for place, side in enumerate(("left", "right")):
        if len({command.positions[place] for command in commands}) < 2:
            found.append(f"the {side} arm is sent to one place")
    now = bench.robot.positions[PAN]
    if not bench.wait(lambda: bench.robot.positions[PAN] != now, SEEN_S):
        found.append("the left arm does not move")
    return found


CONTROLLER_ROWS = (
    Row(
        "the controller refuses",
        "commands arrive, and no joint follows them",
        setting("deaf", frozenset(JOINTS)),
        Expect.RUNS,
        f"commands on /joint_commands {_NO_EFFECT}",
        seconds=4.0,
        also=_all_stand,
    ),
)
ARM_CONTROLLER_ROWS = (
    Row(
        "one controller refuses",
        "one of two arms ignores its commands, and says so nowhere",
        setting("deaf", frozenset({LIFT})),
        Expect.RUNS,
        f"commands on /right/commands {_NO_EFFECT}",
        seconds=4.0,
        also=_right_stands,
    ),
)
