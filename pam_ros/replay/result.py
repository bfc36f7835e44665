# SPDX-License-Identifier: Apache-2.0
"""What a replay did."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class ReplayReport:
    """One recording.

    ticks: maps written, `valid` of them with a map. counts: what was not used, by cause. notes: one
    sentence per loss. seconds: wall time of this run, which made `ran` ticks, without loading the
    policy.
    """

    bag: str
    out: str
    ticks: int
    valid: int
    ran: int
    seconds: float
    counts: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
