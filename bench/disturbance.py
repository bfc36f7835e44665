# SPDX-License-Identifier: Apache-2.0
"""How much of the processor other programs took while rows were timed."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

_STAT = Path("/proc/stat")


class Disturbance:
    """Begins to watch when it is made."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._busy = _busy_seconds()
        self._own = own_seconds()

    def share(self) -> float | None:
        """Of all processors' time since then, what others were busy with; None where unknown."""
        busy = _busy_seconds()
        if busy is None or self._busy is None:
            return None
        available = (time.monotonic() - self._start) * (os.cpu_count() or 1)
        others = (busy - self._busy) - (own_seconds() - self._own)
        return max(0.0, others / available)


def own_seconds() -> float:
    """Processor time of this process and those that it has started [s]."""
    times = os.times()
    ended = times.children_user + times.children_system
    return times.user + times.system + ended + _running_children_seconds()


def _running_children_seconds() -> float:
    """Of processes that this one has started and that still run, such as that of contributions."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            _, _, text = stat.read_bytes().rpartition(b")")
            fields = text.split()
            if int(fields[1]) == os.getpid():
                ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _busy_seconds() -> float | None:
    """All processors' time at work since the machine started; None where Linux does not say."""
    if not _STAT.is_file():
        return None
    fields = [int(field) for field in _STAT.read_text().split("\n", 1)[0].split()[1:]]
    user, nice, system, _, _, irq, soft_irq, stolen, *_ = fields
    # Stolen: what the machines that share this one's processors had.
    return (user + nice + system + irq + soft_irq + stolen) / os.sysconf("SC_CLK_TCK")
