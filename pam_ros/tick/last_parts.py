# SPDX-License-Identifier: Apache-2.0
"""The shares of the last tick whose parts were computed, for the ticks until the next one."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from pam_ros.attention.maps import Missing

if TYPE_CHECKING:
    from pam_ros.attention.maps import AttentionMaps
    from pam_ros.tick.outcome import TickOutcome


class _Shares(NamedTuple):
    joint_state: float
    environment: float
    cameras: tuple[float, ...]


class _Kept(NamedTuple):
    """Of one tick, by the targets' labels."""

    episode: int
    instruction: str
    tick: int
    shares: dict[str, _Shares]


class LastParts:
    """Keeps the shares of one policy's parts for one request, within one episode and instruction.

    Of any thread.

    The amounts themselves are those of their own tick alone. A share stands for the ticks after it
    too, so that what is drawn of it does not flicker.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: _Kept | None = None

    def due(self, outcome: TickOutcome, every: int, instruction: str = "") -> bool:
        """Whether this tick's parts are to be computed: an episode's first, and every so many.

        every: 0: never. instruction: that the tick's pass read; the first tick of another is due.
        """
        kept = self._of(outcome, instruction)
        return every > 0 and (kept is None or outcome.tick - kept.tick >= every)

    def keep(self, outcome: TickOutcome, maps: AttentionMaps, instruction: str = "") -> None:
        """Take the shares of a tick whose parts were computed."""
        shares = {
            one.target: _Shares(
                one.joint_state_share,
                one.environment_share,
                tuple(camera.part_share for camera in one.cameras),
            )
            for one in (maps, *maps.also)
            if not isinstance(one, Missing)
        }
        with self._lock:
            self._kept = _Kept(outcome.episode, instruction, outcome.tick, shares)

    def repeated(
        self, outcome: TickOutcome, maps: AttentionMaps, instruction: str = ""
    ) -> AttentionMaps:
        """The maps of another tick with the shares that were kept, if there are any."""
        kept = self._of(outcome, instruction)
        if kept is None:
            return maps
        also = tuple(
            one if isinstance(one, Missing) else _with(one, kept.shares.get(one.target))
            for one in maps.also
        )
        return replace(_with(maps, kept.shares.get(maps.target)), also=also)

    def _of(self, outcome: TickOutcome, instruction: str) -> _Kept | None:
        """What was kept in a tick's episode, of these words."""
        with self._lock:
            kept = self._kept
        now = outcome.episode, instruction
        return kept if kept is not None and (kept.episode, kept.instruction) == now else None


def _with(maps: AttentionMaps, shares: _Shares | None) -> AttentionMaps:
    if shares is None:
        return maps
    return replace(
        maps,
        joint_state_share=shares.joint_state,
        environment_share=shares.environment,
        cameras=tuple(
            replace(camera, part_share=share)
            for camera, share in zip(maps.cameras, shares.cameras, strict=True)
        ),
    )
