# SPDX-License-Identifier: Apache-2.0
"""One PNG that shows a whole recording: moments left to right, each camera above its overlay."""

from __future__ import annotations

from bisect import bisect_right
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pam_ros.bags.canvas import board, paste, write
from pam_ros.bags.errors import BagError
from pam_ros.bags.pictures import decode_picture, find_cameras, header_stamp_ns, pictures
from pam_ros.bags.reader import BagReader

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from pam_ros.bags.pictures import CameraTopics
    from pam_ros.bags.reader import BagMessage

_LABELS = 96
_GAP = 4
_STRIP = 22
_SAME_S = 1e-9


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

    The first moment is the first at which every overlay is there. Each of the others is the newest
    overlay's at that time, since heat may come on some ticks alone, and above an overlay is the
    camera's picture that it was drawn on, not a newer one.

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
        seen = _seen(reader, cameras)
        wanted = np.linspace(seen[0], seen[-1], moments) if moments > 1 else [seen[-1]]
        # The newest overlay at each of them.
        times = [seen[bisect_right(seen, time + _SAME_S) - 1] for time in wanted]
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


def _seen(reader: BagReader, cameras: tuple[CameraTopics, ...]) -> list[float]:
    """When overlays came [s], from when there has been one of every camera."""
    overlays = {camera.overlay for camera in cameras}
    missing = set(overlays)
    seen = []
    last = 0.0
    for picture in pictures(reader, _topics(cameras)):
        if picture.message.topic not in overlays:
            continue
        last = picture.time_s
        missing.discard(picture.message.topic)
        if not missing:
            seen.append(last)
    return seen or [last]


def _columns(
    reader: BagReader, cameras: tuple[CameraTopics, ...], times: list[float]
) -> list[dict[str, npt.NDArray[np.uint8]]]:
    """The last overlays at each of the times, with the pictures that they were drawn on.

    Unreadable ones are left out.
    """
    chosen: list[dict[str, BagMessage]] = []
    known: dict[str, BagMessage] = {}
    overlays = {camera.overlay for camera in cameras}
    for picture in pictures(reader, _topics(cameras)):
        while len(chosen) < len(times) and picture.time_s > times[len(chosen)] + _SAME_S:
            chosen.append(dict(known))
        if picture.message.topic in overlays:
            known[picture.message.topic] = picture.message
    chosen += [dict(known)] * (len(times) - len(chosen))
    columns: list[dict[str, npt.NDArray[np.uint8]]] = []
    for column, drawn_on in zip(chosen, _drawn_on(reader, cameras, chosen), strict=True):
        readable = {}
        for topic, message in (column | drawn_on).items():
            with suppress(BagError):
                readable[topic] = decode_picture(reader, message)
        columns.append(readable)
    return columns


def _drawn_on(
    reader: BagReader, cameras: tuple[CameraTopics, ...], chosen: list[dict[str, BagMessage]]
) -> list[dict[str, BagMessage]]:
    """Of each column, the newest picture of a camera that is no newer than its overlay's stamp."""
    found: list[dict[str, BagMessage]] = [{} for _ in chosen]
    best: dict[tuple[int, str], int] = {}
    overlay_of = {camera.raw: camera.overlay for camera in cameras if camera.raw}
    for message in reader.messages(list(overlay_of)) if overlay_of else ():
        stamp = header_stamp_ns(message)
        for index, column in enumerate(chosen):
            overlay = column.get(overlay_of[message.topic])
            # A clock may begin anew: what was recorded after the overlay is not below it.
            if overlay is None or message.stamp_ns > overlay.stamp_ns:
                continue
            least = best.get((index, message.topic))
            if stamp <= header_stamp_ns(overlay) and (least is None or stamp >= least):
                best[index, message.topic] = stamp
                found[index][message.topic] = message
    return found


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
            write(sheet, "heat", 0, top + height // 2, _LABELS, _STRIP)
        top += height + _GAP
    return sheet
