# SPDX-License-Identifier: Apache-2.0
"""One HTML file that needs nothing else: the video, the maps and the page that draws them."""

from __future__ import annotations

import base64
import html
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pam_ros.bags.h264 import Rate, write_h264
from pam_ros.share.template import pieces, shared
from pam_ros.show.report.errors import ReportError
from pam_ros.show.report.frames import compose, frame_times, lay_out, tick_pictures
from pam_ros.show.report.further import pack_further
from pam_ros.show.report.heat import pack
from pam_ros.show.report.opening import readable
from pam_ros.show.report.payload import payload
from pam_ros.show.report.recording import read_recording

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pam_ros.show.report.frames import Mosaic
    from pam_ros.show.report.recording import Recording

_PAGE = Path(__file__).parent / "page-files"
_SHARED = ("time.js", "heat.js", "picture.js", "chart.js")
_CHUNK = 3 << 20
#: A person who scrubs waits for no more than these many frames to be decoded.
KEYFRAME_EVERY = 10
#: Per camera: keeps ten minutes of two cameras under 100 MB, with the maps.
BITS_PER_SECOND = 260_000


@dataclass(frozen=True)
class Report:
    """What was written: sizes in bytes as they lie in the file, and the seconds that it shows."""

    path: Path
    size: int
    video_size: int
    cells_size: int
    seconds: float
    ticks: int
    notes: tuple[str, ...]


def write_report(
    bag: str | Path,
    output: str | Path,
    *,
    camera_topics: Mapping[str, str] | None = None,
    encodings: Mapping[str, str] | None = None,
    height: int = 480,
    quality: int = 24,
) -> Report:
    """Writes the page of a recording that has attention maps.

    Args:
        bag: folder or file; where it is damaged, what can be read of it is shown.
        output: the HTML file; replaced if it exists.
        camera_topics: camera name to image topic, where the name does not tell.
        encodings: of topics whose images tell only their type.
        height: largest height of a camera's picture [pixels].
        quality: x264's crf, lower is better.

    Raises:
        ReportError: the bag has no maps, or the file cannot be written.
        BagError: there is no bag, nothing can be read of it, or videos cannot be made.
    """
    with readable(bag, lambda path: read_recording(path, camera_topics)) as (path, found, losses):
        recording = found
        recording.name = Path(bag).resolve().name
        recording.encodings = dict(encodings or {})
        mosaic = lay_out(recording, height)
        with tempfile.TemporaryDirectory(prefix="pam_ros-report-") as folder:
            video = Path(folder) / "video.mp4"
            _write_video(path, recording, mosaic, video, quality)
            heat = pack(recording.ticks)
            further = pack_further(recording.further, len(heat.cells))
            cells = b"".join([heat.cells, *(one.cells for one in further)])
            content = payload(recording, mosaic, heat, further, losses)
            try:
                _write(Path(output), content, video, cells)
                size = Path(output).stat().st_size
            except OSError as error:
                raise ReportError(
                    f"report {output} cannot be written: {error.strerror or error}"
                ) from None
            video_size = -(-video.stat().st_size // 3) * 4
    return Report(
        path=Path(output),
        size=size,
        video_size=video_size,
        cells_size=-(-len(cells) // 3) * 4,
        seconds=content["times"][-1],
        ticks=len(recording.ticks),
        notes=tuple(content["notes"]),
    )


def _write_video(
    bag: Path, recording: Recording, mosaic: Mosaic, output: Path, quality: int
) -> None:
    times = frame_times(recording)
    frames = (
        (float(time), compose(mosaic, pictures))
        for time, pictures in zip(times, tick_pictures(bag, recording), strict=True)
    )
    limit = BITS_PER_SECOND * max(1, len(mosaic.panels))
    rate = Rate(crf=quality, keyframe_every=KEYFRAME_EVERY, bits_per_second=limit)
    write_h264(output, (mosaic.width, mosaic.height), frames, rate)


def _write(output: Path, content: dict[str, Any], video: Path, cells: bytes) -> None:
    """The template with its places filled; long parts go straight to the file."""
    text = (_PAGE / "report.html").read_text(encoding="utf-8")
    parts = {
        "title": html.escape(f"{content['name']}: what the policy looked at"),
        "style": shared("palette.css", "parts.css") + _own("report.css"),
        "theme": shared("theme.js"),
        "script": shared(*_SHARED) + _own("stage.js", "drivers.js", "report.js"),
        # "<" would let a text of the bag end the element.
        "data": json.dumps(content, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c"),
    }
    with output.open("w", encoding="utf-8") as file:
        for before, name in pieces(text):
            file.write(before)
            if name == "video":
                with video.open("rb") as source:
                    while block := source.read(_CHUNK):
                        file.write(base64.b64encode(block).decode("ascii"))
            elif name == "cells":
                file.write(base64.b64encode(cells).decode("ascii"))
            elif name:
                file.write(parts[name])


def _own(*names: str) -> str:
    return "".join((_PAGE / name).read_text(encoding="utf-8") for name in names)
