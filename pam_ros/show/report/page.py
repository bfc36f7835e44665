# SPDX-License-Identifier: Apache-2.0
"""One HTML file that needs nothing else: the videos, the maps and the page that draws them."""

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
from pam_ros.show.report.heading import heading, title
from pam_ros.show.report.heat import pack
from pam_ros.show.report.opening import readable
from pam_ros.show.report.packed import packed
from pam_ros.show.report.payload import payload
from pam_ros.show.report.recording import read_recording

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import TextIO

    from pam_ros.show.report.frames import Mosaic
    from pam_ros.show.report.recording import Recording

_PAGE = Path(__file__).parent / "page-files"
_SHARED = ("time.js", "view.js", "heat.js", "colour-bar.js", "picture.js", "tip.js", "chart.js")
_OWN = (
    "embedded.js", "stage.js", "look.js", "drivers.js", "curves.js", "features.js", "moments.js",
    "run.js", "link.js", "strip.js", "report.js",
)  # fmt: skip
_CHUNK = 3 << 20
#: A person who scrubs waits for no more than these many frames to be decoded.
KEYFRAME_EVERY = 10
#: Per camera: keeps ten minutes of two cameras under 100 MB, with the maps.
BITS_PER_SECOND = 260_000
#: Side by side: more do not fit a screen.
MOST = 2


@dataclass(frozen=True)
class Report:
    """What was written: sizes in bytes as they lie in the file, and the seconds that it shows.

    Of several recordings the sizes, ticks and notes of all, and the seconds of the longest.
    """

    path: Path
    size: int
    video_size: int
    cells_size: int
    seconds: float
    ticks: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Showing:
    """How recordings are shown.

    Attributes:
        camera_topics: camera name to image topic, where the name does not tell.
        encodings: of topics whose images tell only their type.
        height: largest height of a camera's picture [pixels].
        quality: x264's crf, lower is better.
        robot: its name; empty: that of the description in the bag.
        task: in words; empty: what the policy was told.
    """

    camera_topics: Mapping[str, str] | None = None
    encodings: Mapping[str, str] | None = None
    height: int = 480
    quality: int = 24
    robot: str = ""
    task: str = ""


@dataclass(frozen=True)
class _Part:
    """One recording of a page, as it is embedded; the video is a file."""

    content: dict[str, Any]
    cells: str
    video: Path

    @property
    def video_size(self) -> int:
        return -(-self.video.stat().st_size // 3) * 4


def write_report(
    bag: str | Path | Sequence[str | Path], output: str | Path, showing: Showing | None = None
) -> Report:
    """Writes the page of a recording that has attention maps, or of two side by side.

    Args:
        bag: folder or file, or two; where one is damaged, what can be read of it is shown.
        output: the HTML file; replaced if it exists.
        showing: how.

    Raises:
        ReportError: a bag has no maps, there are too many, or the file cannot be written.
        BagError: there is no bag, nothing can be read of it, or videos cannot be made.
    """
    bags = [bag] if isinstance(bag, str | Path) else list(bag)
    if not 1 <= len(bags) <= MOST:
        raise ReportError(f"a report shows one recording, or {MOST} side by side: got {len(bags)}")
    path = Path(output)
    with tempfile.TemporaryDirectory(prefix="pam_ros-report-") as folder:
        videos = (Path(folder) / f"{number}.mp4" for number in range(len(bags)))
        how = showing or Showing()
        parts = [_part(one, video, how) for one, video in zip(bags, videos, strict=False)]
        try:
            _write(path, parts)
            size = path.stat().st_size
        except OSError as error:
            raise ReportError(f"report {path} cannot be written: {error.strerror or error}") from (
                None
            )
        return Report(
            path=path,
            size=size,
            video_size=sum(part.video_size for part in parts),
            cells_size=sum(len(part.cells) for part in parts),
            seconds=max(part.content["times"][-1] for part in parts),
            ticks=sum(len(part.content["times"]) for part in parts),
            notes=tuple(_notes(parts)),
        )


def _part(bag: str | Path, video: Path, showing: Showing) -> _Part:
    topics = showing.camera_topics
    with readable(bag, lambda path: read_recording(path, topics)) as (path, recording, losses):
        recording.name = Path(bag).resolve().name
        recording.encodings = dict(showing.encodings or {})
        mosaic = lay_out(recording, showing.height)
        _write_video(path, recording, mosaic, video, showing.quality)
        heat = pack(recording.ticks)
        further = pack_further(recording.further, len(heat.cells))
        head = heading(recording, showing.robot, showing.task)
        content = payload(recording, mosaic, heat, further, losses, head)
        cells = b"".join([heat.cells, *(one.cells for one in further)])
        return _Part(content, packed(cells), video)


def _notes(parts: Sequence[_Part]) -> Iterator[str]:
    for part in parts:
        name = f"{part.content['name']}: " if len(parts) > 1 else ""
        yield from (f"{name}{note}" for note in part.content["notes"])


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


def _write(output: Path, parts: Sequence[_Part]) -> None:
    """The template with its places filled; long parts go straight to the file."""
    text = (_PAGE / "report.html").read_text(encoding="utf-8")
    titles = [title(part.content["heading"], part.content["name"]) for part in parts]
    filling = {
        "title": html.escape(" beside ".join(titles)),
        "style": shared("palette.css", "parts.css") + _own("report.css"),
        "theme": shared("theme.js"),
        "script": shared(*_SHARED) + _own(*_OWN),
    }
    with output.open("w", encoding="utf-8") as file:
        for before, name in pieces(text):
            file.write(before)
            if name == "recordings":
                for part in parts:
                    _write_part(file, part)
            elif name:
                file.write(filling[name])


def _write_part(file: TextIO, part: _Part) -> None:
    """Three elements with base64, in which nothing can end an element."""
    text = json.dumps(part.content, separators=(",", ":"), allow_nan=False)
    for name, content in (("data", packed(text.encode())), ("cells", part.cells)):
        file.write(f'<script type="text/plain" class="{name}">{content}</script>\n')
    file.write('<script type="text/plain" class="video">')
    with part.video.open("rb") as source:
        while block := source.read(_CHUNK):
            file.write(base64.b64encode(block).decode("ascii"))
    file.write("</script>\n")


def _own(*names: str) -> str:
    return "".join((_PAGE / name).read_text(encoding="utf-8") for name in names)
