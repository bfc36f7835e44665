# SPDX-License-Identifier: Apache-2.0
"""What was measured, and its JSON. docs/ablate.md has the fields of the file."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from pam_ros.ablation.errors import AblationError
from pam_ros.ablation.intervals import NOTHING, Spread

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA = 1


@dataclass(frozen=True)
class Joint:
    """One number of the action. unit: empty where nobody says. spread: what its way is divided by.

    spread: 0 if it never changes: it then counts for nothing in sums over joints.
    """

    name: str
    unit: str
    spread: float


@dataclass(frozen=True)
class Closed:
    """Episodes in the simulator. lost: of the intact episodes' rate, paired by scene."""

    episodes: int
    successes: int
    rate: Spread
    lost: Spread


@dataclass(frozen=True)
class Row:
    """One input under one replacement, or a reference, whose input is empty.

    Attributes:
        input: its name.
        replacement: of REPLACEMENTS, or the reference's name.
        moments: how many it was made at.
        joints: the way of each joint in its unit: median over moments.
        chunk: the way of the whole chunk in action spreads: root mean square over joints.
        above_floor: chunk minus the floor, moment by moment.
        of_everything: chunk over that of `everything`, both medians.
        why_not: why it was not made; empty if it was.
        closed: in the simulator; None where it did not run.
        ways: each moment's joints, as `moments` of the report lists them; None where it has none.
    """

    input: str
    replacement: str
    moments: int = 0
    joints: tuple[Spread, ...] = ()
    chunk: Spread = NOTHING
    above_floor: Spread = NOTHING
    of_everything: float = math.nan
    why_not: str = ""
    closed: Closed | None = None
    ways: tuple[tuple[float, ...] | None, ...] = ()


@dataclass(frozen=True)
class InputAnswer:
    """An input's verdict in a word (yes, hardly, unclear, no, unknown), and in a sentence."""

    input: str
    title: str
    verdict: str
    sentence: str


@dataclass(frozen=True)
class Report:
    """Everything.

    Attributes:
        policy: its folder's name or hub id.
        policy_sha256: of its weights.
        source: what was looked at, in words.
        joints: of the action, in order.
        spreads_from: what the joints' spreads are of.
        means_from: what each input's mean is of, by feature.
        noise: "none", "common" (the same in all chunks that are compared) or "anew".
        moments: episode and frame of each.
        intact: the simulator's episodes without a replacement; None where it did not run.
        references: next, noise and everything, those that there are.
        rows: the ablations.
        answers: one for each input.
        notes: what a reader has to know of this run.
    """

    policy: str
    policy_sha256: str
    source: str
    joints: tuple[Joint, ...]
    spreads_from: str
    means_from: Mapping[str, str]
    noise: str
    moments: tuple[tuple[int, int], ...]
    intact: Closed | None
    references: tuple[Row, ...]
    rows: tuple[Row, ...]
    answers: tuple[InputAnswer, ...] = ()
    notes: tuple[str, ...] = ()
    schema: int = SCHEMA

    def reference(self, name: str) -> Row | None:
        """One of the references; None if it was not measured."""
        return next((row for row in self.references if row.replacement == name), None)

    def of_input(self, name: str) -> tuple[Row, ...]:
        """An input's rows."""
        return tuple(row for row in self.rows if row.input == name)

    def to_json(self) -> str:
        """As JSON; what is not a number there is null."""
        return json.dumps(plain(asdict(self)), indent=1, allow_nan=False) + "\n"


def from_json(text: str, name: str) -> Report:
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
        return Report(
            **{
                **content,
                "joints": tuple(Joint(**joint) for joint in content["joints"]),
                "moments": tuple((int(a), int(b)) for a, b in content["moments"]),
                "intact": _closed(content["intact"]),
                "references": tuple(map(_row, content["references"])),
                "rows": tuple(map(_row, content["rows"])),
                "answers": tuple(InputAnswer(**answer) for answer in content["answers"]),
                "notes": tuple(map(str, content["notes"])),
            }
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AblationError(f"{name} is no ablation report: {error}") from error


def _row(content: Mapping[str, Any]) -> Row:
    known = {field.name for field in fields(Row)}
    if set(content) != known:
        raise KeyError(*(set(content) ^ known))
    return Row(
        **{
            **content,
            "joints": tuple(map(spread_from, content["joints"])),
            "chunk": spread_from(content["chunk"]),
            "above_floor": spread_from(content["above_floor"]),
            "of_everything": number_from(content["of_everything"]),
            "closed": _closed(content["closed"]),
            "ways": tuple(
                None if way is None else tuple(map(number_from, way)) for way in content["ways"]
            ),
        }
    )


def _closed(content: Mapping[str, Any] | None) -> Closed | None:
    if content is None:
        return None
    spreads = {name: spread_from(content[name]) for name in ("rate", "lost")}
    return Closed(int(content["episodes"]), int(content["successes"]), **spreads)


def spread_from(content: Mapping[str, float | None]) -> Spread:
    """The spread that plain() made this of."""
    return Spread(*(number_from(content[name]) for name in Spread._fields))


def number_from(value: float | None) -> float:
    """The number; NaN for null."""
    return math.nan if value is None else float(value)


def plain(value: Any) -> Any:
    """Six figures of each number, null for what is none: what JSON can hold."""
    if isinstance(value, Spread):
        return dict(zip(Spread._fields, map(plain, value), strict=True))
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value
