# SPDX-License-Identifier: Apache-2.0
"""What recorded AttentionMaps say of the commands: a tick publishes its map after its command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pam_ros.export.actions import Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pam_ros.observations.recorded_tick import RecordedTick

_LATE = 100
"""So many ticks later, at most, a map may be published than its tick was [ticks]."""


def was_commanded(tick: RecordedTick) -> bool:
    """Whether the tick's action was sent; an action from the queue of an earlier tick was."""
    return tick.chunk_executed or tick.source_tick != tick.tick


def window_of(tick: RecordedTick, received_ns: int, last_map_ns: int) -> Window:
    """Where the tick's command lies.

    Args:
        tick: one that was commanded.
        received_ns: when the newest message of its observation was recorded [ns].
        last_map_ns: when the map of the tick before was recorded [ns]; 0 if there is none.
    """
    after = min(received_ns, last_map_ns or received_ns)
    passed = tick.source_tick == tick.tick
    return Window(after, tick.received_ns, tick.stamp_ns, "last" if passed else "new")


def in_tick_order(ticks: Sequence[RecordedTick]) -> list[RecordedTick]:
    """Recorded ticks by their numbers, each once.

    A map that was made beside the ticks is published late. A node that starts again counts from 0
    again, which is not late.
    """
    ordered: list[RecordedTick] = []
    for tick in ticks:
        place = len(ordered)
        while place and _is_late(tick, ordered[place - 1]):
            place -= 1
        before = ordered[place - 1] if place else None
        if before is None or (before.episode, before.tick) != (tick.episode, tick.tick):
            ordered.insert(place, tick)
    return ordered


def _is_late(tick: RecordedTick, other: RecordedTick) -> bool:
    return tick.episode == other.episode and 0 < other.tick - tick.tick <= _LATE
