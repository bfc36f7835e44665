# SPDX-License-Identifier: Apache-2.0
"""Whether commands are ones that may reach a robot, whatever the node believes."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .witness import Command

_LONGEST_S = 2.0
"""The speed is looked at between commands so far apart at most."""
_CLOCK_RESET_S = 1.0
"""Two commands whose stamps and arrivals are farther apart than this have another clock each."""


@dataclass(frozen=True)
class Limits:
    """By joint: lower and upper position [rad]. Steps [rad] and speeds [rad/s] are of every joint.

    period_s: a pause counts as two of these at most. rests: joints that a hold takes to 0 at once.
    """

    positions: Mapping[str, tuple[float, float]]
    max_step: float
    max_velocity: float
    period_s: float
    rests: frozenset[str] = frozenset()

    def breaches(self, commands: Sequence[Command], start: Command | None = None) -> list[str]:
        """What is outside, one sentence each; start: the command before the first one."""
        found = []
        for command in commands:
            found += self._position_breaches(command)
        whole = [*([start] if start else []), *commands]
        for before, after in itertools.pairwise(whole):
            most = min(self.max_step, 2 * self.period_s * self.max_velocity)
            found += self._too_far(before, after, most)
        # A busy machine sends some commands late, and the next ones soon after them: over any time,
        # the speed is kept but for one period.
        for before, after in itertools.combinations(whole, 2):
            seconds = after.stamp - before.stamp
            reset = abs(after.at - before.at - seconds) > _CLOCK_RESET_S
            if not reset and -self.period_s <= seconds < _LONGEST_S:
                most = self.max_velocity * (abs(seconds) + self.period_s)
                found += self._too_far(before, after, most)
        return found

    def _position_breaches(self, command: Command) -> list[str]:
        if sorted(command.names) != sorted(self.positions):
            return [f"a command names {', '.join(command.names) or 'nothing'}"]
        if len(command.positions) != len(command.names):
            return [f"a command has {len(command.positions)} positions"]
        found = []
        for name, position in zip(command.names, command.positions, strict=True):
            low, high = self.positions[name]
            if not math.isfinite(position) or not low <= position <= high:
                found.append(f"{name} commanded to {position}, outside {low} to {high}")
        return found

    def _too_far(self, before: Command, after: Command, most: float) -> list[str]:
        if before.names != after.names or len(before.positions) != len(after.positions):
            return []
        pairs = zip(before.names, before.positions, after.positions, strict=True)
        return [
            f"{name} moved by {abs(new - old):.4f} rad within "
            f"{(after.stamp - before.stamp) * 1e3:.0f} ms, {most:.4f} is allowed"
            for name, old, new in pairs
            if not abs(new - old) <= most + 1e-9 and not (name in self.rests and new == 0.0)
        ]
