# SPDX-License-Identifier: Apache-2.0
"""Lines of YAML with the reason for each beside it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pam_ros.robot.section import FILL_IN

if TYPE_CHECKING:
    from collections.abc import Sequence

_PLAIN = re.compile(r"[A-Za-z/~][A-Za-z0-9_./~]*")
_WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}
_COLUMN = 34


@dataclass
class Lines:
    """A file as it grows.

    Attributes:
        lines: of the file.
        guesses: how many lines are guesses.
        gaps: what is left to fill in, a sentence each.
    """

    lines: list[str] = field(default_factory=list)
    guesses: int = 0
    gaps: list[str] = field(default_factory=list)

    def comment(self, text: str, indent: int = 0) -> None:
        """Lines of their own, broken where they are long."""
        self.lines += [f"{' ' * indent}# {each}" for each in broken(text, 96 - indent)]

    def blank(self) -> None:
        """An empty line."""
        self.lines.append("")

    def put(self, line: str, why: str = "") -> None:
        """What is known, with what it is known from."""
        self._beside(line, why)

    def guess(self, line: str, why: str) -> None:
        """What is concluded: somebody has to look at it."""
        self.guesses += 1
        self._beside(line, f"guess: {why}")

    def gap(self, line: str, what: str, where: str) -> None:
        """What nobody can know from here; the line's value is FILL_IN."""
        assert FILL_IN in line
        self.gaps.append(f"{where}: {what}")
        self._beside(line, f"fill in: {what}")

    def _beside(self, line: str, why: str) -> None:
        if not why:
            self.lines.append(line)
            return
        room = 100 - max(_COLUMN, len(line) + 2) - 2
        if len(why) <= room:
            self.lines.append(f"{line:{_COLUMN - 2}}  # {why}")
            return
        indent = len(line) - len(line.lstrip(" "))
        self.comment(why, indent)
        self.lines.append(line)


def scalar(value: str) -> str:
    """A text as YAML takes it."""
    plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
    return value if plain else json.dumps(value, ensure_ascii=False)


def number(value: float) -> str:
    """At most three decimals, and never an exponent, which YAML 1.1 reads as a text."""
    text = f"{value:.3f}".rstrip("0")
    return f"{text}0" if text.endswith(".") else text


def listed(names: Sequence[str], most: int = 6, last: str = "and") -> str:
    """Some names in a sentence."""
    shown = list(names[:most])
    if len(names) > most:
        return f"{', '.join(shown)} {last} {len(names) - most} more"
    return (
        f" {last} ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)
    )


def broken(text: str, width: int) -> list[str]:
    """A text in lines of at most so many characters, where words allow."""
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return [*lines, line]
