# SPDX-License-Identifier: Apache-2.0
"""Whether a policy does what words say: what is tried, and the table of how it went."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pam_ros.sim.instructions import ABSENT, NONSENSE, PHRASINGS, instruction
from pam_ros.sim.scene import CONTROL_HZ, OBJECTS
from pam_ros.sim.words.trials import Outcome, Trial

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

OBEY, KNOWN, UNKNOWN = "instruction", "held out, known words", "held out, a new verb"
CHANGED, MASKED, SENSELESS, MISSING = "changed on the way", "masked", "nonsense", "absent object"
CONDITIONS = (OBEY, KNOWN, UNKNOWN, CHANGED, MASKED, SENSELESS, MISSING)


@dataclass(frozen=True)
class Counts:
    """Scenes by condition.

    Attributes:
        scenes: with each of the three instructions.
        held_out: with each of the two held-out phrasings of each object.
        changed: in which the words change on the way.
        controls: with words masked, with nonsense, and with an object that no scene has, each.
    """

    scenes: int = 100
    held_out: int = 50
    changed: int = 50
    controls: int = 30


def trials(first_seed: int, counts: Counts, masked: bool = True) -> Iterator[Trial]:
    """What is tried, from a scene on; each condition has the first scenes.

    masked: whether to try with the words masked.
    """
    for index in range(counts.scenes):
        for name in OBJECTS:
            yield Trial(OBEY, first_seed + index, instruction(name), name)
    for index in range(counts.held_out):
        for name in OBJECTS:
            known, unknown = PHRASINGS[name].held_out
            yield Trial(KNOWN, first_seed + index, known, name)
            yield Trial(UNKNOWN, first_seed + index, unknown, name)
    for index in range(counts.changed):
        # All six pairs in turn.
        before = OBJECTS[index % 3]
        after = OBJECTS[(index + 1 + index // 3 % 2) % 3]
        yield Trial(CHANGED, first_seed + index, instruction(after), after, instruction(before))
    for index in range(counts.controls):
        seed = first_seed + index
        if masked:
            yield Trial(MASKED, seed, None, None)
        yield Trial(SENSELESS, seed, NONSENSE[index % len(NONSENSE)], None)
        yield Trial(MISSING, seed, ABSENT[index % len(ABSENT)], None)


def interval(successes: float, tried: int) -> tuple[float, float]:
    """95 % interval of a rate (Wilson, 1927, https://doi.org/10.2307/2276774)."""
    if tried == 0:
        return 0.0, 1.0
    z = 1.96
    rate, scale = successes / tried, 1 + z * z / tried
    middle = (rate + z * z / (2 * tried)) / scale
    half = z * math.sqrt(rate * (1 - rate) / tried + z * z / (4 * tried * tried)) / scale
    return max(0.0, middle - half), min(1.0, middle + half)


def rows(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """One row a condition and named object, and one a condition over all that were named.

    Each says how many trials reached each of OBJECTS and none, how many the named one, and the
    median seconds of those.
    """
    found = []
    for condition in CONDITIONS:
        of_it = [outcome for outcome in outcomes if outcome.trial.condition == condition]
        names = [name for name in OBJECTS if any(o.trial.named == name for o in of_it)]
        found += [
            _row(condition, name, [o for o in of_it if o.trial.named == name]) for name in names
        ]
        if of_it:
            found.append(_row(condition, "all" if names else None, of_it))
    return found


def _row(condition: str, named: str | None, of_it: list[Outcome]) -> dict[str, Any]:
    obeyed = [outcome for outcome in of_it if outcome.obeyed]
    seconds = sorted(outcome.ticks / CONTROL_HZ for outcome in obeyed)
    row: dict[str, Any] = {
        "condition": condition,
        "named": named,
        "trials": len(of_it),
        "reached": {name: sum(o.reached == name for o in of_it) for name in OBJECTS},
        "reached_none": sum(outcome.reached is None for outcome in of_it),
    }
    if named is not None:
        row["obeyed"] = len(obeyed)
        row["interval"] = interval(len(obeyed), len(of_it))
        row["median_seconds"] = seconds[len(seconds) // 2] if seconds else None
    return row


def table(outcomes: Sequence[Outcome]) -> str:
    """The rows as a Markdown table."""
    lines = [
        "| words | named | reached it | red | blue | green | none | median |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows(outcomes):
        others = [*(str(row["reached"][name]) for name in OBJECTS), str(row["reached_none"])]
        if row["named"] is None:
            named, obeyed, median = "", "", ""
        else:
            low, high = row["interval"]
            named = str(row["named"]).replace("_", " ")
            obeyed = f"{row['obeyed']} of {row['trials']} ({100 * low:.0f} to {100 * high:.0f} %)"
            seconds = row["median_seconds"]
            median = "" if seconds is None else f"{seconds:.1f} s"
        lines.append(f"| {' | '.join([row['condition'], named, obeyed, *others, median])} |")
    return "\n".join(lines) + "\n"


def summary(policy: str, first_seed: int, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The rows and every trial, for a JSON file."""
    return {
        "policy": policy,
        "first_seed": first_seed,
        "rows": rows(outcomes),
        "trials": [
            {**asdict(outcome.trial), **_ended(outcome), "obeyed": outcome.obeyed}
            for outcome in outcomes
        ],
    }


def _ended(outcome: Outcome) -> dict[str, Any]:
    ended = asdict(outcome)
    del ended["trial"]
    return ended
