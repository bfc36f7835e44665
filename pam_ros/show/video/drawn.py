# SPDX-License-Identifier: Apache-2.0
"""An mp4 of a recording without overlays: they are drawn from its maps, as the node draws them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pam_ros.attention.overlay import Overlay
from pam_ros.attention.word_strip import draw_words, strip_height, strip_lines
from pam_ros.attention.words import language_words
from pam_ros.bags import Video
from pam_ros.bags.canvas import DIMMED, age_text, board, paste, write
from pam_ros.bags.h264 import write_h264
from pam_ros.show.report.errors import ReportError
from pam_ros.show.report.frames import frame_times, lay_out, tick_pictures
from pam_ros.show.report.heat import full_scales
from pam_ros.show.report.held import first_map, shown_maps

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from pam_ros.show.report.frames import Panel
    from pam_ros.show.report.recording import Recording
    from pam_ros.show.report.tick import CameraTick, Tick

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

    Below them the words of the instruction, if there are any, on the scale of the overlays.

    Frames lie where the maps' header stamps say, from the first map on. Where a tick has no map,
    the last one is shown dimmed, with its age.

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
    scene = _Scene(panels, recording.ticks)
    times = frame_times(recording)

    begin = first_map(recording.ticks)
    if begin:
        recording.notes.append(
            f"the first {times[begin]:.1f} s have no map and are left out of the video"
        )

    def frames() -> Iterator[tuple[float, npt.NDArray[np.uint8]]]:
        last = -np.inf
        maps = _Maps(recording)
        for index, pictures in enumerate(tick_pictures(bag, recording)):
            final = index == len(times) - 1
            if index < begin or (times[index] - last < 1 / max_fps - 1e-3 and not final):
                continue
            last = times[index]
            shown = maps.at(index)
            yield float(last - times[begin]), scene.frame(pictures, shown, float(last))

    size = (scene.width, scene.height)
    count, last, encoder = write_h264(Path(output), size, frames())
    cameras = tuple(panel.camera for panel in panels)
    return Video(Path(output), count, last, *size, encoder, cameras)


@dataclass(frozen=True)
class _ShownMap:
    """The tick whose pictures are shown, the one whose map is, its full scale, and its age [s]."""

    tick: Tick
    map: Tick | None
    full_scale: float
    age_s: float


class _Maps:
    def __init__(self, recording: Recording) -> None:
        self._ticks = recording.ticks
        self._maps = shown_maps(recording.ticks)
        self._scales = full_scales(recording.ticks)

    def at(self, index: int) -> _ShownMap:
        tick, shown = self._ticks[index], self._maps[index]
        if shown is None:
            return _ShownMap(tick, None, 0.0, 0.0)
        source = self._ticks[shown]
        return _ShownMap(tick, source, float(self._scales[shown]), tick.time_s - source.time_s)


class _Scene:
    """Rows of cameras, each as high as its own panel, and words below."""

    def __init__(self, panels: tuple[Panel, ...], ticks: Sequence[Tick]) -> None:
        self._panels = panels
        self._overlay = Overlay()
        height = sum(panel.height + _STRIP for panel in panels)
        self._wide = max(panel.width for panel in panels)
        self.width = 2 * self._wide
        self._words_top = height
        height += _words_height(ticks, self.width)
        # yuv420p stores colour for blocks of 2x2 pixels.
        self.height = height + height % 2

    def frame(
        self, pictures: dict[str, npt.NDArray[np.uint8]], shown: _ShownMap, time_s: float
    ) -> npt.NDArray[np.uint8]:
        canvas = board(self.height, self.width)
        top = 0
        for panel in self._panels:
            wide, high = self._wide, panel.height
            write(canvas, panel.camera, 0, top, wide, _STRIP)
            picture = pictures.get(panel.camera)
            if picture is None:
                camera = _camera(shown.tick, panel.camera)
                size = (panel.height, panel.width) if camera is None else camera.size
                picture = np.full((*size, 3), _GREY, np.uint8)
            paste(canvas, picture, 0, top + _STRIP, wide, high)
            drawn = self._drawn(picture, panel.camera, shown)
            paste(canvas, picture if drawn is None else drawn, wide, top + _STRIP, wide, high)
            title = "attention" if drawn is not None else "no map"
            if drawn is not None and shown.age_s > 0:
                title = age_text(shown.age_s)
            write(canvas, f"{panel.camera}: {title}", wide, top, wide // 2, _STRIP)
            top += _STRIP + high
        if shown.map is not None and shown.full_scale > 0:
            words = language_words(shown.map.message.groups)
            if words:
                strip = draw_words(words, shown.full_scale, self.width)
                canvas[self._words_top : self._words_top + len(strip)] = strip
        left = self.width - self._wide // 2
        write(canvas, f"{time_s:.2f} s", left, 0, self._wide // 2, _STRIP, right=True)
        return canvas

    def _drawn(
        self, picture: npt.NDArray[np.uint8], name: str, shown: _ShownMap
    ) -> npt.NDArray[np.uint8] | None:
        """The picture with the heat of the map, dimmed if that is of a tick before."""
        camera = None if shown.map is None else _camera(shown.map, name)
        if shown.map is None or camera is None or camera.cells is None or shown.full_scale <= 0:
            return None
        share = float(shown.map.message.joint_state_share)
        drawn = self._overlay.draw(picture, camera.cells, *camera.grid, shown.full_scale, share)
        if shown.age_s <= 0:
            return drawn
        return np.asarray(cv2.addWeighted(picture, 1 - DIMMED, drawn, DIMMED, 0), dtype=np.uint8)


def _words_height(ticks: Sequence[Tick], width: int) -> int:
    """Of the highest strip of words that there is; 0 where there are none."""
    texts = {tuple(w.text for w in language_words(tick.message.groups)) for tick in ticks}
    return max((strip_height(strip_lines(text, width)) for text in texts if text), default=0)


def _camera(tick: Tick, name: str) -> CameraTick | None:
    return next((camera for camera in tick.cameras if camera.name == name), None)
