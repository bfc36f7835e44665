# SPDX-License-Identifier: Apache-2.0
"""The pictures of every tick, side by side in one frame."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pam_ros.bags import BagError, BagReader
from pam_ros.bags.h264 import TICKS_PER_SECOND
from pam_ros.bags.pictures import decode_picture, header_stamp_ns
from pam_ros.bags.video_topics import VideoTopics

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

    from pam_ros.show.report.recording import Recording

_LOG = logging.getLogger(__name__)
# H.264 works in blocks of 16x16 pixels: panels that begin on one do not bleed into each other.
_BLOCK = 16
_GREY = 72
_Key = tuple[str, int, int]


@dataclass(frozen=True)
class Panel:
    """Where one camera lies in the frame [pixels], and how far its picture was scaled."""

    camera: str
    x: int
    width: int
    height: int


@dataclass(frozen=True)
class Mosaic:
    """Every camera's panel, left to right, and the size of the frame."""

    panels: tuple[Panel, ...]
    width: int
    height: int


def lay_out(recording: Recording, height: int) -> Mosaic:
    """Panels at most `height` pixels high, each with the proportions of its camera."""
    sizes: dict[str, tuple[int, int]] = {}
    for tick in recording.ticks:
        for camera in tick.cameras:
            if min(camera.size) > 0:
                sizes.setdefault(camera.name, camera.size)
    panels = []
    x = 0
    for name, (rows, cols) in sizes.items():
        scale = min(1.0, height / rows)
        panel = Panel(name, x, max(2, round(cols * scale)), max(2, round(rows * scale)))
        panels.append(panel)
        x += -(-panel.width // _BLOCK) * _BLOCK
    tallest = max((panel.height for panel in panels), default=_BLOCK)
    return Mosaic(tuple(panels), max(_BLOCK, x), -(-tallest // _BLOCK) * _BLOCK)


def frame_times(recording: Recording) -> npt.NDArray[np.float64]:
    """Seconds of each tick's frame after the first, to the thousandth, no two the same."""
    times = recording.times
    whole = np.round((times - times[0]) * TICKS_PER_SECOND).astype(np.int64)
    order = np.arange(len(whole))
    return np.asarray((np.maximum.accumulate(whole - order) + order) / TICKS_PER_SECOND)


def tick_pictures(bag: Path, recording: Recording) -> Iterator[dict[str, npt.NDArray[np.uint8]]]:
    """For each tick: camera name to its picture, (H, W, 3) uint8 RGB; cameras without one lack.

    Pictures are read once, in the order of the bag; those that wait for an earlier tick's are kept.
    Pictures that cannot be read are left out and counted in `recording.notes`.
    """
    wanted: Counter[_Key] = Counter(
        (at.topic, at.received_ns, at.stamp_ns)
        for found in recording.pictures
        for at in found.values()
    )
    known: dict[_Key, npt.NDArray[np.uint8] | None] = {}
    unreadable = 0
    with BagReader(bag) as reader:
        topics = set(recording.camera_topics.values())
        videos = VideoTopics(reader.decode)
        messages = videos.all(reader.messages(topics) if topics else iter(()))
        for found in recording.pictures:
            keys = {camera: (at.topic, at.received_ns, at.stamp_ns) for camera, at in found.items()}
            while any(key not in known for key in keys.values()):
                message = next(messages, None)
                if message is None:
                    break
                key = (message.topic, message.stamp_ns, header_stamp_ns(message))
                if key not in wanted:
                    continue
                try:
                    known[key] = decode_picture(
                        reader, message, recording.encodings.get(message.topic)
                    )
                except BagError:
                    known[key] = None
                    unreadable += 1
            pictures = {camera: known.get(key) for camera, key in keys.items()}
            yield {camera: rgb for camera, rgb in pictures.items() if rgb is not None}
            for key in keys.values():
                wanted[key] -= 1
                if wanted[key] <= 0:
                    known.pop(key, None)
    recording.notes += videos.notes
    if unreadable:
        recording.notes.append(f"{unreadable} pictures could not be read and are left out")


def compose(mosaic: Mosaic, pictures: dict[str, npt.NDArray[np.uint8]]) -> npt.NDArray[np.uint8]:
    """One frame (H, W, 3) uint8; grey where a camera has no picture."""
    frame = np.full((mosaic.height, mosaic.width, 3), _GREY, dtype=np.uint8)
    for panel in mosaic.panels:
        picture = pictures.get(panel.camera)
        if picture is None:
            continue
        if picture.shape[:2] != (panel.height, panel.width):
            shrinks = picture.shape[0] >= panel.height
            method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
            size = (panel.width, panel.height)
            picture = np.asarray(cv2.resize(picture, size, interpolation=method), dtype=np.uint8)
        right = -(-panel.width // _BLOCK) * _BLOCK - panel.width
        # The last pixels go on to the end of the block, so that nothing rings at the edge.
        padded = np.pad(
            picture, ((0, mosaic.height - panel.height), (0, right), (0, 0)), mode="edge"
        )
        frame[:, panel.x : panel.x + panel.width + right] = padded
    return frame
