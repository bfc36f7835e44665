# SPDX-License-Identifier: Apache-2.0
"""How many ticks had features, and why the others had none."""

from __future__ import annotations

import re
from collections import Counter

_MOST = 20
OTHERS = "other reasons"


class TickCounts:
    """Counts ticks by what became of them.

    Reasons that differ in their numbers alone are one. Of more than twenty, the later ones are
    counted as "other reasons", so that a node that runs for weeks does not grow.

    Attributes:
        encoded: ticks that have features.
        without: ticks that arrived and have none, by reason.
    """

    def __init__(self) -> None:
        self.encoded = 0
        self.without: Counter[str] = Counter()

    @property
    def missing(self) -> int:
        """Ticks that arrived and have no features."""
        return self.without.total()

    @property
    def total(self) -> int:
        """Ticks that arrived."""
        return self.encoded + self.missing

    def note(self, reason: str = "") -> None:
        """Count a tick, with the reason why it has no features; without one it has."""
        if not reason:
            self.encoded += 1
            return
        kind = re.sub(r"\d+(\.\d+)?", "N", reason)[:200]
        if kind not in self.without and len(self.without) >= _MOST:
            kind = OTHERS
        self.without[kind] += 1

    def sentence(self, lost: int) -> str:
        """All of it in one sentence, for the end of a run."""
        told = f"{self.encoded} of {self.total} ticks have features"
        if self.without:
            told += "; without: " + ", ".join(
                f"{count} ({reason})" for reason, count in self.without.most_common()
            )
        return f"{told}; {lost} ticks never arrived" if lost else told
