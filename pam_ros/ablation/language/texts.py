# SPDX-License-Identifier: Apache-2.0
"""What is said instead of an instruction."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

OTHER, ABSENT, SWAPPED, NONSENSE, MASKED = "other", "absent", "swapped", "nonsense", "masked"
KINDS = {
    OTHER: "another instruction",
    ABSENT: "an object that is not there",
    SWAPPED: "its words in another order",
    NONSENSE: "words that mean nothing",
    MASKED: "no words at all",
}
"""What is said, and how a table calls it. The first that could be made decides."""
MOST = 4
"""So many other instructions, at most, are tried at each frame."""
NOT_THERE = ("giraffe", "umbrella")
_DRAWS = 2
_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"


def others_than(text: str, known: Sequence[str]) -> tuple[str, ...]:
    """Some of the known instructions, none of them this one."""
    return tuple(dict.fromkeys(one for one in known if one != text))[:MOST]


def absent(text: str, given: Sequence[str] = ()) -> tuple[str, ...]:
    """Those that were given; else the text with its last word replaced by what is nowhere."""
    if given:
        return tuple(one for one in given if one != text)
    words = text.split()
    return tuple(" ".join([*words[:-1], word]) for word in NOT_THERE if word != words[-1])


def swapped(text: str) -> tuple[str, ...]:
    """The words backwards, and drawn in another order; empty where there is no other order."""
    words = text.split()
    rng = np.random.default_rng(zlib.crc32(text.encode()))
    drawn = [words[place] for place in rng.permutation(len(words))]
    orders = [" ".join(words[::-1]), " ".join(drawn)]
    return tuple(dict.fromkeys(one for one in orders if one.split() != words))


def nonsense(text: str) -> tuple[str, ...]:
    """As many words of the same lengths, of syllables drawn by chance; the same for one text."""
    return tuple(" ".join(_no_word(word, draw) for word in text.split()) for draw in range(_DRAWS))


def without(text: str, place: int) -> str:
    """The text without the word at this place, counted from 0."""
    words = text.split()
    return " ".join(words[:place] + words[place + 1 :])


def _no_word(word: str, draw: int) -> str:
    rng = np.random.default_rng([draw, zlib.crc32(word.encode())])
    letters = [
        str(rng.choice(list(_VOWELS if place % 2 else _CONSONANTS))) for place in range(len(word))
    ]
    return "".join(letters)
