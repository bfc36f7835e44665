# SPDX-License-Identifier: Apache-2.0
"""Which texts can be an instruction, and which of several a policy reads."""

from __future__ import annotations

import numpy as np
import pytest

from pam_ros.policy import PolicyError, load_policy
from pam_ros.policy.words import (
    LONGEST,
    instruct_first,
    instruction_of,
    reads_words,
    why_no_instruction,
    why_unread,
)

TOP, STATE = "observation.images.top", "observation.state"


@pytest.fixture
def make(second_policy, tmp_path):
    def make(instruction):
        folder = second_policy(tmp_path / "second", {TOP: (32, 48)}, instruction=instruction)
        return load_policy(folder, device="cpu")

    return make


def observation(seed=0):
    rng = np.random.default_rng(seed)
    return {
        TOP: rng.integers(0, 256, (32, 48, 3), np.uint8),
        STATE: rng.normal(size=2).astype(np.float32),
    }


@pytest.mark.parametrize(
    "text", ["x", "pick up the red cube", "take\tit\nnow", "Würfel 取って", "x" * LONGEST]
)
def test_these_can_be_instructions(text):
    assert why_no_instruction(text) == ""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        (" \n\t", "it is empty"),
        ("x" * (LONGEST + 1), "it has 1001 characters, and at most 1000 are taken"),
        ("pick \x00 up", "it holds the control character '\\x00'"),
        ("\x1b[31mred", "it holds the control character '\\x1b'"),
        ("the \ud800", "it holds the control character '\\ud800'"),
        ("the \ufffd", "it is not UTF-8"),
    ],
)
def test_these_cannot(text, reason):
    assert why_no_instruction(text) == reason


def test_the_first_that_is_given_is_read(make):
    policy = make("pick up the red cube")
    assert instruct_first(policy, {"one": "", "two": "reach it", "three": "no"}) == ("two", "")
    assert policy.instruction == instruction_of(policy) == "reach it"


def test_where_none_is_given_its_own_is_read(make):
    policy = make("pick up the red cube")
    assert instruct_first(policy, {"one": "", "two": ""}) == ("policy", "")
    assert policy.instruction == "pick up the red cube"


def test_a_policy_that_reads_words_is_refused_without_any(make):
    policy = make("")
    assert reads_words(policy) and not why_unread(policy)
    with pytest.raises(PolicyError, match="reads words and was given none: set the one or the two"):
        instruct_first(policy, {"the one": "", "the two": ""})


def test_words_that_cannot_be_read_name_what_gave_them(make):
    policy = make("pick up the red cube")
    with pytest.raises(PolicyError, match=r"the one cannot be read: .* does not know the word \?x"):
        instruct_first(policy, {"the one": "?x"})
    with pytest.raises(PolicyError, match="the two cannot be read: it has 2000 characters"):
        instruct_first(policy, {"the one": "", "the two": "x" * 2000})
    assert policy.instruction == "pick up the red cube"


def test_a_policy_that_reads_no_words_is_left_as_it_is(blind_policy):
    policy = load_policy(blind_policy[0], device="cpu")
    assert not reads_words(policy) and instruction_of(policy) == ""
    assert instruct_first(policy, {"the one": "", "the two": ""}) == ("", "")
    source, unread = instruct_first(policy, {"the one": "", "the two": "go"})
    assert source == "" and unread.endswith("reads no words: the two is not used")


def test_other_words_empty_the_queue_and_the_same_words_do_not(make):
    policy = make("pick up the red cube")
    policy.step(observation())
    policy.instruct("pick up the red cube")
    assert policy.queued == 2
    with pytest.raises(PolicyError):
        policy.instruct("?x")
    assert policy.queued == 2
    policy.instruct("reach the blue cube")
    assert policy.pop_action() is None
    # The steps count on, and so do the observations.
    assert policy.step(observation(1)).step == 1


def test_the_tokens_are_those_of_the_words(make):
    policy = make("pick up the red cube")
    first = policy.spec.layout
    policy.instruct("reach it")
    (words,) = policy.spec.layout.of_kind("language")
    assert words.labels == ("reach", "it")
    assert policy.spec.layout.size == first.size - 3


def test_a_pass_of_earlier_words_is_of_those_words_whenever_it_runs(make):
    policy = make("pick up the red cube")
    expected = policy.explain(observation()).chunk
    policy.reset()
    later = policy.explain_later(observation())
    policy.instruct("reach it")
    np.testing.assert_array_equal(later().chunk, expected)
    policy.reset()
    assert np.abs(policy.explain(observation()).chunk - expected).max() > 1e-3
