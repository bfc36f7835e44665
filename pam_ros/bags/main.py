# SPDX-License-Identifier: Apache-2.0
"""`pam_ros bag`: look after recordings."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from pam_ros.bags.errors import BagError
from pam_ros.bags.repair import repair

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pam_ros.bags.repair import RepairReport


def main(argv: Sequence[str]) -> int:
    """Run `pam_ros bag ...`; returns the exit status."""
    parser = argparse.ArgumentParser(prog="pam_ros bag", description=__doc__)
    jobs = parser.add_subparsers(dest="job", required=True)
    mend = jobs.add_parser(
        "repair",
        help="rebuild index and metadata of a bag that was not closed",
        description="Rebuilds index, summary and metadata.yaml, so that `ros2 bag` takes the bag. "
        "Old files stay beside the new ones as *.before_repair.",
    )
    mend.add_argument("bag", nargs="+", help="folder, .mcap or .db3 file; not one being recorded")
    options = parser.parse_args(argv)
    return max([_repair(bag) for bag in options.bag])


def _repair(bag: str) -> int:
    try:
        report = repair(bag)
    except BagError as error:
        sys.stderr.write(f"pam_ros bag: {error}\n")
        return 1
    _show(report)
    return 0


def _show(report: RepairReport) -> None:
    if not report.changed:
        sys.stdout.write(f"{report.path} is whole: {report.messages} messages\n")
        return
    sys.stdout.write(f"{report.path} is repaired: {report.messages} messages\n")
    for file in report.files:
        for note in file.notes:
            sys.stdout.write(f"  {file.name}: {note}\n")
        if file.kept:
            sys.stdout.write(f"  the old file is {file.kept}\n")
