# SPDX-License-Identifier: Apache-2.0
"""An mp4 of a recording without overlays: they are drawn from its maps, as the node draws them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.attention.overlay import Overlay
from pam_ros.bags import Video
from pam_ros.bags.canvas import board, paste, write
from pam_ros.bags.h264 import write_h264
from pam_ros.show.report.errors import ReportError
from pam_ros.show.report.frames import frame_times, lay_out, tick_pictures
from pam_ros.show.report.heat import full_scales

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from pam_ros.show.report.frames import Panel
    from pam_ros.show.report.recording import Recording
    from pam_ros.show.report.tick import Tick

_STRIP = 22
_GREY = 72


def write_drawn_video(
    bag: Path,
    recording: Recording,
    output: str | Path,
    *,
    max_fps: float = 30.0,
    panel_height: int = 0,
) -> Video:
    """Writes H.264: one row per camera, its image left, the overlay right, one frame per tick.

    Frames lie where the maps' header stamps say.

    Args:
        bag: that the recording was read from.
        recording: with maps.
        output: the mp4; replaced if it exists.
        max_fps: frames closer together than this are left out.
        panel_height: largest height of one picture [pixels]; 0 for that of the cameras.

    Raises:
        ReportError: the bag has no pictures at all.
        BagError: PyAV is missing, or the file cannot be written.
    """
    panels = lay_out(recording, panel_height or 1 << 16).panels
    if not any(recording.pictures):
        names = ", ".join(sorted(recording.topics))
        raise ReportError(f"bag {bag} has maps and no pictures of its cameras; its topics: {names}")
    scene = _Scene(panels)
    times = frame_times(recording)

    def frames() -> Iterator[tuple[float, npt.NDArray[np.uint8]]]:
        last = -np.inf
        scales = full_scales(recording)
        for index, pictures in enumerate(tick_pictures(bag, recording)):
            final = index == len(times) - 1
            if times[index] - last < 1 / max_fps - 1e-3 and not final:
                continue
            last = times[index]
            tick = recording.ticks[index]
            yield float(last), scene.frame(tick, pictures, scales[index], float(last))

    size = (scene.width, scene.height)
    count, last, encoder = write_h264(Path(output), size, frames())
    cameras = tuple(panel.camera for panel in panels)
    return Video(Path(output), count, last, *size, encoder, cameras)


class _Scene:
    """Rows of cameras, each as high as its own panel."""

    def __init__(self, panels: tuple[Panel, ...]) -> None:
        self._panels = panels
        self._overlay = Overlay()
        height = sum(panel.height + _STRIP for panel in panels)
        self._wide = max(panel.width for panel in panels)
        # yuv420p stores colour for blocks of 2x2 pixels.
        self.height, self.width = height + height % 2, 2 * self._wide

    def frame(
        self,
        tick: Tick,
        pictures: dict[str, npt.NDArray[np.uint8]],
        full_scale: float,
        time_s: float,
    ) -> npt.NDArray[np.uint8]:
        canvas = board(self.height, self.width)
        top = 0
        cameras = {camera.name: camera for camera in tick.cameras}
        for panel in self._panels:
            wide, high = self._wide, panel.height
            write(canvas, panel.camera, 0, top, wide, _STRIP)
            camera = cameras.get(panel.camera)
            valid = camera is not None and camera.cells is not None and full_scale > 0
            title = "attention" if valid else "no map"
            write(canvas, f"{panel.camera}: {title}", wide, top, wide // 2, _STRIP)
            picture = pictures.get(panel.camera)
            if picture is None:
                size = (panel.height, panel.width) if camera is None else camera.size
                picture = np.full((*size, 3), _GREY, np.uint8)
            paste(canvas, picture, 0, top + _STRIP, wide, high)
            if valid and camera is not None and camera.cells is not None:
                share = float(tick.message.joint_state_share)
                picture = self._overlay.draw(picture, camera.cells, *camera.grid, full_scale, share)
            paste(canvas, picture, wide, top + _STRIP, wide, high)
            top += _STRIP + high
        left = self.width - self._wide // 2
        write(canvas, f"{time_s:.2f} s", left, 0, self._wide // 2, _STRIP, right=True)
        return canvas
