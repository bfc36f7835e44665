# SPDX-License-Identifier: Apache-2.0
"""Rows with a robot of two parts: what befalls one of them holds both, each in its own way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from faults.rows_messages import changed, spoiling
from faults.rows_policy import wishing
from faults.trial import Expect, Row

if TYPE_CHECKING:
    from faults.bench import Bench


def _at_rest(bench: Bench, seen: float, until: float) -> list[str]:
    """What is no position is to be commanded to 0 while the robot is held."""
    held = bench.published(seen, until)
    moving = [command.positions[1] for command in held if command.positions[1] != 0.0]
    return [f"{len(moving)} commands of {moving[0]:.3f} while held"] if moving else []


def _in_turns(message: Any) -> Any:
    """As from two drivers: one message has the joint, the next one has another."""
    if message.header.stamp.nanosec // 100_000_000 % 2:
        message.name, message.position = ["gripper"], [0.5]
    return message


ARM_ROWS = (
    Row(
        "one arm's driver dies",
        "one of two topics with joint states sends nothing for two seconds",
        spoiling("joints_right", lambda _: None),
        Expect.HOLDS,
        r"/right/joint_states is .* (old|behind)",
        seconds=2.0,
    ),
    Row(
        "one arm's driver sends no numbers",
        "NaN on one of two topics with joint states",
        spoiling("joints_right", changed(position=[float("nan")] * 2)),
        Expect.HOLDS,
        r"/right/joint_states: joint message has no finite position for 'lift'",
    ),
    Row(
        "one arm's driver names no joints",
        "positions without names on one of two topics",
        spoiling("joints_left", changed(name=[])),
        Expect.HOLDS,
        r"/left/joint_states: .* the driver names no joints",
    ),
    Row(
        "two drivers in turns",
        "every second message of an arm has the gripper alone",
        spoiling("joints_left", _in_turns),
        Expect.RUNS,
        "running",
        seconds=2.5,
    ),
    Row(
        "policy hangs, two arms",
        "one pass of two seconds in which no thread of the process runs",
        wishing("lock 2.0"),
        Expect.HOLDS,
        "its last command is being held",
        seconds=2.0,
    ),
)


def _held_rows(kind: str) -> tuple[Row, ...]:
    return (
        Row(
            f"camera stops, {kind}",
            f"one of two cameras sends nothing, and a part is commanded by {kind}",
            spoiling("wrist", lambda _: None),
            Expect.HOLDS,
            r"wrist is .* (old|behind)",
            seconds=2.0,
            also=_at_rest,
        ),
        Row(
            f"NaN, {kind}",
            f"a NaN in every chunk and action, and a part is commanded by {kind}",
            wishing("nan"),
            Expect.FAULTS,
            "holds a value that is not finite",
            also=_at_rest,
        ),
        Row(
            f"policy hangs, {kind}",
            f"no thread of the process runs, and a part is commanded by {kind}",
            wishing("lock 2.0"),
            Expect.HOLDS,
            "its last command is being held",
            seconds=2.0,
            also=_at_rest,
        ),
    )


KIND_ROWS = {kind: _held_rows(kind) for kind in ("velocity", "effort", "twist")}
"""By how the second part is commanded."""
