# SPDX-License-Identifier: Apache-2.0
"""Forward passes of the next ticks in one batch, handed to the policy one tick at a time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pam_ros.policy.act_pass import Pass, Prepared
from pam_ros.policy.full_float32 import full_float32
from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from pam_ros.policy.act import ActPolicy
    from pam_ros.policy.act_prepare import Preparation

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
        policy._preparation = _Ahead(policy._preparation, self)  # type: ignore[assignment]  # noqa: SLF001
        self._waiting: Sequence[Features] = ()
        self._prepared: Prepared | None = None
        self._done: Pass | None = None
        self._asked: tuple[tuple[int, ...], bool] | None = None
        self._turn = 0
        self.seconds = 0.0

    def expect(self, observations: Sequence[Features]) -> None:
        """The observations of the next ticks, in their order."""
        self._waiting, self._prepared, self._done = observations, None, None

    def turn(self, index: int) -> None:
        """The next pass is that of this observation."""
        self._turn = index

    def prepared(self) -> Prepared | None:
        """The inputs of the next pass; None where they are not part of a batch."""
        if len(self._waiting) <= 1:
            return None
        if self._prepared is None:
            begin = time.perf_counter()
            try:
                self._prepared = self._policy.prepare(self._waiting)
            except PolicyError:
                # They cannot go together: each goes alone, and says what is wrong with it.
                self._waiting = ()
                return None
            self.seconds = time.perf_counter() - begin
        part = slice(self._turn, self._turn + 1)
        images, state, environment = self._prepared
        return Prepared(
            tuple(image[part] for image in images),
            None if state is None else state[part],
            None if environment is None else environment[part],
        )

    def __call__(
        self,
        prepared: Prepared,
        encoder_layers: Collection[int] = (),
        *,
        mean_over_heads: bool = False,
    ) -> Pass:
        """See act_pass.Engine."""
        begin = time.perf_counter()
        if self._prepared is not None:
            asked = (tuple(encoder_layers), mean_over_heads)
            if self._done is None or asked != self._asked:
                with full_float32():
                    self._done = self._many(self._prepared, asked[0], mean_over_heads=asked[1])
                self._asked = asked
                self.seconds += time.perf_counter() - begin
                self.seconds /= len(self._waiting)
            return _one(self._done, self._turn)
        result = self._single(prepared, encoder_layers, mean_over_heads=mean_over_heads)
        self.seconds = time.perf_counter() - begin
        return result


class _Ahead:
    """The policy's preparation, which is not done again for what is prepared already."""

    def __init__(self, inner: Preparation, engine: AheadEngine) -> None:
        self._inner = inner
        self._engine = engine
        self.many = inner.many
        self.unnormalised = inner.unnormalised

    def one(self, observation: Features, *, reuse: bool = False) -> Prepared:
        """The inputs of one observation."""
        prepared = self._engine.prepared()
        return self._inner.one(observation, reuse=reuse) if prepared is None else prepared


def _one(done: Pass, index: int) -> Pass:
    part = slice(index, index + 1)
    return Pass(
        chunk=done.chunk[part],
        attention=done.attention[part],
        places=tuple(place[part] for place in done.places),
        encoder_attention={k: w[part] for k, w in done.encoder_attention.items()},
    )
