# SPDX-License-Identifier: Apache-2.0
"""Does it read its words? One sentence with a number.

The first of texts.KINDS that was made decides: as a rule another instruction, since the policy
knows such words. Its way is compared with the floor, moment by moment: "yes" if the interval of the
difference is above 0, "hardly" if it is below, "unclear" otherwise, and "no" if nothing that is
said moves the chunk.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pam_ros.ablation.answers import HARDLY, NO, STILL, UNCLEAR, UNKNOWN, YES
from pam_ros.ablation.language.texts import ABSENT, MASKED, NONSENSE, OTHER, SWAPPED
from pam_ros.ablation.measure import NOISE
from pam_ros.ablation.numbers import amount, figures

if TYPE_CHECKING:
    from pam_ros.ablation.language.report import LanguageReport, Row

QUESTION = "Does it read its words?"
_SUBJECTS = {
    OTHER: "another instruction moves",
    ABSENT: "an object that is not there, in its last word, moves",
    SWAPPED: "its words in another order move",
    NONSENSE: "words that mean nothing move",
    MASKED: "no words at all move",
}
_STARTS = {YES: "Yes", HARDLY: "Hardly", UNCLEAR: "It cannot be told from this"}


def answered(report: LanguageReport) -> tuple[str, str]:
    """Verdict and sentence."""
    made = [row for row in report.rows if row.moments]
    if not made:
        reasons = "; ".join(dict.fromkeys(row.why_not for row in report.rows if row.why_not))
        return UNKNOWN, f"{QUESTION} Not measured: {reasons}."
    row = made[0]
    if all(one.chunk.value < STILL and not one.chunk.high >= STILL for one in made):
        return NO, f"{QUESTION} No: whatever is said, the chunk moves by 0 action spreads."
    low, high = row.above_floor.low, row.above_floor.high
    verdict = UNCLEAR
    if not math.isnan(low):
        verdict = YES if low > 0 else HARDLY if high < 0 else UNCLEAR
    return verdict, f"{QUESTION} {_STARTS[verdict]}: {_SUBJECTS[row.kind]} {_how_far(report, row)}."


def _how_far(report: LanguageReport, row: Row) -> str:
    floor = report.reference(report.floor)
    if floor is None or math.isnan(row.of_floor.value):
        return f"the chunk by {figures(row.chunk.value)} action spreads, {_most(report, row)}"
    what = "other noise does" if report.floor == NOISE else "it goes from one frame to the next"
    interval = ""
    if not math.isnan(row.of_floor.low):
        interval = f" [{figures(row.of_floor.low)}, {figures(row.of_floor.high)}]"
    return (
        f"the chunk {figures(row.of_floor.value)}{interval} times as far as {what}, "
        f"{_most(report, row)}"
    )


def _most(report: LanguageReport, row: Row) -> str:
    """The joint that goes farthest for what it moves in training."""
    relative = [
        found.value / joint.spread if joint.spread > 0 else 0.0
        for found, joint in zip(row.joints, report.joints, strict=True)
    ]
    place = max(range(len(relative)), key=relative.__getitem__)
    joint = report.joints[place]
    return f"{amount(row.joints[place].value, joint.unit)} in {joint.name}"
