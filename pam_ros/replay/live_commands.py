# SPDX-License-Identifier: Apache-2.0
"""Which action of which chunk moved the robot in the live run, taken from the replayed chunks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pam_ros.observations.recorded_tick import RecordedTick
    from pam_ros.policy.interface import PolicySpec
    from pam_ros.tick.outcome import TickOutcome


@dataclass(frozen=True, eq=False)
class Commanded:
    """A replayed tick with the live run's command.

    Attributes:
        outcome: of the tick, with what the recording says of chunks.
        action: (joints,) what moved the robot, in the policy's units; None for nothing.
        known: whether the chunk that the recording names was replayed.
    """

    outcome: TickOutcome
    action: NDArray[np.float32] | None
    known: bool = True


class LiveCommands:
    """Row k of a chunk is for the k-th tick after that of its observation.

    So it is in a queue, and where chunks are computed beside the commands. What is kept: the chunks
    of chunk_size ticks, since no older one has a row for the tick that comes.

    Args:
        spec: of the policy.
        ahead: whether the live run computed chunks beside the commands. If not, the replay's own
            queue has the action of a chunk that is not known.
    """

    def __init__(self, spec: PolicySpec, *, ahead: bool) -> None:
        self._queue = spec.chunk_mode == "queue"
        self._ahead = ahead
        self._span = spec.chunk_size
        # By episode and tick, in the order of the ticks.
        self._chunks: dict[tuple[int, int], NDArray[np.float32]] = {}
        self._last = -1

    def of(
        self,
        recorded: RecordedTick | None,
        outcome: TickOutcome,
        own: NDArray[np.float32] | None,
    ) -> Commanded:
        """The command of a tick; takes ticks in their order.

        Args:
            recorded: the live tick; None where it was not recorded.
            outcome: of the replayed one.
            own: (joints,) the action that the replay would send.
        """
        self._keep(outcome)
        # A dataset does not say which chunk moved the robot.
        if recorded is None or recorded.source_tick < 0:
            return Commanded(outcome, own)
        if not self._queue:  # an action is of many chunks
            return self._unknown(recorded, outcome, own)
        action = None if recorded.dry else own
        if recorded.source_tick != recorded.tick:
            action = self._row(recorded)
            if action is None:
                return self._unknown(recorded, outcome, own)
        return Commanded(self._as_recorded(outcome, recorded, action), action)

    def _unknown(
        self, recorded: RecordedTick, outcome: TickOutcome, own: NDArray[np.float32] | None
    ) -> Commanded:
        """Where no row is known; the replay may have come to the same one by itself."""
        if self._ahead:
            return Commanded(self._as_recorded(outcome, recorded, None), None, known=False)
        return Commanded(outcome, own, known=outcome.command_source_tick == recorded.source_tick)

    def _keep(self, outcome: TickOutcome) -> None:
        if outcome.tick <= self._last:
            self._chunks.clear()  # a node that began anew
        self._last = outcome.tick
        gone = [key for key in self._chunks if key[1] <= outcome.tick - self._span]
        for key in gone:
            del self._chunks[key]
        if outcome.valid and outcome.output is not None:
            self._chunks[outcome.episode, outcome.tick] = outcome.output.chunk

    def _row(self, recorded: RecordedTick) -> NDArray[np.float32] | None:
        chunk = self._chunks.get((recorded.episode, recorded.source_tick))
        row = recorded.tick - recorded.source_tick
        return chunk[row] if chunk is not None and 0 < row < len(chunk) else None

    def _as_recorded(
        self, outcome: TickOutcome, recorded: RecordedTick, action: NDArray[np.float32] | None
    ) -> TickOutcome:
        """The outcome with what the recording says of chunks, where the tick has one."""
        executed, dropped = False, 0
        if outcome.output is not None:
            executed = recorded.chunk_executed
            # Beside the commands a pass ends after its tick's, also one that was left out live.
            other = self._ahead and recorded.source_tick != recorded.tick
            least = 1 if recorded.dry or other else 0
            dropped = max(least, recorded.first_executed_tick - recorded.tick)
        return replace(
            outcome,
            command_source_tick=recorded.source_tick,
            commanded=outcome.commanded and action is not None,
            chunk_executed=executed,
            rows_dropped=dropped,
        )
