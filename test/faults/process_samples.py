# SPDX-License-Identifier: Apache-2.0
"""What processes take: memory, descriptors, processor time."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class ProcessSample(NamedTuple):
    """Resident bytes, open descriptors, and CPU seconds so far."""

    resident: int
    descriptors: int
    cpu_s: float


def sample_process(pid: int) -> ProcessSample:
    """What a process takes now."""
    folder = Path(f"/proc/{pid}")
    resident = int((folder / "statm").read_text().split()[1]) * _PAGE
    return ProcessSample(resident, sum(1 for _ in (folder / "fd").iterdir()), round(_cpu_s(pid), 2))


class Others:
    """What the rest of the machine does: whoever shares the processors moves the latencies."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._pids = [*pids, os.getpid()]
        self._last = self._now()

    def share_and_load(self) -> tuple[float, float]:
        """Of all processors' time since the last call what others took, and the load average."""
        now = self._now()
        seconds = (now[0] - self._last[0]) * (os.cpu_count() or 1)
        others = (now[1] - self._last[1]) - (now[2] - self._last[2])
        self._last = now
        share = max(0.0, others / seconds) if seconds > 0.1 else 0.0
        return round(share, 3), round(os.getloadavg()[0], 2)

    def _now(self) -> tuple[float, float, float]:
        fields = [int(field) for field in Path("/proc/stat").read_text().split("\n")[0].split()[1:]]
        user, nice, system, _, _, irq, soft_irq, stolen, *_ = fields
        busy = (user + nice + system + irq + soft_irq + stolen) / _TICK
        return time.monotonic(), busy, sum(_cpu_s(pid) for pid in self._pids)


def _cpu_s(pid: int) -> float:
    # After the name in brackets, which may hold anything.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK
