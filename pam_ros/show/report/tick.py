# SPDX-License-Identifier: Apache-2.0
"""One tick of a recording: what its AttentionMap says, and how long its command took."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.robot.stamps import stamp_nanoseconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from pam_ros.message_types.pam_ros import AttentionMap

_LONGEST_S = 10.0


@dataclass(frozen=True, eq=False)
class CameraTick:
    """One camera in one tick; `cells` (rows, cols) float32 as in CameraAttention, or None."""

    name: str
    frame_id: str
    stamp_ns: int
    size: tuple[int, int]
    grid: tuple[float, float, float, float]
    cells: npt.NDArray[np.float32] | None
    share: float


@dataclass(frozen=True, eq=False)
class Tick:
    """One AttentionMap: seconds on the recording's axis, and what it says. NaN where nothing."""

    time_s: float
    received_ns: int
    message: AttentionMap
    cameras: tuple[CameraTick, ...]
    command_latency_s: float


def cameras_of(message: AttentionMap) -> tuple[CameraTick, ...]:
    """The cameras of an AttentionMap."""
    cameras = []
    for camera in message.cameras:
        rows, cols = int(camera.rows), int(camera.cols)
        cells = np.asarray(camera.cells, dtype=np.float32)
        whole = message.valid and rows * cols == cells.size > 0 and np.isfinite(cells).all()
        grid = (float(camera.x0), float(camera.y0), float(camera.dx), float(camera.dy))
        placed = all(map(math.isfinite, grid)) and min(grid[2:]) > 0
        cameras.append(
            CameraTick(
                str(camera.name),
                str(camera.header.frame_id),
                stamp_nanoseconds(camera.header.stamp),
                (int(camera.image_height), int(camera.image_width)),
                grid,
                cells.reshape(rows, cols) if whole and placed else None,
                float(camera.share),
            )
        )
    return tuple(cameras)


def command_latencies(
    maps: Sequence[tuple[int, AttentionMap]], commands: Sequence[tuple[int, int]]
) -> list[float]:
    """Seconds from each executed observation to its command; NaN where there is none.

    The node sends a map right after its command, and a recorder may take them in either order: of
    the commands that are no older than the observation, the one recorded nearest to the map is its.

    Args:
        maps: when each was received [ns], and the message.
        commands: when each was received, and its header's stamp [ns]; in the order of reception.
    """
    received = [at for at, _ in commands]
    latencies = []
    for at, message in maps:
        stamp = stamp_nanoseconds(message.header.stamp)
        place = int(np.searchsorted(received, at))
        beside = [one for one in commands[max(0, place - 1) : place + 1] if one[1] >= stamp]
        seconds = math.nan
        if message.chunk_executed and beside:
            _, sent = min(beside, key=lambda one: abs(one[0] - at))
            seconds = (sent - stamp) * 1e-9
        latencies.append(seconds if seconds < _LONGEST_S else math.nan)
    return latencies
