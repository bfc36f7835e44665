# SPDX-License-Identifier: Apache-2.0
"""Which map is shown where a tick has none: the last one before it, dimmed, with its age."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pam_ros.show.report.tick import Tick

HELD_S = 10.0
"""An older map is not shown."""


def shown_maps(ticks: Sequence[Tick]) -> list[int | None]:
    """For each tick the one whose map is shown: itself, one before it in its episode, or None."""
    shown: list[int | None] = []
    last: int | None = None
    for index, tick in enumerate(ticks):
        if any(camera.cells is not None for camera in tick.cameras):
            last = index
        elif last is not None:
            before = ticks[last]
            same = int(before.message.episode) == int(tick.message.episode)
            if not same or tick.time_s - before.time_s > HELD_S:
                last = None
        shown.append(last)
    return shown


def first_map(ticks: Sequence[Tick]) -> int:
    """The first tick that has a map; 0 if none has."""
    maps = shown_maps(ticks)
    return next((index for index, at in enumerate(maps) if at is not None), 0)
