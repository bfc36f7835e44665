# SPDX-License-Identifier: Apache-2.0
"""What is said instead of an instruction."""

from __future__ import annotations

from pam_ros.ablation.language.texts import (
    absent,
    nonsense,
    others_than,
    swapped,
    without,
)

TEXT = "reach the red cube"


def test_others_are_those_that_differ_and_not_too_many():
    assert others_than(TEXT, [TEXT, "b", "b", "c"]) == ("b", "c")
    assert len(others_than(TEXT, [str(n) for n in range(20)])) == 4


def test_an_absent_object_stands_for_the_last_word():
    assert absent(TEXT) == ("reach the red giraffe", "reach the red umbrella")
    assert absent("the giraffe") == ("the umbrella",)
    assert absent(TEXT, ["reach the moon", TEXT]) == ("reach the moon",)


def test_another_order_has_the_same_words():
    orders = swapped(TEXT)
    assert orders[0] == "cube red the reach"
    assert all(sorted(one.split()) == sorted(TEXT.split()) and one != TEXT for one in orders)
    assert swapped("reach") == () == swapped("go go")


def test_nonsense_has_the_form_of_the_text_and_is_always_the_same():
    texts = nonsense(TEXT)
    assert texts == nonsense(TEXT) and len(set(texts)) == 2
    for one in texts:
        assert [len(word) for word in one.split()] == [5, 3, 3, 4]
        assert not set(one.split()) & set(TEXT.split())


def test_a_word_is_left_out_by_its_place():
    assert [without(TEXT, place) for place in (0, 3)] == ["the red cube", "reach the red"]
    assert without("go", 0) == ""
