# SPDX-License-Identifier: Apache-2.0
"""`pam_ros report`: a recording, or two side by side, as one HTML file that opens anywhere."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pam_ros.robot.contract_file import load_contract
from pam_ros.robot.topics import full_name
from pam_ros.share.commands import Parser
from pam_ros.share.folders import find_contract
from pam_ros.share.working import working
from pam_ros.show.report.errors import ReportError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def main(argv: Sequence[str]) -> int:
    """Run `pam_ros report ...`; returns the exit status."""
    from pam_ros.show.report.page import Showing, write_report  # noqa: PLC0415  (not for --help)

    parser = Parser(prog="pam_ros report", description=__doc__)
    parser.add_argument(
        "bag", nargs="+", help="folder, .mcap or .db3 file with AttentionMaps; two: side by side"
    )
    parser.add_argument(
        "-o", "--out", "--output", dest="output", default="report.html", help="the page to write"
    )
    parser.add_argument("--height", type=int, default=480, help="of a picture, at most [pixels]")
    parser.add_argument("--quality", type=int, default=24, help="x264's crf: lower is better")
    parser.add_argument("--robot", default="", help="its name; else that of its description")
    parser.add_argument("--task", default="", help="in words; else what the policy was told")
    add_camera_option(parser)
    options = parser.parse_args(argv)
    check_range("--height", options.height, 16, 4096)
    check_range("--quality", options.quality, 0, 51)
    showing = Showing(
        camera_topics=camera_topics(options.camera),
        encodings=contract_encodings(options.contract),
        height=options.height,
        quality=options.quality,
        robot=options.robot or _robot(options.contract),
        task=options.task,
    )
    with working(f"reading {', '.join(options.bag)}"):
        report = write_report(options.bag, Path(options.output), showing)
    for note in report.notes:
        sys.stderr.write(f"pam_ros report: {note}\n")
    sys.stdout.write(
        f"{report.path}: {report.ticks} ticks, {report.seconds:.1f} s, {report.size / 1e6:.1f} MB "
        f"(video {report.video_size / 1e6:.1f}, maps {report.cells_size / 1e6:.1f})\n"
    )
    return 0


def _robot(contract: str) -> str:
    """As a contract calls it; of none, nothing."""
    return load_contract(find_contract(contract)).robot if contract else ""


def add_camera_option(parser: argparse.ArgumentParser) -> None:
    """`--camera NAME=TOPIC`, as often as there are cameras, and `--contract`."""
    parser.add_argument(
        "--camera",
        action="append",
        default=[],
        metavar="NAME=TOPIC",
        help="a camera's own images, where the topic's name does not tell",
    )
    parser.add_argument(
        "--contract",
        default="",
        help="of the robot, whose images tell only their type (8UC3): it says their encoding",
    )


def contract_encodings(contract: str) -> dict[str, str]:
    """Topic to encoding, as a contract says; of none, nothing.

    Raises:
        NotFoundError: there is no such contract.
        ContractError: it is wrong.
    """
    if not contract:
        return {}
    cameras = load_contract(find_contract(contract)).cameras
    return {full_name(c.topic): c.encoding for c in cameras if c.encoding is not None}


def camera_topics(given: Sequence[str]) -> dict[str, str]:
    """Camera name to topic.

    Raises:
        ReportError: an option is not NAME=TOPIC.
    """
    topics = {}
    for text in given:
        name, equals, topic = text.partition("=")
        if not (name and equals and topic):
            raise ReportError(f"--camera {text} must be NAME=TOPIC")
        topics[name] = topic
    return topics


def check_range(option: str, value: float, lowest: float, highest: float) -> None:
    """Raise ReportError where the value is out of range."""
    if not lowest <= value <= highest:
        raise ReportError(f"{option} {value} must be from {lowest} to {highest}")
