# SPDX-License-Identifier: Apache-2.0
"""Which row of which chunk the robot follows, where chunks are computed beside the commands.

Row k of a chunk is for the k-th tick after that of its observation. A chunk that is there d ticks
after its observation begins at row d, and its rows end where a queue would end them: none is
executed that lies further ahead of its observation than in blocking execution.
"""

from __future__ import annotations

import math
import threading
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pam_ros.policy.interface import QueuedAction

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from pam_ros.policy.interface import PolicyOutput
    from pam_ros.tick.outcome import TickOutcome

    Settle = Callable[[TickOutcome], None]


@dataclass(frozen=True, eq=False)
class Arrived:
    """A chunk that is there, of the tick `outcome`; settle takes what became of it."""

    outcome: TickOutcome
    output: PolicyOutput
    settle: Settle

    def end(self, *, executed: bool) -> None:
        """Say whether the chunk moves the robot."""
        self.settle(replace(self.outcome, chunk_executed=executed))


class Plan:
    """`forget`, `adopt`, `row`, `rows_left` and `ticket` are for the thread of the ticks.

    Whatever began before `forget` never arrives. counts: chunks that were "adopted" or came "late"
    altogether, "rows_dropped" for being late, ticks that found the plan "dry".

    Args:
        rows: how many of a chunk's may be executed: n_action_steps.
        period_s: of the ticks [s].
    """

    def __init__(self, rows: int, period_s: float) -> None:
        self._rows = rows
        self._period_s = period_s
        self._lock = threading.Lock()
        self._number = 0
        self._under_way: int | None = None
        self._arrived: Arrived | None = None
        self._chunk: NDArray[np.float32] | None = None
        self._source = self._source_step = 0
        self.counts: Counter[str] = Counter()

    def forget(self) -> None:
        """Drop chunk and whatever is on its way."""
        with self._lock:
            self._number += 1
            arrived, self._arrived = self._arrived, None
            self._chunk = self._under_way = None
        if arrived is not None:
            arrived.end(executed=False)

    def ticket(self, tick: int, pass_s: float) -> int | None:
        """For a pass that makes the next chunk; None where it is too early, or one is under way."""
        lead = self.lead(pass_s)
        with self._lock:
            busy = self._under_way is not None or self._arrived is not None
            return None if busy or self.rows_left(tick) > lead else self._number

    def lead(self, pass_s: float) -> int:
        """How many ticks before the last row the next pass has to begin."""
        return math.ceil(pass_s / self._period_s) + 1

    def begin(self, ticket: int) -> None:
        """The pass with this ticket runs; of any thread."""
        with self._lock:
            if ticket == self._number:
                self._under_way = ticket

    def arrive(self, ticket: int, arrived: Arrived | None) -> None:
        """The pass with this ticket has ended, with a chunk or without; of any thread."""
        void = arrived
        with self._lock:
            if ticket == self._number:
                self._under_way = None
                if arrived is not None:
                    void, self._arrived = self._arrived, arrived
        if void is not None:
            void.end(executed=False)

    def adopt(self, tick: int) -> Arrived | None:
        """Follow from this tick on what has arrived; None where nothing has that is of use."""
        with self._lock:
            arrived, self._arrived = self._arrived, None
        if arrived is None:
            return None
        late = tick - arrived.outcome.tick
        arrived = replace(arrived, outcome=replace(arrived.outcome, rows_dropped=late))
        if late >= self._length(arrived.output.chunk):
            self.counts["late"] += 1
            arrived.end(executed=False)
            return None
        self.counts["adopted"] += 1
        self.counts["rows_dropped"] += late
        self._chunk, self._source = arrived.output.chunk, arrived.outcome.tick
        return arrived

    def row(self, tick: int) -> QueuedAction | None:
        """The action for a tick, and the tick that it comes from; None where the plan is dry."""
        if self._chunk is None or self.rows_left(tick) < 0:
            self.counts["dry"] += 1
            return None
        return QueuedAction(self._chunk[tick - self._source], self._source)

    def rows_left(self, tick: int) -> int:
        """After this tick's; -1 where there is not even that."""
        if self._chunk is None:
            return -1
        return max(-1, self._source + self._length(self._chunk) - 1 - tick)

    def _length(self, chunk: NDArray[np.float32]) -> int:
        return min(self._rows, len(chunk))

    def why_too_slow(self, pass_s: float) -> str:
        """Why passes of this duration [s] cannot command; empty where they can."""
        first = math.floor(pass_s / self._period_s) + 1
        if first < self._rows:
            return ""
        return (
            f"a forward pass takes {pass_s:.2f} s, and a chunk is executed for "
            f"{self._rows * self._period_s:.2f} s ({self._rows} actions): nothing of it would be "
            "left when it is there"
        )

    def values(self) -> dict[str, object]:
        """For /diagnostics."""
        return {
            "chunks_adopted": self.counts["adopted"],
            "chunks_too_late": self.counts["late"],
            "chunk_rows_dropped": self.counts["rows_dropped"],
            "ticks_without_chunk": self.counts["dry"],
        }
