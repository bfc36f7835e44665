# SPDX-License-Identifier: Apache-2.0
"""Where a stopped replay may begin again: at ticks that depend on none before them."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from pam_ros.attention.drawing import DRAWING
from pam_ros.replay.features import MEMORY as FEATURES_MEMORY

if TYPE_CHECKING:
    from pam_ros.policy.interface import PolicySpec
    from pam_ros.replay.settings import ReplaySettings
    from pam_ros.replay.ticker import ReplayedTick


class Starts:
    """Keeps the last such tick that lies far enough back for all that looks back.

    Where commands come from chunks that are kept, and not from a queue (`ahead`), any tick is one:
    the chunks of chunk_size ticks are looked back at.
    """

    def __init__(self, settings: ReplaySettings, spec: PolicySpec, *, ahead: bool = False) -> None:
        self._queue = spec.chunk_mode == "queue" and not ahead
        self._memory = max(
            spec.chunk_size + spec.history - 1,
            DRAWING.window if settings.overlays else 0,
            FEATURES_MEMORY if settings.sae else 0,
        )
        # Their indices and numbers.
        self._fresh: deque[tuple[int, int, int]] = deque()

    def note(self, ticked: ReplayedTick) -> None:
        """Take a tick that ran."""
        outcome = ticked.tick.outcome
        if not self._queue or outcome.command_source_tick == outcome.tick:
            self._fresh.append((ticked.index, outcome.episode, outcome.tick))
            while len(self._fresh) > 1 and self._fresh[1][0] <= ticked.index - self._memory:
                self._fresh.popleft()

    @property
    def last(self) -> tuple[int, int, int]:
        """Index, episode and number of the tick."""
        return self._fresh[0] if self._fresh else (0, 0, 0)
