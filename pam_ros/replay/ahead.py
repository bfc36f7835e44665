# SPDX-License-Identifier: Apache-2.0
"""Forward passes of the next ticks in one batch, handed to the policy one tick at a time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pam_ros.policy.act_pass import Pass
from pam_ros.policy.full_float32 import full_float32
from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from pam_ros.policy.act import ActPolicy
    from pam_ros.policy.act_pass import Prepared

    Features = Mapping[str, NDArray[np.generic]]


class AheadEngine:
    """Takes the place of a policy's engine: all else in the policy runs as it does live.

    Queue, ensemble and post-processing do not notice: each tick's pass comes out of the batch when
    the policy asks for it. A pass is never computed twice, and never for a tick that asks for none
    where it is the only one.
    """

    def __init__(self, policy: ActPolicy) -> None:
        self._policy = policy
        self._single = policy._engine  # noqa: SLF001  (the engine's only door)
        self._many = policy._forward  # noqa: SLF001
        policy._engine = self  # noqa: SLF001
        self._waiting: Sequence[Features] = ()
        self._done: Pass | None = None
        self._asked: tuple[tuple[int, ...], bool] | None = None
        self._turn = 0
        self.seconds = 0.0

    def expect(self, observations: Sequence[Features]) -> None:
        """The observations of the next ticks, in their order."""
        self._waiting, self._done = observations, None

    def turn(self, index: int) -> None:
        """The next pass is that of this observation."""
        self._turn = index

    def __call__(
        self,
        prepared: Prepared,
        encoder_layers: Collection[int] = (),
        *,
        mean_over_heads: bool = False,
    ) -> Pass:
        """See act_pass.Engine."""
        begin = time.perf_counter()
        if len(self._waiting) > 1:
            asked = (tuple(encoder_layers), mean_over_heads)
            if self._done is None or asked != self._asked:
                self._done, self._asked = self._batch(asked), asked
                self.seconds = (time.perf_counter() - begin) / len(self._waiting)
            if self._done is not None:
                return _one(self._done, self._turn)
        result = self._single(prepared, encoder_layers, mean_over_heads=mean_over_heads)
        self.seconds = time.perf_counter() - begin
        return result

    def _batch(self, asked: tuple[tuple[int, ...], bool]) -> Pass | None:
        """All of them; None where they cannot go together, and each goes alone."""
        try:
            batch = self._policy.prepare(self._waiting)
        except PolicyError:
            self._waiting = ()
            return None
        with full_float32():
            return self._many(batch, asked[0], mean_over_heads=asked[1])


def _one(done: Pass, index: int) -> Pass:
    part = slice(index, index + 1)
    return Pass(
        chunk=done.chunk[part],
        attention=done.attention[part],
        places=tuple(place[part] for place in done.places),
        encoder_attention={k: w[part] for k, w in done.encoder_attention.items()},
    )
