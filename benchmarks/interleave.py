# SPDX-License-Identifier: Apache-2.0
"""Times rows in turns, so that whatever slows the machine down for a while slows all of them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True)
class Row:
    """One thing to time. `run` does it once; None where it cannot run here, and `missing` why.

    A note is what a reader of the figure should know.
    """

    key: str
    label: str
    run: Callable[[], object] | None = None
    missing: str = ""
    note: str = ""


@dataclass(frozen=True)
class Effort:
    """How much to time: `seconds` of rounds, within `fewest` to `most` rounds, after warm-up."""

    seconds: float = 90.0
    fewest: int = 15
    most: int = 300
    warmup: int = 2
    seed: int = 0


def interleave(
    rows: Sequence[Row],
    effort: Effort,
    synchronise: Callable[[], None] = lambda: None,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Seconds of each row that can run, one entry per round.

    Every round runs each row once, in an order of its own drawn from the seed, so that no row
    always follows the same other one. The last warm-up round is what tells how many rounds fit.

    Args:
        rows: their keys differ.
        effort: how many rounds.
        synchronise: waits for the device; runs before the clock starts and before it stops.
        clock: in seconds.
    """
    running = [(row.key, row.run) for row in rows if row.run is not None]
    seconds: dict[str, list[float]] = {key: [] for key, _ in running}

    def time_once(run: Callable[[], object]) -> float:
        synchronise()
        start = clock()
        run()
        synchronise()
        return clock() - start

    round_seconds = 0.0
    for _ in range(effort.warmup):
        round_seconds = sum(time_once(run) for _, run in running)
    rounds = effort.fewest
    if round_seconds > 0:
        rounds = int(np.clip(effort.seconds / round_seconds, effort.fewest, effort.most))
    order = np.random.default_rng(effort.seed)
    for _ in range(rounds):
        for index in order.permutation(len(running)):
            key, run = running[index]
            seconds[key].append(time_once(run))
    return seconds
