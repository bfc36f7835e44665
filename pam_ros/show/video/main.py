# SPDX-License-Identifier: Apache-2.0
"""`pam_ros video`: a recording as an mp4, each camera beside its overlay, by the stamps."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pam_ros.bags import BagError, BagReader, write_video
from pam_ros.bags.pictures import find_cameras
from pam_ros.share.commands import Parser
from pam_ros.share.working import working
from pam_ros.show.report.main import (
    add_camera_option,
    camera_topics,
    check_range,
    contract_encodings,
)
from pam_ros.show.report.opening import readable
from pam_ros.show.report.recording import read_recording
from pam_ros.show.video.drawn import write_drawn_video

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from pam_ros.bags import Video
    from pam_ros.show.report.recording import Recording


def main(argv: Sequence[str]) -> int:
    """Run `pam_ros video ...`; returns the exit status."""
    parser = Parser(prog="pam_ros video", description=__doc__)
    parser.add_argument("bag", help="folder, .mcap or .db3 file with overlays or AttentionMaps")
    parser.add_argument(
        "-o", "--out", "--output", dest="output", default="video.mp4", help="the mp4 to write"
    )
    parser.add_argument("--max-fps", type=float, default=30.0, help="frames closer are left out")
    parser.add_argument("--height", type=int, default=0, help="of a picture [pixels]; 0: its own")
    parser.add_argument(
        "--draw", action="store_true", help="draw from the maps, also where overlays are recorded"
    )
    add_camera_option(parser)
    options = parser.parse_args(argv)
    check_range("--max-fps", options.max_fps, 0.1, 500)
    if options.height:
        check_range("--height", options.height, 16, 4096)
    topics = camera_topics(options.camera)
    with (
        working(f"reading {options.bag}"),
        readable(options.bag, lambda path: _look(path, topics, draw=options.draw)) as found,
    ):
        path, recording, losses = found
        video = _write(path, recording, topics, options)
    for note in (*losses, *(recording.notes if recording else ())):
        sys.stderr.write(f"pam_ros video: {note}\n")
    sys.stdout.write(
        f"{video.path}: {video.frames} frames, {video.duration_s:.1f} s, "
        f"{video.width} x {video.height}, cameras {', '.join(video.cameras)}\n"
    )
    return 0


def _look(bag: Path, topics: Mapping[str, str], *, draw: bool) -> Recording | None:
    """The recording to draw from; None where the bag has overlays that are to be shown.

    Reads everything that will be shown, so that damage is found now.

    Raises:
        ReportError: neither maps nor overlays.
        BagError: the bag is damaged.
    """
    if draw:
        return read_recording(bag, topics)
    with BagReader(bag) as reader:
        shown: set[str] = set()
        with suppress(BagError):
            for camera in find_cameras(reader, topics):
                shown |= {topic for topic in (camera.overlay, camera.raw) if topic}
        for _ in reader.messages(shown) if shown else ():
            pass
    if shown:
        return None
    return read_recording(bag, topics)


def _write(
    bag: Path, recording: Recording | None, topics: Mapping[str, str], options: argparse.Namespace
) -> Video:
    output = Path(options.output)
    encodings = contract_encodings(options.contract)
    if recording is not None:
        recording.encodings = encodings
        return write_drawn_video(
            bag, recording, output, max_fps=options.max_fps, panel_height=options.height
        )
    return write_video(
        bag,
        output,
        max_fps=options.max_fps,
        panel_height=options.height,
        raw_topics=topics,
        encodings=encodings,
    )
