# SPDX-License-Identifier: Apache-2.0
"""Checks the pages' English against docs/style.md: python scripts/prose.py [PAGE ...].

Prints `page:line: rule: what is there` for each fault, and ends with status 1 if there is one.
Code, tables, headings and what a page quotes between backticks are not prose.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

ROOT = Path(__file__).resolve().parents[1]
MOST_WORDS = 25
"""Of a sentence."""
RULES = (
    (r"\b(?:is|are|was|were) no\b(?! (?:more|less|longer|way|other|such)\b)", "write 'is not a'"),
    (r"(?i)\b(?:hold|holds|held|holding) (?:\w+ ){0,3}against\b", "write 'check against'"),
    (r"^Where [^,]{2,90},", "write 'if' or 'when' for a condition"),
    (r"^So long\b", "write how long, or 'meanwhile'"),
    (r"^(?:Who|By what)\b(?!.*\?$)", "begin with the subject: 'if someone ...'"),
)
"""Of each a pattern in one sentence, and what to write instead."""

_CODE = re.compile(r"^```.*?^```|^(?: {4,}|\t)[^\n]*$", re.S | re.M)
_LEFT_OUT = re.compile(r"^(?:#.*|\|.*|<.*|\[\w+\]: .*)$", re.M)
_BEGINS = re.compile(r"^[ \t]*(?:[-*+]|\d+\.) ", re.M)
_QUOTED = re.compile(r"``[^`]*``|`[^`]*`", re.S)
_LINK = re.compile(r"\]\([^)]*\)", re.S)
_END = re.compile(r"(?<=[.!?:;])[)\"'*]*\s+(?=\S)")


class Fault(NamedTuple):
    """A sentence that breaks a rule.

    Attributes:
        line: of the page, from 1, where the sentence begins.
        rule: what to write instead.
        text: the sentence, or its part.
    """

    line: int
    rule: str
    text: str


def _blank(match: re.Match[str]) -> str:
    """Nothing, in as many lines: what follows keeps its line number."""
    return "\n" * match.group().count("\n")


def _plain(match: re.Match[str]) -> str:
    """One word for what is quoted, in as many lines."""
    return "X" + "\n" * match.group().count("\n")


def sentences(text: str) -> Iterator[tuple[int, str]]:
    """Each sentence of a page of Markdown, as one line, and the line on which it begins."""
    text = _BEGINS.sub("\n\f", _CODE.sub(_blank, text))
    text = _QUOTED.sub(_plain, _LEFT_OUT.sub(_blank, text))
    text = _LINK.sub(lambda match: "]" + _blank(match), text)
    for paragraph in re.finditer(r"(?:(?!\n\s*\n|\f).)+", text, re.S):
        place = paragraph.start()
        for part in _END.split(paragraph.group()):
            begin = text.index(part, place)
            place = begin + len(part)
            if part.strip():
                first = begin + len(part) - len(part.lstrip())
                yield _line(text, first), " ".join(part.replace("\f", "").split())


def _line(text: str, place: int) -> int:
    # Each \f stands for the beginning of a list's item, with a newline of its own.
    before = text[:place]
    return before.count("\n") - before.count("\f") + 1


def faults(text: str) -> list[Fault]:
    """What is wrong with a page, in its order."""
    found = []
    for line, sentence in sentences(text):
        found += [
            Fault(line, rule, match.group())
            for pattern, rule in RULES
            for match in re.finditer(pattern, sentence)
        ]
        words = len(sentence.split())
        if words > MOST_WORDS:
            rule = f"{words} words: make it two sentences of at most {MOST_WORDS}"
            found.append(Fault(line, rule, f"{sentence[:60]} ..."))
    return found


def pages() -> list[Path]:
    """README.md and its like, that of rclpy_cyclone, and all of docs/."""
    runtime = ROOT / "rclpy_cyclone" / "README.md"
    return [*sorted(ROOT.glob("*.md")), runtime, *sorted((ROOT / "docs").rglob("*.md"))]


def main(names: Sequence[str]) -> int:
    """Check these pages, or all; returns the exit status."""
    chosen: Iterable[Path] = map(Path, names) if names else pages()
    status = 0
    for page in chosen:
        for fault in faults(page.read_text(encoding="utf-8")):
            status = 1
            name = page.resolve()
            shown = name.relative_to(ROOT) if name.is_relative_to(ROOT) else page
            sys.stdout.write(f"{shown}:{fault.line}: {fault.rule}: {fault.text}\n")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
