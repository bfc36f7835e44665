# SPDX-License-Identifier: Apache-2.0
"""What was measured of a policy's words, and its JSON. docs/language.md has the fields."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

from pam_ros.ablation.errors import AblationError
from pam_ros.ablation.intervals import NOTHING, Spread
from pam_ros.ablation.report import Joint, plain, spread_from

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA = 1
_Made = TypeVar("_Made", "Row", "WordRow")


@dataclass(frozen=True)
class Row:
    """One kind of other words, or a reference.

    Attributes:
        kind: of texts.KINDS, or "noise" or "next".
        texts: what was said, or some of it.
        moments: at how many.
        joints: the way of each joint in its unit, median over moments.
        chunk: of the whole chunk in action spreads: root mean square over joints.
        above_floor: chunk minus the floor, moment by moment.
        of_floor: chunk over the floor, of moments whose floor is above 0; NaN if those are less
            than half of all.
        why_not: why it was not made; empty if it was.
    """

    kind: str
    texts: tuple[str, ...] = ()
    moments: int = 0
    joints: tuple[Spread, ...] = ()
    chunk: Spread = NOTHING
    above_floor: Spread = NOTHING
    of_floor: Spread = NOTHING
    why_not: str = ""


@dataclass(frozen=True)
class WordRow:
    """One word of an instruction, and what its absence does.

    Attributes:
        instruction: that has it.
        place: of the word in it, from 0.
        word: itself.
        moments: with this instruction at which it was left out.
        joints, chunk: as in Row.
        share: of the attention [0, 1], on the word; NaN where none is told.
        why_not: why it was not left out; empty if it was.
    """

    instruction: str
    place: int
    word: str
    moments: int = 0
    joints: tuple[Spread, ...] = ()
    chunk: Spread = NOTHING
    share: Spread = NOTHING
    why_not: str = ""


@dataclass(frozen=True)
class LanguageReport:
    """Everything.

    Attributes:
        policy: its folder's name or hub id.
        policy_sha256: of its weights.
        source: what was looked at, in words.
        joints: of the action, in order.
        spreads_from: what the joints' spreads are of.
        noise: "none", "common" (the same in all chunks that are compared) or "anew".
        floor: of which reference the floor is: "noise", or "next" for a policy that draws none.
        attention: what the words' shares are of; empty where there are none.
        moments: episode and frame of each.
        instructions: how many moments have each.
        references: noise and next, those that there are.
        rows: one for each kind.
        words: one for each word of the commonest instructions.
        verdict: yes, hardly, unclear, no or unknown.
        sentence: the same in a sentence.
        notes: what a reader has to know of this run.
    """

    policy: str
    policy_sha256: str
    source: str
    joints: tuple[Joint, ...]
    spreads_from: str
    noise: str
    floor: str
    attention: str
    moments: tuple[tuple[int, int], ...]
    instructions: Mapping[str, int]
    references: tuple[Row, ...]
    rows: tuple[Row, ...]
    words: tuple[WordRow, ...]
    verdict: str = ""
    sentence: str = ""
    notes: tuple[str, ...] = ()
    schema: int = SCHEMA

    def reference(self, kind: str) -> Row | None:
        """One of the references; None if it was not measured."""
        return next((row for row in self.references if row.kind == kind), None)

    def to_json(self) -> str:
        """As JSON; what is not a number there is null."""
        return json.dumps(plain(asdict(self)), indent=1, allow_nan=False) + "\n"


def from_json(text: str, name: str) -> LanguageReport:
    """What to_json wrote.

    Args:
        text: of the file.
        name: of the file, for the error.

    Raises:
        AblationError: it did not write this.
    """
    try:
        content = json.loads(text)
        if content["schema"] != SCHEMA:
            raise AblationError(
                f"{name} has schema {content['schema']}: this version reads {SCHEMA}"
            )
        return LanguageReport(
            **{
                **content,
                "joints": tuple(Joint(**joint) for joint in content["joints"]),
                "moments": tuple((int(a), int(b)) for a, b in content["moments"]),
                "instructions": {str(k): int(v) for k, v in content["instructions"].items()},
                "references": tuple(_made(Row, row) for row in content["references"]),
                "rows": tuple(_made(Row, row) for row in content["rows"]),
                "words": tuple(_made(WordRow, row) for row in content["words"]),
                "notes": tuple(map(str, content["notes"])),
            }
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AblationError(f"{name} is no language report: {error}") from error


def _made(kind: type[_Made], content: Mapping[str, Any]) -> _Made:
    known = {field.name for field in fields(kind)}
    if set(content) != known:
        raise KeyError(*(set(content) ^ known))
    spreads = known & {"chunk", "above_floor", "of_floor", "share"}
    return kind(
        **{
            **content,
            **({"texts": tuple(map(str, content["texts"]))} if "texts" in known else {}),
            "joints": tuple(map(spread_from, content["joints"])),
            **{name: spread_from(content[name]) for name in spreads},
        }
    )
