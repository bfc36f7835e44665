# SPDX-License-Identifier: Apache-2.0
"""Does to the real attention node what goes wrong on robots, and looks what reaches the arm.

python test/faults                    every row; the table on stdout
python test/faults --write            and writes docs/faults.md and results/faults.json
python test/faults --only stale NaN   the rows whose names hold one of these words
python test/faults --runtime rclpy    on a real ROS 2, with each of its middlewares
python test/faults holding --help     how soon the arm is held, on busy processors
python test/faults soak --help        the demo, for long

The status is 1 where a row fails: a command outside the limits, a node that ended, an arm that
moved where it was to be held, or no reason to be seen in /diagnostics or the log.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .ros2_runs import NoRos2Error, ros2_records
from .table import FAULTS, RESULTS, line, write_page, write_ros2_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .trial import Outcome, Row


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the rows; the status is 1 where one fails."""
    parser = _parser()
    options = parser.parse_args(arguments)
    # However this ends, the processes that it started end with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if options.runtime == "rclpy":
        try:
            return _run_on_ros2(options)
        except NoRos2Error as error:
            parser.error(str(error))
    if options.setup or options.rmw:
        parser.error("--setup and --rmw are for --runtime rclpy")
    return _run_here(options)


def _run_here(options: argparse.Namespace) -> int:
    provide_rclpy()
    begin = time.monotonic()
    outcomes = []
    for outcome in outcomes_of(lambda name: _wanted(name, options.only)):
        outcomes.append(outcome)
        print(line(outcome), flush=True)
    rows = [outcome.as_dict() for outcome in outcomes]
    record: dict[str, Any] = {"seconds": round(time.monotonic() - begin), "rows": rows}
    if options.json:
        _write(options.json, record)
    if options.write:
        _write(RESULTS / FAULTS, record)
        write_page()
    failed = sum(not outcome.passed for outcome in outcomes)
    print(f"{len(outcomes) - failed} of {len(outcomes)} rows passed in {record['seconds']} s")
    return int(failed > 0 or not outcomes)


def _run_on_ros2(options: argparse.Namespace) -> int:
    given = ["--only", *options.only] if options.only else []
    records = []
    for record in ros2_records(options.setup, options.rmw, given):
        records.append(record)
        if options.write:
            write_ros2_run(record)
    if options.json:
        _write(options.json, {"runs": records})
    passed = all(row["passed"] for record in records for row in record["rows"])
    return int(not passed or not all(record["rows"] for record in records))


def _write(file: Path, record: dict[str, Any]) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(record, indent=1) + "\n")


def provide_rclpy() -> None:
    """Put the embedded runtime in place, quietly, before anything imports rclpy."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    from pam_ros.share.folders import share_directory  # noqa: PLC0415
    from rclpy_cyclone import install  # noqa: PLC0415

    install(interfaces={"pam_ros": share_directory() / "msg"})


def outcomes_of(wanted: Callable[[str], bool]) -> Iterator[Outcome]:
    """Every row whose name is wanted, group by group: rows of a group share one node process."""
    from .bench import Bench, BenchSettings  # noqa: PLC0415
    from .demo_rows import DEMO_ROWS, DemoBench, run_demo_row  # noqa: PLC0415
    from .rows_clocks import (  # noqa: PLC0415
        SIMULATED_ROWS,
        STAMP_ROWS,
        WALL_ROWS,
        WRAP_ROWS,
    )
    from .rows_controllers import ARM_CONTROLLER_ROWS, CONTROLLER_ROWS  # noqa: PLC0415
    from .rows_messages import MESSAGE_ROWS  # noqa: PLC0415
    from .rows_parts import ARM_ROWS, KIND_ROWS  # noqa: PLC0415
    from .rows_policy import POLICY_ROWS  # noqa: PLC0415
    from .rows_processes import PROCESS_ROWS  # noqa: PLC0415
    from .trial import run_row  # noqa: PLC0415

    groups: tuple[tuple[str, BenchSettings, Sequence[Row]], ...] = (
        (
            "robot",
            BenchSettings(),
            (*MESSAGE_ROWS, *STAMP_ROWS, *CONTROLLER_ROWS, *PROCESS_ROWS),
        ),
        ("policy", BenchSettings(misbehaves=True, trigger="top"), POLICY_ROWS),
        ("clock", BenchSettings(simulated=True, trigger="top"), SIMULATED_ROWS),
        ("cameras", BenchSettings(own_clocks=True), WRAP_ROWS),
        (
            "arms",
            BenchSettings(misbehaves=True, second="arm"),
            (*ARM_ROWS, *ARM_CONTROLLER_ROWS, *WALL_ROWS),
        ),
        *(
            (kind, BenchSettings(misbehaves=True, second=kind), rows)
            for kind, rows in KIND_ROWS.items()
        ),
    )
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        for group, settings, rows in groups:
            chosen = [row for row in rows if wanted(row.name)]
            if not chosen:
                continue
            folder = Path(name) / f"bench-{group}"
            folder.mkdir()
            bench = Bench(folder, settings)
            try:
                for row in chosen:
                    yield run_row(bench, row)
            finally:
                bench.close()
        demo = [row for row in DEMO_ROWS if wanted(row.name)]
        if demo:
            folder = Path(name) / "demo"
            folder.mkdir()
            demo_bench = DemoBench(folder)
            try:
                for demo_row in demo:
                    yield run_demo_row(demo_bench, demo_row)
            finally:
                demo_bench.close()


def _wanted(name: str, only: Sequence[str]) -> bool:
    return not only or any(word.lower() in name.lower() for word in only)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python test/faults",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", nargs="*", default=[], metavar="WORD")
    parser.add_argument("--json", type=Path, default=None, help="write the outcomes here")
    parser.add_argument("--write", action="store_true", help="write the page and the results")
    parser.add_argument(
        "--runtime",
        choices=("here", "rclpy"),
        default="here",
        help="here: the embedded runtime, or a ROS 2 that is sourced with this package in it",
    )
    parser.add_argument(
        "--setup", type=Path, help="of the ROS 2, if it is not PAM_ROS_ROS2_SETUP or in /opt/ros"
    )
    parser.add_argument(
        "--rmw", nargs="*", default=[], metavar="NAME", help="all, if none is named"
    )
    return parser
