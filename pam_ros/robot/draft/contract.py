# SPDX-License-Identifier: Apache-2.0
"""The whole draft: a contract file with the reason for every guess, and lines to fill in."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pam_ros.robot.contract import SYNC_TOLERANCE_S
from pam_ros.robot.draft.cameras import write_cameras
from pam_ros.robot.draft.numbers import find_numbers
from pam_ros.robot.draft.numbers_text import write_command, write_state
from pam_ros.robot.draft.text import Lines, listed, number, scalar
from pam_ros.robot.section import FILL_IN
from pam_ros.robot.skew import measure_skew
from pam_ros.robot.values.arrays import FLOAT64_MULTI_ARRAY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pam_ros.policy.interface import PolicySpec
    from pam_ros.robot.draft.seen import Seen, SeenTopic

_USUAL_HZ = (1, 2, 3, 4, 5, 6, 7.5, 8, 10, 12, 12.5, 15, 20, 24, 25, 30, 40, 50, 60, 90, 100)
_NEAR = 0.07
_ONE_CLOCK_S = 1.0


@dataclass(frozen=True)
class Draft:
    """A contract file.

    Attributes:
        text: YAML.
        guesses: how many lines say "guess".
        gaps: what is left to fill in, a sentence each; `contract check` names these lines.
    """

    text: str
    guesses: int
    gaps: tuple[str, ...]


def draft_contract(
    spec: PolicySpec,
    seen: Seen,
    robot: str,
    joints: Sequence[str] = (),
    rate_hz: float | None = None,
) -> Draft:
    """A contract for this policy on this robot, as far as both tell.

    Args:
        spec: of the policy.
        seen: of the robot.
        robot: its name in the contract.
        joints: names of the state's numbers in the training data; empty if nobody told.
        rate_hz: at which the training data were recorded; None if nobody told.
    """
    body = Lines()
    cameras = write_cameras(body, spec, seen)
    body.blank()
    found = find_numbers(spec, seen, joints)
    write_state(body, spec, found)
    body.blank()
    write_command(body, seen, found)
    if spec.environment_feature is not None:
        body.blank()
        _write_environment(body, spec, seen)
    head = Lines()
    sources = [*cameras, *found.state_choice.topics]
    _write_rate(head, sources, rate_hz)
    _write_tolerance(head, sources)
    if spec.instruction:
        _write_instruction(head, seen)
    head.blank()
    gaps = (*head.gaps, *body.gaps)
    top = Lines()
    top.comment(
        f"Written by `pam_ros contract init` for the policy {spec.name}, from {seen.where}. "
        '"guess:" says what a line was concluded from: look at each. '
        + _to_fill(gaps)
        + "docs/contract.md explains every key."
    )
    top.blank()
    top.put(f"robot: {scalar(robot)}")
    lines = [*top.lines, *head.lines, *body.lines]
    return Draft("\n".join(lines) + "\n", head.guesses + body.guesses, gaps)


def _to_fill(gaps: Sequence[str]) -> str:
    if not gaps:
        return ""
    count = "One line has" if len(gaps) == 1 else f"{len(gaps)} lines have"
    return f"{count} the word {FILL_IN}: `pam_ros contract check` names what belongs there. "


def _write_rate(out: Lines, topics: Sequence[SeenTopic], told: float | None) -> None:
    rates = {topic.name: topic.rate_hz for topic in topics if topic.rate_hz}
    slowest = min(rates, key=lambda name: rates[name] or 0.0) if rates else ""
    if told is not None:
        slow = rates.get(slowest) or told
        short = f", though {slowest} comes at {slow:.1f} Hz" if slow < 0.8 * told else ""
        out.put(f"rate_hz: {number(told)}", f"as the training data were recorded{short}")
    elif rates:
        rate = _usual(rates[slowest] or 1.0)
        why = (
            f"{slowest} comes so often, the slowest of all; take the training data's rate if you "
            "know it"
        )
        out.guess(f"rate_hz: {number(rate)}", why)
    else:
        out.gap(f"rate_hz: {FILL_IN}", "ticks per second, the rate of the training data", "rate_hz")


def _usual(rate: float) -> float:
    near = min(_USUAL_HZ, key=lambda each: abs(each - rate))
    return near if abs(near - rate) <= _NEAR * rate else math.floor(rate * 10) / 10


def _write_tolerance(out: Lines, topics: Sequence[SeenTopic]) -> None:
    skew = measure_skew({t.name: t.times_ns for t in topics}, SYNC_TOLERANCE_S)
    # Stamps of different clocks are farther apart: `check` tells which clock is the odd one.
    if skew is None or not SYNC_TOLERANCE_S < skew.tolerance_s <= _ONE_CLOCK_S:
        return
    tolerance = min(math.ceil(skew.tolerance_s * 100) / 100, 0.25)
    out.guess(
        f"sync_tolerance_s: {number(tolerance)}",
        f"the topics come up to {skew.tolerance_s:.3f} s apart; {SYNC_TOLERANCE_S:g} is usual",
    )


def _write_instruction(out: Lines, seen: Seen) -> None:
    if seen.instruction:
        out.guess(f"instruction: {scalar(seen.instruction)}", f"what {seen.where} says last")
    else:
        what = "what the policy is told, in the words of its training data"
        out.gap(f"instruction: {FILL_IN}", what, "instruction")


def _write_environment(out: Lines, spec: PolicySpec, seen: Seen) -> None:
    fits = [
        topic.name
        for topic in seen.own
        if topic.type == FLOAT64_MULTI_ARRAY and len(topic.joints) == spec.environment_dim
    ]
    out.put("environment:")
    if len(fits) == 1:
        out.guess(f"  topic: {fits[0]}", f"the only array of {spec.environment_dim} numbers")
    else:
        which = listed(fits, last="or") or "none was seen"
        what = f"a {FLOAT64_MULTI_ARRAY} of {spec.environment_dim} numbers ({which})"
        out.gap(f"  topic: {FILL_IN}", what, "environment.topic")
    out.put(f"  feature: {scalar(spec.environment_feature or '')}")
