# SPDX-License-Identifier: Apache-2.0
"""How far the chunk goes at one moment, when other words are said."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.ablation.language.texts import (
    ABSENT,
    KINDS,
    MASKED,
    NONSENSE,
    OTHER,
    SWAPPED,
    absent,
    nonsense,
    others_than,
    swapped,
    without,
)
from pam_ros.ablation.measure import NEXT, NOISE, Measured, one_step_on, way
from pam_ros.ablation.passes import Question
from pam_ros.attention.errors import AttentionError
from pam_ros.attention.words import language_words, shares_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pam_ros.ablation.moments import Moment
    from pam_ros.ablation.passes import Passes
    from pam_ros.attention.selection import Selection

WORD = "word"


@dataclass(frozen=True)
class Said:
    """What is said at the moments.

    Attributes:
        known: instructions of which those are others that a moment does not have.
        absent: of objects that are not there; empty: made of the moment's own.
        refused: texts that the policy cannot read, with its reasons.
        selection: the attention whose mass on each word is told; None: none.
    """

    known: tuple[str, ...]
    absent: tuple[str, ...]
    refused: Mapping[str, str]
    selection: Selection | None = None

    def texts(self, own: str, kind: str) -> tuple[str, ...]:
        """What is said instead of a moment's own instruction, of one of KINDS."""
        made = {
            OTHER: others_than(own, self.known),
            ABSENT: absent(own, self.absent),
            SWAPPED: swapped(own),
            NONSENSE: nonsense(own),
            MASKED: ("",),
        }[kind]
        return tuple(text for text in made if text not in self.refused)

    def without_each(self, own: str) -> dict[int, str]:
        """The instruction without one word each, by the place of the word."""
        texts = {place: without(own, place) for place in range(len(own.split()))}
        return {place: text for place, text in texts.items() if text not in self.refused}


def every_text(known: Sequence[str], absent_ones: Sequence[str], owns: Sequence[str]) -> set[str]:
    """Whatever may be said at moments with these instructions."""
    said = Said(tuple(known), tuple(absent_ones), {})
    found = {text for own in owns for kind in KINDS for text in said.texts(own, kind)}
    return found | {text for own in owns for text in said.without_each(own).values()}


def measure(
    moment: Moment,
    own: str,
    other: Moment | None,
    said: Said,
    passes: Passes,
) -> Measured:
    """All that can be said at a moment, and the references; see ablation.measure.

    All chunks draw the moment's own noise, but for `noise`. Of several texts of a kind the way is
    the root mean square of theirs; one_key has that of one of them.

    Args:
        moment: that is looked at.
        own: its instruction.
        other: another one, whose noise is drawn for `noise`; None if there is none.
        said: what is said.
        passes: of the policy.

    Raises:
        AblationError: a chunk is not finite.
    """
    asked = _asked(moment, own, other, said, passes)
    order = sorted(asked, key=lambda key: (asked[key].words or "", key[0] == NOISE, key))
    chunks = dict(zip(order, passes.chunks([asked[key] for key in order]), strict=True))
    whole = chunks.pop(("", 0))
    ways: dict[str, tuple[float, ...]] = {}
    for kind in (*KINDS, NOISE):
        found = [way(chunk, whole) for key, chunk in chunks.items() if key[0] == kind]
        if found:
            ways[kind] = _together(found)
            ways[one_key(kind)] = found[_turn(moment, len(found))]
    for key, chunk in chunks.items():
        if key[0] == WORD:
            ways[word_key(key[1])] = way(chunk, whole)
    if (NEXT, 0) in chunks:
        ways[NEXT] = one_step_on(whole, chunks[NEXT, 0])
    return Measured(
        moment.episode,
        moment.frame,
        ways,
        tuple(whole.mean(axis=0).tolist()),
        tuple(np.square(whole).mean(axis=0).tolist()),
        _shares(asked["", 0], own, passes, said.selection),
    )


def _asked(
    moment: Moment, own: str, other: Moment | None, said: Said, passes: Passes
) -> dict[tuple[str, int], Question]:
    """By kind and number of the text; ("", 0) is the moment as it was."""
    noise = moment.observation
    asked = {("", 0): Question(moment.history, own, noise)}
    for kind in KINDS:
        for number, text in enumerate(said.texts(own, kind)):
            asked[kind, number] = Question(moment.history, text, noise)
    for place, text in said.without_each(own).items():
        asked[WORD, place] = Question(moment.history, text, noise)
    if moment.following is not None:
        asked[NEXT, 0] = Question(moment.following, own, noise)
    anew = passes.other_noise(moment.history, None if other is None else other.observation)
    if anew is not None:
        asked[NOISE, 0] = Question(anew.history, own, anew.noise)
    return asked


def one_key(kind: str) -> str:
    """Of the ways, that of one text of a kind; which one is a matter of the moment."""
    return f"{kind}:one"


def _turn(moment: Moment, texts: int) -> int:
    """Which text is compared with one draw of other noise.

    Of several, their root mean square is larger in the median than one draw, also where words do
    nothing that noise does not.
    """
    return zlib.crc32(f"{moment.episode}:{moment.frame}".encode()) % texts


def word_key(place: int) -> str:
    """Of the ways, that of the instruction without the word at this place."""
    return f"{WORD}:{place}"


def _together(ways: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    squares: NDArray[np.float64] = np.square(np.array(ways, np.float64))
    return tuple(np.sqrt(squares.mean(axis=0)).tolist())


def _shares(
    question: Question, own: str, passes: Passes, selection: Selection | None
) -> tuple[float, ...]:
    """The mass on each word; empty where there is none to tell."""
    if selection is None:
        return ()
    try:
        maps = passes.maps(question, selection)
    except AttentionError:
        return ()
    words = language_words(maps.groups)
    return shares_of(own, words) if words else ()
