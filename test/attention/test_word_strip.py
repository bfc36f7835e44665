# SPDX-License-Identifier: Apache-2.0
"""Words as a strip, on the colours and the scale of the heat."""

from __future__ import annotations

import numpy as np
import pytest

from pam_ros.attention.errors import AttentionError
from pam_ros.attention.overlay import Overlay, heat_colours
from pam_ros.attention.word_strip import draw_words, strip_height, strip_lines
from pam_ros.attention.words import Word

BOARD = 24


def background(strip, left):
    """The colour beside the letters: the corner of a word's box."""
    return strip[5, left + 1].astype(int)


def lefts(strip):
    """Where the boxes of words begin, found by the columns between them."""
    board = (strip[4:32] == BOARD).all(axis=(0, 2))
    return [x for x in range(1, strip.shape[1]) if board[x - 1] and not board[x]]


def test_a_word_is_on_the_colour_that_a_cell_of_its_mass_has():
    scale = 0.2
    shares = [0.2, 0.1, 0.05, 0.4]
    strip = draw_words([Word("ab", share) for share in shares], scale)
    found = [background(strip, left) for left in lefts(strip)]
    # A picture as dark as the board, with cells of the same mass.
    picture = np.full((64, 64, 3), BOARD, np.uint8)
    for share, colour in zip(shares, found, strict=True):
        cells = np.full((2, 2), share, np.float32)
        drawn = Overlay(border=0).draw(picture, cells, 16, 16, 32, 32, scale)
        np.testing.assert_allclose(colour, drawn[32, 32].astype(int), atol=3)


def test_a_word_without_mass_is_on_the_board():
    strip = draw_words([Word("quiet", 0.0)], 0.1)
    assert (background(strip, 4) == BOARD).all()
    assert (strip > 200).any()  # and its letters are there


def test_more_words_than_fit_go_on_in_the_next_line():
    words = [Word(f"word{number}", 0.1) for number in range(12)]
    wide, narrow = draw_words(words, 0.1, width=2000), draw_words(words, 0.1, width=200)
    assert wide.shape == (strip_height(1), 2000, 3)
    lines = strip_lines([word.text for word in words], 200)
    assert lines > 3 and narrow.shape == (strip_height(lines), 200, 3)


def test_letters_that_cannot_be_drawn_and_words_that_do_not_fit_are_no_trouble():
    strip = draw_words([Word("würfel取", 0.1), Word("x" * 500, 0.1), Word("", 0.1)], 0.1, width=64)
    assert strip.shape[1] == 64 and strip.dtype == np.uint8
    assert draw_words([], 0.1).shape == (strip_height(1), 640, 3)


def test_the_colour_map_and_opacity_are_those_of_the_pictures():
    assert heat_colours("turbo", 0.6).shape == (256, 3)
    faint = draw_words([Word("ab", 1.0)], 1.0, alpha=0.0)
    assert (background(faint, 4) == BOARD).all()
    other = draw_words([Word("ab", 1.0)], 1.0, colormap="bone", alpha=1.0)
    np.testing.assert_allclose(background(other, 4), heat_colours("bone", 1.0)[255], atol=1)


@pytest.mark.parametrize(("width", "scale"), [(31, 0.1), (640, 0.0), (640, float("nan"))])
def test_what_cannot_be_drawn_is_refused(width, scale):
    with pytest.raises(AttentionError, match="cannot be drawn"):
        draw_words([Word("ab", 0.1)], scale, width)
