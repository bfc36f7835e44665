# SPDX-License-Identifier: Apache-2.0
"""The maps of a recording as bytes, with what a page needs to draw them as overlay.py does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pam_ros.attention.drawing import DRAWING
from pam_ros.attention.maps import AttentionMaps, CameraMap
from pam_ros.attention.overlay import COLORMAPS
from pam_ros.attention.scale import RunningScale
from pam_ros.show.groups import tokens
from pam_ros.show.report.errors import ReportError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from pam_ros.show.report.tick import CameraTick, Tick

LEVELS = 255


@dataclass(frozen=True)
class Grid:
    """One camera's grid from tick `first` on; its cells begin at byte `offset`."""

    first: int
    offset: int
    rows: int
    cols: int
    placing: tuple[float, float, float, float]
    image_size: tuple[int, int]


@dataclass(frozen=True)
class PackedHeat:
    """All maps of a recording.

    Cell k of a tick has the mass cells[k] / 255 * unit; `full_scale` is the mass that is drawn at
    full opacity, as the node's running scale gives it.
    """

    cells: bytes
    grids: dict[str, tuple[Grid, ...]]
    units: npt.NDArray[np.float64]
    full_scales: npt.NDArray[np.float64]


def pack(ticks: Sequence[Tick], begin: int = 0) -> PackedHeat:
    """Eight bits a cell: of the tick's largest cell, in whichever camera it is.

    begin: the byte at which these cells lie in the page.
    """
    units = np.array([_largest(tick) for tick in ticks])
    parts: list[bytes] = []
    grids: dict[str, tuple[Grid, ...]] = {}
    offset = begin
    for name in dict.fromkeys(c.name for tick in ticks for c in tick.cameras):
        found: list[Grid] = []
        for index, tick in enumerate(ticks):
            camera = next((c for c in tick.cameras if c.name == name), None)
            if camera is not None and camera.cells is not None:
                grid = _grid(camera, index, offset)
                if not found or not _same(found[-1], grid):
                    found.append(grid)
                levels = np.rint(camera.cells * (LEVELS / max(units[index], 1e-30)))
                part = np.clip(levels, 0, LEVELS).astype(np.uint8).tobytes()
            else:
                # Ticks without a map keep their place, so that offsets are plain multiples.
                part = bytes(found[-1].rows * found[-1].cols if found else 0)
            parts.append(part)
            offset += len(part)
        grids[name] = tuple(found)
    return PackedHeat(b"".join(parts), grids, units, full_scales(ticks))


def full_scales(ticks: Sequence[Tick]) -> npt.NDArray[np.float64]:
    """For each tick the mass drawn at full opacity; 0 where there is no map.

    The scale is the node's default. It forgets what it saw where the selection changes.
    """
    scale = RunningScale()
    scales = np.zeros(len(ticks))
    selection: tuple[str | int, ...] = ()
    for index, tick in enumerate(ticks):
        message = tick.message
        maps = _maps(tick)
        if maps is None:
            continue
        now = (
            *(message.method, message.layer, message.head, message.query),
            message.denoising_step,
        )
        if now != selection:
            scale.reset()
            selection = now
        scales[index] = scale.scale(maps)
    return scales


def colours(colormap: str = DRAWING.colormap) -> npt.NDArray[np.uint8]:
    """The 256 colours of a map, (256, 3) uint8 RGB.

    Raises:
        ReportError: OpenCV has no such map.
    """
    if colormap not in COLORMAPS:
        raise ReportError(f"colormap '{colormap}' is unknown: take one of {', '.join(COLORMAPS)}")
    ramp = np.arange(256, dtype=np.uint8)
    table = cv2.applyColorMap(ramp, getattr(cv2, f"COLORMAP_{colormap.upper()}"))
    return np.ascontiguousarray(table[:, 0, ::-1])


def _largest(tick: Tick) -> float:
    return max((float(c.cells.max()) for c in tick.cameras if c.cells is not None), default=0.0)


def _grid(camera: CameraTick, first: int, offset: int) -> Grid:
    rows, cols = 0, 0
    if camera.cells is not None:
        rows, cols = camera.cells.shape
    return Grid(first, offset, rows, cols, camera.grid, camera.size)


def _same(one: Grid, other: Grid) -> bool:
    return (one.rows, one.cols, one.placing, one.image_size) == (
        other.rows,
        other.cols,
        other.placing,
        other.image_size,
    )


def _maps(tick: Tick) -> AttentionMaps | None:
    """The message as the scale takes it."""
    message = tick.message
    cameras = tuple(
        CameraMap(c.name, c.cells, c.share, (0, 0), *c.grid)
        for c in tick.cameras
        if c.cells is not None
    )
    if not cameras:
        return None
    return AttentionMaps(
        method=message.method,
        layer=message.layer,
        head=message.head,
        query=message.query,
        cameras=cameras,
        latent_share=float(message.latent_share),
        joint_state_share=float(message.joint_state_share),
        environment_share=float(message.environment_share),
        entropy=float(message.entropy),
        total=float(message.total),
        tokens=tokens(message),
    )
