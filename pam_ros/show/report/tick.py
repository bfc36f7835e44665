# SPDX-License-Identifier: Apache-2.0
"""One tick of a recording: what its AttentionMap says, and how long its command took."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.robot.stamps import stamp_nanoseconds
from pam_ros.show.groups import camera_share

if TYPE_CHECKING:
    import numpy.typing as npt

    from pam_ros.message_types.pam_ros import AttentionMap


@dataclass(frozen=True, eq=False)
class CameraTick:
    """One camera in one tick; `cells` (rows, cols) float32 as in CameraAttention, or None.

    share: see show.groups.camera_share.
    """

    name: str
    frame_id: str
    stamp_ns: int
    size: tuple[int, int]
    grid: tuple[float, float, float, float]
    cells: npt.NDArray[np.float32] | None
    share: float


@dataclass(frozen=True, eq=False)
class Tick:
    """One AttentionMap: seconds on the recording's axis, and what it says. NaN where nothing.

    received_ns: when its tick had run at the latest [ns].
    """

    time_s: float
    received_ns: int
    message: AttentionMap
    cameras: tuple[CameraTick, ...]
    command_latency_s: float


def of_map(tick: Tick, value: float) -> float:
    """A figure of the tick's map; NaN if it has none, whatever stands in its message."""
    return value if tick.message.valid else math.nan


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
                camera_share(message, camera) if message.valid else math.nan,
            )
        )
    return tuple(cameras)
