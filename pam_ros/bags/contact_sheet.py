# SPDX-License-Identifier: Apache-2.0
"""One PNG that shows a whole recording: moments left to right, each camera above its overlay."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pam_ros.bags.canvas import board, paste, write
from pam_ros.bags.errors import BagError
from pam_ros.bags.pictures import decode_picture, find_cameras, pictures
from pam_ros.bags.reader import BagReader

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from pam_ros.bags.pictures import CameraTopics
    from pam_ros.bags.reader import BagMessage

_LABELS = 96
_GAP = 4
_STRIP = 22


@dataclass(frozen=True)
class ContactSheet:
    """What was written: the moments shown [s after the first picture] and the size [pixels]."""

    path: Path
    times_s: tuple[float, ...]
    width: int
    height: int
    cameras: tuple[str, ...]


def write_contact_sheet(
    bag: str | Path,
    output: str | Path,
    *,
    moments: int = 8,
    width: int = 1600,
    raw_topics: Mapping[str, str] | None = None,
) -> ContactSheet:
    """Writes evenly chosen moments of a recording into one PNG.

    The first moment is the first at which every overlay is there, the last is the end; each column
    shows the last known pictures of its moment.

    Args:
        bag: any bag with topics ~/attention/<camera>/image.
        output: the PNG; replaced if it exists.
        moments: columns, at least 1.
        width: of the sheet [pixels].
        raw_topics: camera name to image topic, where the name does not tell.

    Raises:
        BagError: no overlays in the bag, it is damaged, or the file cannot be written.
    """
    if moments < 1:
        raise BagError(f"a contact sheet of {moments} moments is empty; ask for at least 1")
    with BagReader(bag) as reader:
        cameras = find_cameras(reader, raw_topics)
        start, end = _span(reader, cameras)
        times = np.linspace(start, end, moments).tolist() if moments > 1 else [end]
        columns = _columns(reader, cameras, times)
    sheet = _draw(cameras, times, columns, width)
    try:
        ok, data = cv2.imencode(".png", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
        if not ok:
            raise BagError(f"contact sheet {output} cannot be encoded as PNG")
        Path(output).write_bytes(data.tobytes())
    except OSError as error:
        raise BagError(f"contact sheet {output} cannot be written: {error.strerror}") from None
    return ContactSheet(
        path=Path(output),
        times_s=tuple(times),
        width=sheet.shape[1],
        height=sheet.shape[0],
        cameras=tuple(camera.name for camera in cameras),
    )


def _topics(cameras: tuple[CameraTopics, ...]) -> list[str]:
    """The rows of the sheet from top to bottom."""
    return [topic for camera in cameras for topic in (camera.raw, camera.overlay) if topic]


def _span(reader: BagReader, cameras: tuple[CameraTopics, ...]) -> tuple[float, float]:
    """When every overlay has been seen once, and the end [s]."""
    missing = {camera.overlay for camera in cameras}
    start = end = 0.0
    for picture in pictures(reader, _topics(cameras)):
        end = picture.time_s
        if missing:
            missing.discard(picture.message.topic)
            start = end
    return start, end


def _columns(
    reader: BagReader, cameras: tuple[CameraTopics, ...], times: list[float]
) -> list[dict[str, npt.NDArray[np.uint8]]]:
    """The last known picture of every topic at each of the times; unreadable ones are left out."""
    columns: list[dict[str, npt.NDArray[np.uint8]]] = []
    known: dict[str, BagMessage] = {}

    def column() -> dict[str, npt.NDArray[np.uint8]]:
        readable = {}
        for topic, message in known.items():
            with suppress(BagError):
                readable[topic] = decode_picture(reader, message)
        return readable

    for picture in pictures(reader, _topics(cameras)):
        while len(columns) < len(times) and picture.time_s > times[len(columns)] + 1e-9:
            columns.append(column())
        known[picture.message.topic] = picture.message
    while len(columns) < len(times):
        columns.append(column())
    return columns


def _aspect(columns: list[dict[str, npt.NDArray[np.uint8]]], topic: str) -> float:
    """Height by width of the topic's pictures."""
    for column in columns:
        if topic in column:
            return column[topic].shape[0] / column[topic].shape[1]
    raise BagError(f"no chosen picture on {topic} can be read")


def _draw(
    cameras: tuple[CameraTopics, ...],
    times: list[float],
    columns: list[dict[str, npt.NDArray[np.uint8]]],
    width: int,
) -> npt.NDArray[np.uint8]:
    topics = _topics(cameras)
    panel_width = max(32, (width - _LABELS) // len(times) - _GAP)
    heights = [max(1, round(panel_width * _aspect(columns, topic))) for topic in topics]
    sheet = board(_STRIP + sum(heights) + _GAP * len(heights), width)
    for index, (time, column) in enumerate(zip(times, columns, strict=True)):
        left = _LABELS + index * (panel_width + _GAP)
        write(sheet, f"{time:.1f} s", left, 0, panel_width, _STRIP)
        top = _STRIP
        for topic, height in zip(topics, heights, strict=True):
            if topic in column:
                paste(sheet, column[topic], left, top, panel_width, height)
            top += height + _GAP
    top = _STRIP
    overlays = {camera.overlay: camera.name for camera in cameras}
    names = overlays | {camera.raw: camera.name for camera in cameras if camera.raw}
    for topic, height in zip(topics, heights, strict=True):
        write(sheet, names[topic], 0, top + height // 2 - _STRIP, _LABELS, _STRIP)
        if topic in overlays:
            write(sheet, "attention", 0, top + height // 2, _LABELS, _STRIP)
        top += height + _GAP
    return sheet
