# SPDX-License-Identifier: Apache-2.0
"""An mp4 of a recording: each camera's own image beside its overlay, one row per camera."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.bags.canvas import BACKGROUND, DIMMED, age_text, board, paste, write
from pam_ros.bags.errors import BagError
from pam_ros.bags.h264 import TICKS_PER_SECOND, write_h264
from pam_ros.bags.pictures import decode_picture, find_cameras, pictures
from pam_ros.bags.reader import BagReader

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

    from pam_ros.bags.pictures import CameraTopics

_LOG = logging.getLogger(__name__)
_STRIP = 22


@dataclass(frozen=True)
class Video:
    """What was written: frames, seconds from the first to the last, size [pixels], encoder."""

    path: Path
    frames: int
    duration_s: float
    width: int
    height: int
    encoder: str
    cameras: tuple[str, ...]


def write_video(
    bag: str | Path,
    output: str | Path,
    *,
    max_fps: float = 30.0,
    panel_height: int = 0,
    raw_topics: Mapping[str, str] | None = None,
    encodings: Mapping[str, str] | None = None,
    encoder: str | None = None,
) -> Video:
    """Writes an H.264 (yuv420p, BT.709) mp4 of the overlays and cameras in a bag.

    Frames lie where the header stamps say, to the millisecond, so the video runs at the speed of
    the robot whatever was lost; every camera shows its last known picture, and an overlay that is
    older than the camera's own picture is dimmed, with its age. It begins with the first overlay.
    Pictures that cannot be read are left out and counted in the log.

    Args:
        bag: any bag with topics ~/attention/<camera>/image.
        output: the mp4; replaced if it exists.
        max_fps: frames closer together than this are merged.
        panel_height: height of one picture [pixels]; 0 keeps that of the first overlay.
        raw_topics: camera name to image topic, where the name does not tell.
        encodings: of topics whose images tell only their type.
        encoder: the name of one of FFmpeg's H.264 encoders; None takes the best there is.

    Raises:
        BagError: no overlays in the bag, it is damaged, PyAV is missing, no encoder, or the file
            cannot be written.
    """
    with BagReader(bag) as reader:
        cameras = find_cameras(reader, raw_topics)
        scene = _Scene(cameras, _panel_size(reader, cameras, panel_height))
        frames = _frames(reader, scene, 1.0 / max_fps, encodings or {})
        size = (scene.width, scene.height)
        count, last, codec = write_h264(Path(output), size, frames, encoder=encoder)
    return Video(
        path=Path(output),
        frames=count,
        duration_s=last,
        width=scene.width,
        height=scene.height,
        encoder=codec,
        cameras=tuple(camera.name for camera in cameras),
    )


class _Scene:
    """The picture being composed: rows of cameras, their own image left, the overlay right."""

    def __init__(self, cameras: tuple[CameraTopics, ...], panel: tuple[int, int]) -> None:
        self.panel_height, self.panel_width = panel
        self.height = len(cameras) * (self.panel_height + _STRIP)
        self.width = 2 * self.panel_width
        # yuv420p stores colour for blocks of 2x2 pixels.
        self.height += self.height % 2
        self.canvas = board(self.height, self.width)
        # Two cameras may share the topic of their own images.
        self.places: dict[str, list[tuple[int, int]]] = {}
        self._cameras = cameras
        self._times: dict[str, float] = {}
        for row, camera in enumerate(cameras):
            top = row * (self.panel_height + _STRIP)
            self.places[camera.overlay] = [(self.panel_width, top + _STRIP)]
            if camera.raw is not None:
                self.places.setdefault(camera.raw, []).append((0, top + _STRIP))
            else:
                _LOG.info("the bag has no images of camera '%s' itself", camera.name)
            write(self.canvas, camera.name, 0, top, self.panel_width, _STRIP)
            title = f"{camera.name}: heat"
            write(self.canvas, title, self.panel_width, top, self.panel_width // 2, _STRIP)

    @property
    def has_overlay(self) -> bool:
        """Whether any has been shown."""
        return any(camera.overlay in self._times for camera in self._cameras)

    def show(self, topic: str, picture: npt.NDArray[np.uint8], time_s: float) -> None:
        self._times[topic] = time_s
        for x, y in self.places[topic]:
            paste(self.canvas, picture, x, y, self.panel_width, self.panel_height)

    def frame(self, time_s: float) -> npt.NDArray[np.uint8]:
        frame = self.canvas.copy()
        for camera in self._cameras:
            age_s = self._age(camera)
            if age_s > 0.5 / TICKS_PER_SECOND:
                self._dim(frame, camera, age_s)
        left = self.width - self.panel_width // 2
        write(frame, f"{time_s:.2f} s", left, 0, self.panel_width // 2, _STRIP, right=True)
        return frame

    def _age(self, camera: CameraTopics) -> float:
        """Seconds by which an overlay is older than the camera's own picture."""
        shown = self._times.get(camera.overlay)
        newest = self._times.get(camera.raw or "")
        return 0.0 if shown is None or newest is None else newest - shown

    def _dim(self, frame: npt.NDArray[np.uint8], camera: CameraTopics, age_s: float) -> None:
        (x, y), *_ = self.places[camera.overlay]
        panel = frame[y : y + self.panel_height, x : x + self.panel_width]
        panel[:] = (panel * DIMMED + BACKGROUND * (1 - DIMMED)).astype(np.uint8)
        title = frame[y - _STRIP : y, x : x + self.panel_width // 2]
        title[:] = BACKGROUND
        text = f"{camera.name}: {age_text(age_s)}"
        write(frame, text, x, y - _STRIP, self.panel_width // 2, _STRIP)


def _panel_size(
    reader: BagReader, cameras: tuple[CameraTopics, ...], panel_height: int
) -> tuple[int, int]:
    """Height and width of one panel: the first overlay's, or scaled to the wanted height."""
    for message in reader.messages([cameras[0].overlay]):
        try:
            height, width = decode_picture(reader, message).shape[:2]
        except BagError:
            continue
        if panel_height:
            height, width = panel_height, max(2, round(width * panel_height / height))
        return height, width
    raise BagError(f"no picture on {cameras[0].overlay} in {reader.path} can be read")


def _frames(
    reader: BagReader, scene: _Scene, interval_s: float, encodings: Mapping[str, str]
) -> Iterator[tuple[float, npt.NDArray[np.uint8]]]:
    """Composed frames with their times, at least ``interval_s`` apart; the last state always."""
    last = -interval_s
    begin: float | None = None
    time_s = 0.0
    fresh = False
    unreadable = 0
    for picture in pictures(reader, list(scene.places)):
        moved_on = picture.time_s > time_s + 0.5 / TICKS_PER_SECOND
        if fresh and moved_on and time_s - last > interval_s - 0.5 / TICKS_PER_SECOND:
            begin = time_s if begin is None else begin
            yield time_s - begin, scene.frame(time_s)
            last, fresh = time_s, False
        time_s = picture.time_s
        try:
            topic = picture.message.topic
            rgb = decode_picture(reader, picture.message, encodings.get(topic))
        except BagError:
            unreadable += 1
            continue
        scene.show(topic, rgb, time_s)
        fresh = scene.has_overlay
    if fresh and time_s > last:
        yield time_s - (time_s if begin is None else begin), scene.frame(time_s)
    if begin:
        _LOG.warning("the first %.1f s have no overlay and are left out of the video", begin)
    if unreadable:
        _LOG.warning(
            "%d pictures of %s could not be read and are left out", unreadable, reader.path
        )
