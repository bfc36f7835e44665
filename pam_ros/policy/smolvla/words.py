# SPDX-License-Identifier: Apache-2.0
"""An instruction as the tokens that the policy reads."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from collections.abc import Sequence

_STEP = "TokenizerProcessorStep"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Words:
    """What becomes of an instruction.

    Attributes:
        text: the instruction.
        mask: for each of its tokens, whether it is a word's and not filled in.
        labels: of those that are, as text, with a leading space where a word begins.
        longest: how many tokens the tokenizer may give.
    """

    text: str
    mask: tuple[bool, ...]
    labels: tuple[str, ...]
    longest: int


class Reader:
    """Reads instructions as the checkpoint's pre-processor does.

    Args:
        name: the policy's, for sentences.
        preprocessor: lerobot's.

    Raises:
        PolicyError: none of its steps takes words.
    """

    def __init__(self, name: str, preprocessor: Any) -> None:
        steps = [each for each in preprocessor.steps if type(each).__name__ == _STEP]
        if len(steps) != 1:
            message = (
                f"{name}: its pre-processor has {len(steps)} steps that take words, "
                f"'tokenizer_processor': it must have one"
            )
            raise PolicyError(message)
        self._name, self._step = name, steps[0]

    def read(self, text: str, tokens: Sequence[int], mask: Sequence[bool]) -> Words:
        """The words of an instruction.

        Args:
            text: the instruction.
            tokens: what the pre-processor made of it.
            mask: for each of them, whether it is a word's.
        """
        real = [token for token, kept in zip(tokens, mask, strict=True) if kept]
        longest = max(len(mask), int(self._step.max_length))
        labels = tuple(self._label(token) for token in real)
        self._warn_of_a_cut(text, len(real), labels)
        return Words(text, tuple(bool(kept) for kept in mask), labels, longest)

    def _label(self, token: int) -> str:
        tokenizer = self._step.input_tokenizer
        text = tokenizer.decode([token], clean_up_tokenization_spaces=False)
        if not text or "�" in text:
            text = tokenizer.convert_ids_to_tokens(token)
        return str(text).replace("\n", "\\n")

    def _warn_of_a_cut(self, text: str, count: int, labels: tuple[str, ...]) -> None:
        if count < int(self._step.max_length):
            return
        line = text if text.endswith("\n") else f"{text}\n"
        whole = self._step.input_tokenizer(line)["input_ids"]
        if len(whole) > count:
            logger.warning(
                "%s reads %d tokens and the instruction has %d: it is cut, as lerobot cuts it, "
                "after %r",
                self._name,
                count,
                len(whole),
                "".join(labels[-4:]),
            )
