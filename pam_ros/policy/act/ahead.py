# SPDX-License-Identifier: Apache-2.0
"""Forward passes of observations that are known in advance, computed in one batch."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pam_ros.policy.act.passes import Pass
from pam_ros.policy.full_float32 import full_float32
from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from pam_ros.policy.act.passes import Forward, Prepared

    Observation = Mapping[str, NDArray[np.generic]]


class BatchAhead:
    """Hands out the passes of one batch, one observation at a time.

    The batch runs when the first of its passes is asked for, and again only where other encoder
    layers are asked for: never for an observation that asks for none where it is the only one.

    Args:
        prepare: the inputs of some observations; PolicyError where they do not fit.
        forward: the pass of a batch.
    """

    def __init__(
        self, prepare: Callable[[Sequence[Observation]], Prepared], forward: Forward
    ) -> None:
        self._prepare = prepare
        self._forward = forward
        self._expected: Sequence[Observation] = ()
        self._prepared: Prepared | None = None
        self._done: Pass | None = None
        self._asked: tuple[tuple[int, ...], bool] | None = None
        self._seconds = 0.0

    def expect(self, observations: Sequence[Observation]) -> None:
        """The observations to come; those that were expected before are forgotten."""
        self._expected, self._prepared, self._done = tuple(observations), None, None

    def take(
        self, observation: Observation, layers: Collection[int], *, mean_over_heads: bool
    ) -> tuple[Pass, float] | None:
        """The pass of an expected observation, and its share of the batch's time [s].

        None where it is not expected (it has to be the same object), is the only one, or where the
        batch does not go together: each of it goes alone, and says what is wrong with it.
        """
        place = next((k for k, one in enumerate(self._expected) if one is observation), None)
        if place is None or len(self._expected) == 1:
            return None
        asked = (tuple(layers), mean_over_heads)
        if self._done is None or asked != self._asked:
            begin = time.perf_counter()
            try:
                self._prepared = self._prepared or self._prepare(self._expected)
            except PolicyError:
                self.expect(())
                return None
            with full_float32():
                self._done = self._forward(self._prepared, asked[0], mean_over_heads=asked[1])
            self._asked = asked
            self._seconds = (time.perf_counter() - begin) / len(self._expected)
        return _one(self._done, place), self._seconds


def _one(done: Pass, index: int) -> Pass:
    part = slice(index, index + 1)
    return Pass(
        chunk=done.chunk[part],
        attention=done.attention[part],
        places=tuple(place[part] for place in done.places),
        encoder_attention={k: w[part] for k, w in done.encoder_attention.items()},
    )
