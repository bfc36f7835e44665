# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from pam_ros.sim.errors import SimError
from pam_ros.sim.instructions import ABSENT, NONSENSE, PHRASINGS, asked_for, instruction
from pam_ros.sim.scene import OBJECTS


def trained_words():
    return {
        word
        for phrasings in PHRASINGS.values()
        for text in phrasings.training
        for word in text.split()
    }


def test_every_object_has_five_phrasings_and_no_two_are_the_same():
    assert tuple(PHRASINGS) == OBJECTS
    everything = [
        text
        for phrasings in PHRASINGS.values()
        for text in (*phrasings.training, *phrasings.held_out)
    ]
    assert len(everything) == 15
    assert len({*everything, *NONSENSE, *ABSENT}) == 15 + len(NONSENSE) + len(ABSENT)


def test_one_held_out_phrasing_has_known_words_alone_and_the_other_a_new_one():
    known = trained_words()
    for phrasings in PHRASINGS.values():
        assert set(phrasings.known.split()) <= known
        assert set(phrasings.unknown.split()) - known == {"point", "at"}


def test_no_phrasing_names_another_object():
    colours = {name: name.split("_")[0] for name in OBJECTS}
    for name, phrasings in PHRASINGS.items():
        for text in (*phrasings.training, *phrasings.held_out):
            assert [c for c in colours.values() if c in text.split()] == [colours[name]]


def test_words_that_ask_for_nothing_have_no_word_of_an_object():
    for text in (*NONSENSE, *ABSENT):
        assert not {"red", "blue", "green", "cube", "block", "cylinder", "can"} & set(text.split())
        assert asked_for(text) is None


def test_a_phrasing_says_which_object_it_asks_for():
    for name, phrasings in PHRASINGS.items():
        assert asked_for(instruction(name)) == name
        assert asked_for(f"  {phrasings.unknown.upper()} ") == name


def test_an_object_that_there_is_not_is_one_sentence():
    with pytest.raises(SimError, match="no words for 'teapot': there are for red_cube"):
        instruction("teapot")
