# SPDX-License-Identifier: Apache-2.0
"""Lets the demo's three processes run for long, and looks whether they stay as they were.

python -m faults.soak --minutes 60              robot, policy and recorder
python -m faults.soak --minutes 60 --write      and writes docs/soak.md with its figure

The recorder writes maps, commands, joint states and diagnostics, in files of ten megabytes, of
which the oldest are removed: pictures of an hour would fill the disk.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faults.process_samples import Others, sample_process
from faults.soak_report import figures_of, write_page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faults.soak_watch import SoakWatch
    from pam_ros.sim.processes import Processes, Stop

NODES = ("act_attention", "demo_robot", "recorder")
SAMPLE_SECONDS = 5.0
TOPICS = (
    "/joint_states",
    "/joint_commands",
    "/act_attention/attention",
    "/act_attention/annotate",
    "/diagnostics",
    "/demo_robot/result",
)
KEEP_FILES = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the status is 1 where a criterion is missed."""
    options = _parser().parse_args(arguments)
    # Before the libraries are loaded, which read it.
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    from pam_ros.share.folders import share_directory  # noqa: PLC0415
    from pam_ros.sim.processes import Stop, own_domain  # noqa: PLC0415
    from rclpy_cyclone import install  # noqa: PLC0415

    own_domain(options.domain)
    install(interfaces={"pam_ros": share_directory() / "msg"})
    record = soak(options.minutes, Stop(), options.scratch)
    if options.json:
        options.json.write_text(json.dumps(record, separators=(",", ":")) + "\n")
    figures = figures_of(record)
    print(json.dumps(figures, indent=2))
    if options.write:
        write_page(record)
    return int(bool(figures["shortcomings"]))


def soak(minutes: float, stop: Stop, scratch: Path | None = None) -> dict[str, Any]:
    """The demo's processes for so long; everything that was seen of them."""
    import rclpy  # noqa: PLC0415
    from rclpy.signals import SignalHandlerOptions  # noqa: PLC0415

    from faults.soak_watch import SoakWatch  # noqa: PLC0415
    from pam_ros.nodes.demo.result_listener import SpinningNode  # noqa: PLC0415
    from pam_ros.sim.processes import Processes  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="soak-", dir=scratch) as name:
        folder = Path(name)
        rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
        processes = Processes(folder)
        watch = SoakWatch()
        spinning = SpinningNode(watch)
        try:
            _start(processes, folder)
            _connect(watch, processes)
            samples, others = _look_on(watch, processes, folder / "bag", minutes * 60.0, stop)
            processes.stop("demo_robot")
            watch.await_maps()
        finally:
            for node in ("demo_robot", "recorder", "act_attention"):
                processes.stop(node)
            time.sleep(0.5)
            spinning.close()
        return {
            "minutes": minutes,
            "processors": os.cpu_count(),
            "ticks": watch.ticks(),
            "observations": watch.observations(),
            "reports": watch.reports,
            "samples": samples,
            "others": others,
        }


def _start(processes: Processes, folder: Path) -> None:
    from pam_ros.share.folders import find_contract, share_directory  # noqa: PLC0415

    topics = folder / "topics.yaml"
    topics.write_text(json.dumps({"topics": TOPICS}))
    processes.start(
        "act_attention",
        params_file=share_directory() / "config" / "demo.yaml",
        policy=share_directory() / "models" / "demo_act",
        contract=find_contract("demo_arm"),
        enabled=True,
        torch_threads=max(1, min(2, os.cpu_count() or 1)),
    )
    processes.start("demo_robot", wait_for_start=True)
    processes.start("recorder", bag=folder / "bag", topics_file=topics, split_megabytes=10)


def _connect(watch: SoakWatch, processes: Processes, seconds: float = 600.0) -> None:
    end = time.monotonic() + seconds
    while missing := watch.missing():
        processes.check()
        if time.monotonic() > end:
            raise SystemExit(f"not connected after {seconds:.0f} s: {', '.join(missing)}")
        time.sleep(0.1)
    if not watch.start_robot():
        raise SystemExit("the robot did not answer /demo_robot/start")


def _look_on(
    watch: SoakWatch, processes: Processes, bag: Path, seconds: float, stop: Stop
) -> tuple[dict[str, list[list[float]]], list[list[float]]]:
    """Every few seconds [time, resident bytes, descriptors, CPU seconds] of each process."""
    begin = time.monotonic()
    watch.begin()
    others = Others([processes.pid(node) for node in NODES])
    samples: dict[str, list[list[float]]] = {node: [] for node in NODES}
    shares: list[list[float]] = []
    until = threading.Event()
    while (passed := time.monotonic() - begin) < seconds and not stop.asked:
        processes.check()
        for node in NODES:
            found = sample_process(processes.pid(node))
            samples[node].append([round(passed, 2), *found])
        shares.append([round(passed, 2), *others.share_and_load()])
        _remove_old_files(bag)
        until.wait(min(SAMPLE_SECONDS, max(0.0, seconds - passed)))
    watch.end()
    return samples, shares


def _remove_old_files(bag: Path) -> None:
    for file in sorted(bag.glob("*.mcap"), key=lambda path: path.stat().st_mtime)[:-KEEP_FILES]:
        file.unlink()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="faults.soak",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--domain", type=int, default=None, help="ROS_DOMAIN_ID")
    parser.add_argument("--scratch", type=Path, default=None, help="where the recording is written")
    parser.add_argument("--json", type=Path, default=None, help="write everything seen here")
    parser.add_argument("--write", action="store_true", help="write docs/soak.md")
    return parser


if __name__ == "__main__":
    sys.exit(main())
