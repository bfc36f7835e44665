# SPDX-License-Identifier: Apache-2.0
"""One plain sentence for each input: does the policy use it?

The first replacement of REPLACEMENTS that was made decides: as a rule another frame's, since the
policy knows such values. Its way is compared with the floor, moment by moment: "yes" if the
interval of the difference is above 0, or if it makes half of what replacing every input does;
"hardly" if the interval is below 0; "unclear" otherwise; and "no" where nothing that was done to
the input moves the chunk at all.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pam_ros.ablation.measure import EVERYTHING, NEXT, NOISE
from pam_ros.ablation.numbers import amount, times
from pam_ros.ablation.replacements import BLUR, EMPTY, FIRST, MEAN, OTHER
from pam_ros.ablation.report import InputAnswer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pam_ros.ablation.inputs import Input
    from pam_ros.ablation.report import Report, Row

YES, HARDLY, UNCLEAR, NO, UNKNOWN = "yes", "hardly", "unclear", "no", "unknown"
STILL = 1e-4
"""Below this many action spreads it is arithmetic and no motion."""

_JOINTS = 2
_MOST = 0.5
_STRANGE = {BLUR, MEAN}
_DONE = {
    OTHER: "replaced by another frame's",
    MEAN: "replaced by its mean",
    BLUR: "blurred",
    FIRST: "frozen at the episode's first",
    EMPTY: "taken away",
}
_OF_SEVERAL = {
    OTHER: "replaced by another frame's",
    MEAN: "replaced by their means",
    BLUR: "blurred",
    FIRST: "frozen at the episode's first",
}


def answer(report: Report, one: Input) -> InputAnswer:
    """An input's verdict and sentence, from its rows."""
    rows = [row for row in report.of_input(one.name) if not row.why_not and row.moments]
    question = f"Does the policy use {one.title}?"
    if not rows:
        reasons = [row.why_not for row in report.of_input(one.name) if row.why_not]
        told = reasons[0] if reasons else "no frame allowed a replacement"
        return InputAnswer(one.name, one.title, UNKNOWN, f"{question} Not measured: {told}.")
    row = rows[0]
    verdict = _verdict(row, rows, noisy=report.noise == "anew")
    parts = [
        f"{question} {_WORDS[verdict]} {_what_was_done(one, row)}, {_moves(report, row)}",
        _compared(report, row, verdict),
        _elsewhere(one, rows, verdict),
        _closed(report, one, rows),
    ]
    sentence = ". ".join(part for part in parts if part) + "."
    return InputAnswer(one.name, one.title, verdict, sentence)


_WORDS = {
    YES: "Yes:",
    HARDLY: "Hardly:",
    UNCLEAR: "It cannot be told from this:",
    NO: "No:",
}


def _verdict(row: Row, rows: Sequence[Row], *, noisy: bool) -> str:
    if all(one.chunk.value < STILL for one in rows) and not any(
        one.chunk.high >= STILL for one in rows
    ):
        return NO
    low, high = row.above_floor.low, row.above_floor.high
    if math.isnan(low):
        # A single frame, or no floor: the numbers are told, and no more is claimed.
        return UNCLEAR
    # Where each way holds the noise, so does the part of everything.
    if low > 0 or (row.of_everything >= _MOST and not noisy):
        return YES
    return HARDLY if high < 0 else UNCLEAR


def _what_was_done(one: Input, row: Row) -> str:
    done = (_OF_SEVERAL if one.kind == "cameras" else _DONE)[row.replacement]
    subject = {
        "camera": "with its picture",
        "cameras": "with all pictures",
        "state": "with it",
        "environment": "with it",
        "words": "with them",
    }[one.kind]
    return f"{subject} {done}"


def _moves(report: Report, row: Row) -> str:
    if row.chunk.value < STILL:
        return "the chunk does not move"
    spreads = [joint.spread for joint in report.joints]
    relative = [
        spread.value / size if size > 0 else 0.0
        for spread, size in zip(row.joints, spreads, strict=True)
    ]
    first = sorted(range(len(relative)), key=lambda place: -relative[place])[:_JOINTS]
    told = " and ".join(
        f"{amount(row.joints[place].value, report.joints[place].unit)} "
        f"in {report.joints[place].name}"
        for place in first
        if relative[place] > 0 or place == first[0]
    )
    return f"the chunk moves by {told} in the median"


def _compared(report: Report, row: Row, verdict: str) -> str:
    """Against the floor and against everything."""
    if verdict == NO:
        return ""
    parts = []
    floors = [found for name in (NEXT, NOISE) if (found := report.reference(name)) is not None]
    if report.noise != "anew":
        floors = [found for found in floors if found.replacement == NEXT]
    if floors:
        floor = max(floors, key=lambda found: found.chunk.value)
        what = "what it changes from one frame to the next anyway"
        if floor.replacement == NOISE:
            what = "what the policy's own noise changes"
        parts.append(f"{times(row.chunk.value, floor.chunk.value)} {what}")
    if report.reference(EVERYTHING) is not None and not math.isnan(row.of_everything):
        decides = verdict == YES and not row.above_floor.low > 0
        told = f"{row.of_everything:.0%} of what replacing every input does"
        parts.append(f"{told}, which decides here" if decides else told)
    return f"That is {', and '.join(parts)}" if parts else ""


def _elsewhere(one: Input, rows: Sequence[Row], verdict: str) -> str:
    """Another replacement that says otherwise, and how to take that."""
    if verdict in {YES, NO}:
        return ""
    loud = [row for row in rows[1:] if row.above_floor.low > 0]
    if not loud:
        return ""
    most = max(loud, key=lambda row: row.chunk.value)
    done = (_OF_SEVERAL if one.kind == "cameras" else _DONE)[most.replacement]
    strange = ", though the strangeness of that may do it" if most.replacement in _STRANGE else ""
    return f"{done.capitalize()}, it does move the chunk{strange}"


def _closed(report: Report, one: Input, rows: Sequence[Row]) -> str:
    ran = [row for row in rows if row.closed is not None]
    if report.intact is None or not ran:
        return ""
    row = ran[0]
    assert row.closed is not None
    done = (_OF_SEVERAL if one.kind == "cameras" else _DONE)[row.replacement]
    return (
        f"Driven so in the simulator ({done}), it reaches {row.closed.successes} of "
        f"{row.closed.episodes} cubes instead of {report.intact.successes}"
    )
