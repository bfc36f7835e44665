# SPDX-License-Identifier: Apache-2.0
"""`pam_ros bag`: look after recordings."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pam_ros.bags.errors import BagError
from pam_ros.bags.info import info_lines
from pam_ros.bags.metadata import VERSIONS
from pam_ros.bags.repair import repair
from pam_ros.share.commands import Parser

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from pam_ros.bags.repair import RepairReport


def main(argv: Sequence[str]) -> int:
    """Run `pam_ros bag ...`; returns the exit status."""
    parser = Parser(prog="pam_ros bag", description=__doc__)
    jobs = parser.add_subparsers(dest="job", required=True)
    told = jobs.add_parser(
        "info",
        help="topics, counts, rates and times of a recording",
        description="Topics of a recording with types, counts and rates, as `ros2 bag info` says "
        "them where ROS 2 is sourced; also of compressed files and of bags without metadata.yaml.",
    )
    told.add_argument("bag", nargs="+", help="folder, .mcap or .db3 file")
    mend = jobs.add_parser(
        "repair",
        help="rebuild index and metadata of a bag that was not closed",
        description="Rebuilds index, summary and metadata.yaml, so that `ros2 bag` takes the bag. "
        "Whole bags and recordings of something else than ROS 2 are left as they are. Old files "
        "stay beside the new ones as *.before_repair. The status is 1 if a bag is refused, or "
        "lacks a file that its metadata.yaml names.",
    )
    add_metadata_version(mend)
    mend.add_argument("bag", nargs="+", help="folder, .mcap or .db3 file; not one being recorded")
    options = parser.parse_args(argv)
    if options.job == "info":
        for bag in options.bag:
            sys.stdout.writelines(f"{line}\n" for line in info_lines(bag))
        return 0
    return max([_repair(bag, options.metadata_version) for bag in options.bag])


def add_metadata_version(parser: argparse.ArgumentParser) -> None:
    """`--metadata-version`, for every command that writes a bag; None if it is not given."""
    parser.add_argument(
        "--metadata-version",
        type=int,
        choices=VERSIONS,
        help="for readers of older distributions: 5 for Humble, 7 for Iron, 9 since Jazzy",
    )


def _repair(bag: str, version: int | None) -> int:
    try:
        report = repair(bag, metadata_version=version)
    except BagError as error:
        sys.stderr.write(f"pam_ros bag: {error}\n")
        return 1
    _show(report)
    return 1 if report.missing else 0


def _show(report: RepairReport) -> None:
    state = "is repaired" if report.changed else "is whole"
    found = f"{report.messages} messages" if report.messages else "nothing was recorded"
    sys.stdout.write(f"{report.path} {state}: {found}\n")
    for note in report.notes:
        sys.stdout.write(f"  {note}\n")
    for name in report.strangers:
        sys.stdout.write(f"  {name} is not the bag's: it is left alone\n")
    for file in report.files:
        if file.kept:
            sys.stdout.write(f"  the old file is {file.kept}\n")
