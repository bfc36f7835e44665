# SPDX-License-Identifier: Apache-2.0
"""Pieces of words, as tokenizers give them, joined into words again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_BEGINS = ("\u0120", "\u2581", " ")
"""A space before the piece, as byte-level BPE, SentencePiece and decoded pieces write it."""
_GOES_ON = "##"
"""WordPiece's mark of a piece that goes on."""
_NEWLINES = {"\u010a", "\n", r"\n"}
"""As byte-level BPE has it, decoded, and decoded and escaped."""
_SPECIAL = re.compile(r"<[^<>\s]+>|\[[A-Z]+\]")


class Word(NamedTuple):
    """A word, and the mass [0, 1] of its tokens together.

    special: whether it is no word of the text but a mark of the tokenizer's, or a line's end.
    """

    text: str
    share: float
    special: bool = False


class Group(Protocol):
    """A group of tokens, of maps or of a message, as far as words need it."""

    @property
    def kind(self) -> str:
        """What they stand for."""
        ...

    @property
    def labels(self) -> Sequence[str]:
        """Of each token, or none."""
        ...

    @property
    def mass(self) -> Iterable[float]:
        """Of each token, or none."""
        ...


def language_words(groups: Iterable[Group]) -> tuple[Word, ...]:
    """The words of an instruction; their shares are 0 where the groups tell of no mass."""
    found: list[Word] = []
    for group in groups:
        labels = list(group.labels)
        if group.kind == "language" and labels:
            mass = list(map(float, group.mass))
            found += words_of(labels, mass if len(mass) == len(labels) else [0.0] * len(labels))
    return tuple(found)


def words_of(labels: Sequence[str], mass: Iterable[float]) -> tuple[Word, ...]:
    """The words of some tokens, in their order; the sum of the shares is that of the mass.

    Where any piece has the mark of a space before it, those without one go on the word before.
    Where none has, pieces with WordPiece's mark do, and each other is a word of its own.

    Args:
        labels: of the tokens.
        mass: (tokens,) of each.
    """
    spaced = any(label.startswith(_BEGINS) for label in labels)
    return tuple(_joined(labels, mass, spaced=spaced))


def _joined(labels: Sequence[str], mass: Iterable[float], *, spaced: bool) -> Iterator[Word]:
    text, share = "", 0.0
    for label, each in zip(labels, map(float, mass), strict=True):
        special = _SPECIAL.fullmatch(label) is not None or label in _NEWLINES
        begins = label.startswith(_BEGINS) if spaced else not label.startswith(_GOES_ON)
        if text and (special or begins):
            yield Word(text, share)
            text, share = "", 0.0
        if special:
            yield Word("\u23ce" if label in _NEWLINES else label, each, special=True)
            continue
        piece = label.removeprefix(_GOES_ON) if not spaced else label
        text, share = text + piece.lstrip("".join(_BEGINS)), share + each
    if text or share:
        yield Word(text, share)


def shares_of(text: str, words: Sequence[Word]) -> tuple[float, ...]:
    """The share of each of a text's words; NaN where the tokens have no such word there.

    Args:
        text: whose words, between white space, are asked for.
        words: of its tokens; a tokenizer may have cut it.
    """
    known = [word for word in words if not word.special]
    found, place = [], 0
    for word in text.split():
        same = place < len(known) and known[place].text == word
        found.append(known[place].share if same else float("nan"))
        place += same
    return tuple(found)
