# SPDX-License-Identifier: Apache-2.0
"""What each map costs, in plain passes: medians of rounds in which all are timed in turn.

A round times a plain pass and then every method; a method's cost is the median over the rounds of
its time by that round's plain pass, so a machine that is busy for a while slows both. A method's
time goes from the observation to its map, the pass it needs included: 1 is as much as a chunk
without a map.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Protocol

from pam_ros.faithfulness.subject import BATCH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pam_ros.faithfulness.methods import Method
    from pam_ros.faithfulness.probe import Observation

ROUNDS = 7
FEWEST_ROUNDS = 3
SECONDS = 60.0
"""No further round begins after this, once there are FEWEST_ROUNDS."""


class Timed(Protocol):
    """What is timed: see Subject."""

    @property
    def methods(self) -> Sequence[Method]:
        """Its methods."""
        ...

    def plain(self, observation: Observation) -> None:
        """A pass without a map."""
        ...

    def values_of(self, methods: Sequence[Method], observation: Observation) -> object:
        """A method's map."""
        ...

    def chunks(self, observations: Iterable[Observation]) -> object:
        """Passes of spoilt pictures."""
        ...


@dataclass(frozen=True)
class Costs:
    """Medians.

    pass_seconds: of a plain pass. spoilt_seconds: of one spoilt observation among a batch of them.
    methods: by name, in plain passes.
    """

    pass_seconds: float
    spoilt_seconds: float
    methods: Mapping[str, float]


def costs(
    subject: Timed, observation: Observation, clock: Callable[[], float] = time.perf_counter
) -> Costs:
    """Time every method on one observation, in this process; an untimed round comes first."""

    def seconds(job: Callable[[], object]) -> float:
        begin = clock()
        job()
        return clock() - begin

    def one_round() -> tuple[float, float, dict[str, float]]:
        plain = seconds(lambda: subject.plain(observation))
        spoilt = seconds(lambda: subject.chunks([observation] * BATCH)) / BATCH
        methods = {
            method.name: seconds(partial(subject.values_of, [method], observation)) / plain
            for method in subject.methods
        }
        return plain, spoilt, methods

    one_round()
    rounds: list[tuple[float, float, dict[str, float]]] = []
    begin = clock()
    while len(rounds) < ROUNDS:
        if len(rounds) >= FEWEST_ROUNDS and clock() - begin > SECONDS:
            break
        rounds.append(one_round())
    return Costs(
        pass_seconds=median(plain for plain, _, _ in rounds),
        spoilt_seconds=median(spoilt for _, spoilt, _ in rounds),
        methods={m.name: median(found[m.name] for _, _, found in rounds) for m in subject.methods},
    )
