# SPDX-License-Identifier: Apache-2.0
"""Times rows in turns, so that whatever slows the machine down for a while slows all of them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks.disturbance import Disturbance

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

CALM = 0.05
"""A round counts as disturbed where other programs had more of the processors than this."""
BLOCK_SECONDS = 0.5
"""The kernel counts time in hundredths of a second: shorter stretches cannot be judged."""


@dataclass(frozen=True)
class Row:
    """One thing to time. `run` does it once; None where it cannot run here, and `missing` why.

    note: what a reader of the figure should know. repeats: how often it runs for one sample, which
    is the mean of these. before, after: what runs around each sample and is not timed. against: the
    key of the row that its ratio is to; empty for the slice's reference.
    """

    key: str
    label: str
    run: Callable[[], object] | None = None
    missing: str = ""
    note: str = ""
    repeats: int = 1
    before: Callable[[], object] | None = None
    after: Callable[[], object] | None = None
    against: str = ""


@dataclass(frozen=True)
class Effort:
    """How much to time: rounds for `seconds`, `fewest` to `most` of them, after warm-up."""

    seconds: float = 90.0
    fewest: int = 15
    most: int = 300
    warmup: int = 2
    seed: int = 0


class Timing(NamedTuple):
    """Seconds per row and round that is kept.

    left_out: rounds that were disturbed and are not in it. others: the share of the processors that
    other programs had in those kept, None where that is not known.
    """

    seconds: Mapping[str, Sequence[float]]
    left_out: int
    others: float | None


def interleave(
    rows: Sequence[Row],
    effort: Effort,
    synchronise: Callable[[], None] = lambda: None,
    clock: Callable[[], float] = time.perf_counter,
    watch: Callable[[], Disturbance] = Disturbance,
) -> Timing:
    """Seconds of each row that can run.

    Every round runs each row once, in an order of its own drawn from the seed, so that no row
    always follows the same other one. Rounds in which other programs worked are left out, whatever
    they measured, as long as `fewest` calm ones remain; else the calmest are kept.

    Args:
        rows: their keys differ.
        effort: how many rounds.
        synchronise: waits for what the row has launched on the device; runs before the clock starts
            and before it stops.
        clock: in seconds.
        watch: starts to watch what other programs do.
    """
    running = [row for row in rows if row.run is not None]
    keys = [row.key for row in running]

    def sample(row: Row) -> float:
        assert row.run is not None
        if row.before is not None:
            row.before()
        synchronise()
        start = clock()
        for _ in range(row.repeats):
            row.run()
        synchronise()
        taken = clock() - start
        if row.after is not None:
            row.after()
        return taken / row.repeats

    for _ in range(effort.warmup):
        for row in running:
            sample(row)
    order = np.random.default_rng(effort.seed)
    rounds: list[list[float]] = []
    shares: list[float | None] = []
    start = block_start = clock()
    disturbance = watch()
    while len(rounds) < effort.most and (
        len(rounds) < effort.fewest or clock() - start < effort.seconds
    ):
        taken = [0.0] * len(running)
        for index in order.permutation(len(running)):
            taken[index] = sample(running[index])
        rounds.append(taken)
        if clock() - block_start >= BLOCK_SECONDS:
            shares += [disturbance.share()] * (len(rounds) - len(shares))
            block_start, disturbance = clock(), watch()
    shares += [disturbance.share()] * (len(rounds) - len(shares))
    kept = _calm(shares, effort.fewest)
    seconds = {key: [rounds[k][index] for k in kept] for index, key in enumerate(keys)}
    known = [share for k in kept if (share := shares[k]) is not None]
    others = float(np.mean(known)) if known else None
    return Timing(seconds, len(rounds) - len(kept), others)


def _calm(shares: Sequence[float | None], fewest: int) -> list[int]:
    """Which rounds to keep, in order."""
    known = [0.0 if share is None else share for share in shares]
    calmest = sorted(range(len(known)), key=lambda k: known[k])
    calm = sum(share <= CALM for share in known)
    return sorted(calmest[: max(calm, fewest)])
