# SPDX-License-Identifier: Apache-2.0
"""What a policy is told: which texts can be an instruction, and which of several is read."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, NamedTuple

from pam_ros.policy.abilities import Instructed, lacks
from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pam_ros.policy.interface import Policy

LONGEST = 1000
"""Characters of an instruction; a tokenizer takes fewer still, and its adapter says so."""
OPTION = "--instruction"
"""Of the commands that say something to a policy."""
_CONTROL = {"Cc", "Cs"}


class FirstWords(NamedTuple):
    """What was done with the texts that were offered.

    source: which of them the policy reads; "policy" if its own; empty if it reads none.
    unread: why a text that was given is not read; else empty.
    """

    source: str
    unread: str


def why_no_instruction(text: str) -> str:
    """Why a text cannot be an instruction, to go on "it ..."; empty where it can."""
    if not text.strip():
        return "it is empty"
    if len(text) > LONGEST:
        return f"it has {len(text)} characters, and at most {LONGEST} are taken"
    if "\ufffd" in text:
        return "it is not UTF-8"
    for letter in text:
        if letter not in "\n\t" and unicodedata.category(letter) in _CONTROL:
            return f"it holds the control character {letter!r}"
    return ""


def instruction_of(policy: Policy) -> str:
    """The words that it reads now; empty if it reads none, or does not tell."""
    return policy.instruction if isinstance(policy, Instructed) else ""


def reads_words(policy: Policy) -> bool:
    """Whether it reads words and can be given others."""
    return policy.spec.instruction and isinstance(policy, Instructed)


def why_unread(policy: Policy) -> str:
    """Why an instruction is of no use to it; empty if it is."""
    if not policy.spec.instruction:
        return f"policy {policy.spec.name} reads no words"
    if not isinstance(policy, Instructed):
        return lacks(policy, "it reads words that cannot be changed")
    return ""


def instruct_first(policy: Policy, offers: Mapping[str, str]) -> FirstWords:
    """Have a policy read the first of these texts that is not empty, or else its own.

    Args:
        policy: any; one that reads no words is left as it is.
        offers: texts by what gives them, as a sentence calls it: "the parameter 'instruction'".

    Raises:
        PolicyError: it reads words and there are none, or the first cannot be read; the sentence
            names what gives them.
    """
    given = next((source for source, text in offers.items() if text), "")
    unread = why_unread(policy)
    if unread or not isinstance(policy, Instructed):
        return FirstWords("", f"{unread}: {given} is not used" if given else "")
    if given:
        read_words(policy, offers[given], given)
        return FirstWords(given, "")
    if policy.instruction.strip():
        return FirstWords("policy", "")
    raise PolicyError(
        f"policy {policy.spec.name} reads words and was given none: set {' or '.join(offers)}, "
        'for example "pick up the red cube"'
    )


class Saying:
    """Says to a policy what it is told at each moment of what was recorded.

    That is what was asked for, else what was said at the moment, else the words that the policy has
    already. To a policy that reads no words nothing is said.

    Args:
        policy: any.
        asked: said at every moment; empty: not.

    Raises:
        PolicyError: the policy cannot read what was asked for, or reads no words at all.
    """

    def __init__(self, policy: Policy, asked: str = "") -> None:
        if asked:
            unread = why_unread(policy)
            if unread:
                raise PolicyError(f"{unread}: leave {OPTION} out")
            read_words(policy, asked, OPTION)
        self._asked = asked
        self._policy = policy
        self._otherwise = instruction_of(policy)

    def at(self, told: str) -> str:
        """Say it; what the policy reads now.

        Args:
            told: at this moment, as whoever recorded it says; empty where nothing does.

        Raises:
            PolicyError: nothing says it, or the policy cannot read it.
        """
        policy = self._policy
        if not reads_words(policy):
            return ""
        assert isinstance(policy, Instructed)
        words = self._asked or ("" if why_no_instruction(told) else told) or self._otherwise
        if not words.strip():
            raise PolicyError(
                f"policy {policy.spec.name} reads words, and nothing says which: name them with "
                f"{OPTION}"
            )
        if words != policy.instruction:
            policy.instruct(words)
        return words


def read_words(policy: Policy, text: str, source: str) -> None:
    """Have a policy that reads words read this text.

    Args:
        policy: Instructed.
        text: an instruction.
        source: what gives it, as a sentence calls it.

    Raises:
        PolicyError: the text cannot be read; the policy's words stay as they were.
    """
    assert isinstance(policy, Instructed)
    reason = why_no_instruction(text)
    if reason:
        raise PolicyError(f"{source} cannot be read: {reason}")
    try:
        policy.instruct(text)
    except PolicyError as error:
        raise PolicyError(f"{source} cannot be read: {error}") from error
