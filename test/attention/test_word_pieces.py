# SPDX-License-Identifier: Apache-2.0
"""Pieces of words become words again, whichever tokenizer made them."""

from __future__ import annotations

import math

import pytest

from pam_ros.attention.words import shares_of, words_of


@pytest.mark.parametrize(
    "labels",
    [
        ("p", "ick", "\u0120up", "\u0120the", "\u0120c", "ube", "."),  # byte-level BPE
        ("\u2581p", "ick", "\u2581up", "\u2581the", "\u2581c", "ube", "."),  # SentencePiece
        (" p", "ick", " up", " the", " c", "ube", "."),  # decoded
    ],
)
def test_pieces_are_joined_at_the_marks_of_spaces(labels):
    words = words_of(labels, [1, 2, 4, 8, 16, 32, 64])
    assert [word.text for word in words] == ["pick", "up", "the", "cube."]
    assert [word.share for word in words] == [3, 4, 8, 112]


@pytest.mark.parametrize("end", ["\u010a", "\n", r"\n"])
def test_a_lines_end_takes_nothing_from_the_word_before(end):
    words = words_of(("pick", " the", " c", "ube", end), [1, 2, 4, 8, 16])
    assert [(word.text, word.share) for word in words][-2:] == [("cube", 12), ("\u23ce", 16)]
    assert shares_of("pick the cube", words) == (1, 2, 12)


def test_word_pieces_go_on_at_their_own_mark():
    words = words_of(("pick", "up", "cu", "##be"), [1, 2, 4, 8])
    assert [(word.text, word.share) for word in words] == [("pick", 1), ("up", 2), ("cube", 12)]


def test_words_without_any_mark_are_words():
    words = words_of(("pick", "it", "up"), [0.5, 0.25, 0.25])
    assert [word.text for word in words] == ["pick", "it", "up"]


def test_marks_of_the_tokenizer_stand_alone_and_nothing_is_lost():
    labels = ("<bos>", "p", "ick", "\u0120it", "\u010a", "[SEP]")
    words = words_of(labels, [1, 2, 4, 8, 16, 32])
    assert [(word.text, word.special) for word in words] == [
        ("<bos>", True), ("pick", False), ("it", False), ("\u23ce", True), ("[SEP]", True),
    ]  # fmt: skip
    assert sum(word.share for word in words) == 63


def test_a_word_of_the_text_has_the_share_of_its_tokens():
    words = words_of(("<bos>", "p", "ick", "\u0120it", "\u010a"), [1, 2, 4, 8, 16])
    assert shares_of("pick  it", words) == (6, 8)
    # What the tokenizer cut away has none.
    pick, it, up = shares_of("pick it up", words)
    assert (pick, it) == (6, 8) and math.isnan(up)
    assert all(map(math.isnan, shares_of("other words", words)))


def test_no_tokens_are_no_words():
    assert words_of((), ()) == ()
