# SPDX-License-Identifier: Apache-2.0
"""From each executed observation to its command, of a recording."""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pam_ros.message_types.pam_ros import AttentionMap

LONGEST_S = 10.0
"""A command that comes so much later is of something else."""


class Ran(NamedTuple):
    """A tick: its number, its observation's stamp and its pass's duration [ns].

    executed: whether its chunk moves the robot. first: the tick whose command is the first of it.
    """

    tick: int
    stamp_ns: int
    forward_ns: int
    executed: bool
    first: int


def ran(message: AttentionMap, stamp_ns: int) -> Ran:
    """The tick of a map whose header has this stamp [ns]."""
    return Ran(
        int(message.tick),
        stamp_ns,
        round(1e9 * message.forward_seconds) if math.isfinite(message.forward_seconds) else 0,
        bool(message.chunk_executed),
        int(message.first_executed_tick),
    )


def command_latencies(ticks: Sequence[Ran], sent: Sequence[int]) -> list[float]:
    """Seconds from each executed observation to its command; NaN where there is none.

    When its map came says nothing: it may be computed after the command, and beside later ones. No
    command of a chunk is sent before its pass has ended, and each tick has a command of its own: so
    it is the first one from the end of the pass on that is no earlier tick's. A chunk that was
    computed beside the commands begins at a later tick: then it is the first command after that
    tick's observation.

    Args:
        ticks: in their order.
        sent: the stamps of all commands [ns], in their order.
    """
    stamps = {one.tick: one.stamp_ns for one in ticks}
    latencies: list[float] = []
    free = 0
    for one in ticks:
        late = one.first > one.tick
        begins = stamps.get(one.first) if late else one.stamp_ns + one.forward_ns
        seconds = math.nan
        if one.executed and begins is not None:
            place = bisect_left(sent, begins, lo=0 if late else min(free, len(sent)))
            if place < len(sent):
                seconds = (sent[place] - one.stamp_ns) * 1e-9
                free = max(free, place + 1)
        latencies.append(seconds if seconds < LONGEST_S else math.nan)
    return latencies
