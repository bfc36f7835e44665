# SPDX-License-Identifier: Apache-2.0
"""What is set for later passes of a SmolVLA: words, what is shown, tokens, whose noise."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from pam_ros.policy.interface import PolicyError
from pam_ros.policy.looks import check_look
from pam_ros.policy.smolvla.passes import ENCODER, places_by_name
from pam_ros.policy.taps import Wanted, wanted_by

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from pam_ros.attention.look import Look
    from pam_ros.policy.abilities import EditTokens
    from pam_ros.policy.interface import PolicySpec
    from pam_ros.policy.smolvla.layout import PrefixLayout
    from pam_ros.policy.smolvla.prepare import Preparation
    from pam_ros.policy.smolvla.words import Words

    Observation = Mapping[str, NDArray[np.generic]]

NOTHING = Wanted(frozenset(), frozenset())


class Settings:
    """The part of SmolVlaPolicy that runs no pass.

    Args:
        spec: of no instruction yet.
        lay_out: the layout of an instruction's words.
        preparation: which reads the words.
    """

    def __init__(
        self,
        spec: PolicySpec,
        lay_out: Callable[[Words], PrefixLayout],
        preparation: Preparation,
    ) -> None:
        self._spec = spec
        self._lay_out = lay_out
        self._preparation = preparation
        prefix = next(stack for stack in spec.stacks if stack.kind == "self")
        self._places = places_by_name(prefix.layers)
        self._tokens_layer = ENCODER
        self._edit: EditTokens | None = None
        self._wanted = NOTHING
        self._words: Words | None = None
        self._noise_of: Observation | None = None

    @property
    def spec(self) -> PolicySpec:
        """What it reads and writes."""
        return self._spec

    def show(self, look: Look) -> None:
        """Which weights later outputs hold; see interface.Policy."""
        check_look(self._spec, look)
        self._wanted = wanted_by([look], self._spec)

    @property
    def instruction(self) -> str:
        """The words that it reads; empty before it was given any."""
        return "" if self._words is None else self._words.text

    def _read(self, text: str) -> bool:
        """Take these words; whether they are others than before."""
        if not isinstance(text, str):
            message = f"{self._spec.name} reads words: an instruction must be a text, not {text!r}"
            raise PolicyError(message)
        if self._words is not None and text == self._words.text:
            return False
        words = self._preparation.words(text)
        self._spec = replace(self._spec, groups=self._lay_out(words).groups)
        self._words = words
        return True

    @contextmanager
    def reading(self, text: str) -> Iterator[None]:
        """Passes inside read these words; see abilities.ReadingOtherWords."""
        words, spec = self._words, self._spec
        try:
            self._read(text)
            yield
        finally:
            self._words, self._spec = words, spec

    def hold_noise(self, observation: Observation | None) -> None:
        """Draw in later passes what a pass of a batch draws for this observation."""
        self._noise_of = observation

    @property
    def tokens_layer(self) -> str:
        """Which layer the tokens of later outputs are of."""
        return self._tokens_layer

    def take_tokens(self, layer: str) -> None:
        """Which layer's tokens later outputs hold: see passes.places_by_name for the names."""
        self._place(layer)
        self._tokens_layer = layer

    def edit_tokens(self, edit: EditTokens | None) -> None:
        """Replace the tokens of tokens_layer by edit(tokens) in later steps; None takes it back."""
        self._edit = edit

    def _given(self) -> Words:
        if self._words is None:
            message = (
                f"{self._spec.name} reads words and was given none: it needs an instruction, such "
                'as "pick up the red cube"'
            )
            raise PolicyError(message)
        return self._words

    def _place(self, layer: str) -> int:
        if layer not in self._places:
            names = ", ".join(self._places)
            message = f"there is no tokens layer {layer!r}: it must be one of {names}"
            raise PolicyError(message)
        return self._places[layer]
