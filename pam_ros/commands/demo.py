# SPDX-License-Identifier: Apache-2.0
"""`pam_ros demo`: robot, policy and recorder as processes of their own, and what they leave behind.

The robot starts only when everybody is connected. Ctrl-C and the end of the duration take the same
way out: the robot stops, the recorder closes its bag, then the files are made.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pam_ros.attention.maps import CROSS_ATTENTION
from pam_ros.commands.demo_pace import Pace
from pam_ros.commands.demo_page import start_page
from pam_ros.commands.demo_words import Teller, reads_words, typed_words
from pam_ros.nodes.act.attention_selection import CHOICES
from pam_ros.robot.topics import DEMO_START
from pam_ros.share.commands import Parser
from pam_ros.share.errors import PamRosError
from pam_ros.share.folders import find_contract, share_directory
from pam_ros.sim.instructions import instruction
from pam_ros.sim.processes import Processes, Stop, own_domain
from pam_ros.sim.scene import OBJECTS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from pam_ros.nodes.demo.monitor import DemoMonitor, Progress

STARTUP_SECONDS = 600.0
FIRST_MAP_SECONDS = 120.0
"""The duration counts from the first map on, but for a machine that makes none in so long."""
MAPS_SECONDS = 30.0
"""So long the last ticks' maps may take to come."""
SHIPPED = ("act", "smolvla")
"""Policies that come with the package, as models/demo_NAME."""
_LINE = "\r\x1b[K" if sys.stdout.isatty() else "\n"


class DemoError(PamRosError):
    """The demo cannot go on; the sentence says why."""


def main(argv: Sequence[str]) -> int:
    """Run the demo; returns the exit status."""
    options = _parser().parse_args(argv)
    if options.policy in SHIPPED:
        options.policy = str(share_directory() / "models" / f"demo_{options.policy}")
    if options.instruction and not reads_words(options.policy):
        raise DemoError(f"--instruction is for a policy that reads words; {options.policy} is none")
    domain = own_domain(options.domain)
    out = Path(options.out)
    stop = Stop()
    _clear(out)
    sys.stdout.write(
        f"DDS domain {domain}, this machine only; to look on from a ROS 2 shell:\n"
        f"  export ROS_DOMAIN_ID={domain} ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST\n"
    )
    if not _record(options, out, stop):
        sys.stderr.write("stopped before the robot had started\n")
        return 130
    _finish(out)
    if not options.headless:
        _show(out)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="pam_ros demo", description=__doc__)
    parser.add_argument("--duration", type=float, default=30.0, help="seconds of motion")
    parser.add_argument("--out", default="out/demo", help="folder for bag, video, sheet, summary")
    parser.add_argument(
        "--headless", type=int, default=1, help="0 opens the video at the end, on a desktop"
    )
    parser.add_argument(
        "--domain", type=int, default=None, help="ROS_DOMAIN_ID, to look on with ROS 2 tools"
    )
    parser.add_argument(
        "--policy",
        default="act",
        help=f"one of {', '.join(SHIPPED)}, which come along, or a checkpoint; act",
    )
    parser.add_argument(
        "--instruction", default="", help="of a policy that reads words, what it is told at first"
    )
    parser.add_argument("--seed", type=int, default=1000, help="of the first scene")
    parser.add_argument(
        "--live",
        type=int,
        default=1,
        help="0: without the page of the running demo, `pam_ros live`",
    )
    parser.add_argument(
        "--method", choices=CHOICES, help="attention_method of the policy's node; else as demo.yaml"
    )
    return parser


def _clear(out: Path) -> None:
    """Remove what an earlier demo left in the folder, and nothing else."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        if (out / "bag" / "metadata.yaml").is_file():
            shutil.rmtree(out / "bag")
        for name in ("demo.mp4", "sheet.png", "summary.json"):
            (out / name).unlink(missing_ok=True)
        (out / "logs").mkdir(exist_ok=True)
    except OSError as error:
        raise DemoError(f"cannot write to {out}: {error}") from error
    if (out / "bag").exists():
        raise DemoError(f"{out / 'bag'} is there and is no finished recording: remove or rename it")


def _record(options: argparse.Namespace, out: Path, stop: Stop) -> bool:
    """Run the nodes for the duration; False where it was stopped before they were connected."""
    import rclpy  # noqa: PLC0415  (only now is it in place everywhere)
    from rclpy.signals import SignalHandlerOptions  # noqa: PLC0415

    from pam_ros.nodes.demo.monitor import DemoMonitor  # noqa: PLC0415
    from pam_ros.nodes.demo.result_listener import SpinningNode  # noqa: PLC0415

    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    processes = Processes(out / "logs")
    monitor = DemoMonitor(robot_listens=reads_words(options.policy))
    spinning = SpinningNode(monitor)
    live = None
    try:
        live = start_page(out) if options.live else None
        processes.start(
            "act_attention",
            params_file=share_directory() / "config" / "demo.yaml",
            policy=options.policy,
            contract=find_contract("demo_arm"),
            enabled=True,
            torch_threads=max(1, min(2, os.cpu_count() or 1)),
            **_of_policy(options),
        )
        processes.start(
            "demo_robot",
            seed=options.seed,
            wait_for_start=True,
            follows_words=reads_words(options.policy),
        )
        processes.start("recorder", bag=out / "bag", overlays=True)
        # For RViz: it subscribes to nothing until somebody looks.
        processes.start("displays", contract=find_contract("demo_arm"))
        if not _connect(monitor, processes, stop):
            return False
        teller = Teller(monitor.instruct, typed_words()) if reads_words(options.policy) else None
        if teller is not None:
            sys.stdout.write("type what the arm is to do, such as: reach the blue cube\n")
        pace = None
        if options.method is None and teller is None:
            pace = Pace(monitor.show, lambda line: sys.stdout.write(f"\n{line}\n"))
        _await_first_map(monitor.progress, processes, stop)
        _watch(monitor, processes, options.duration, stop, teller, pace)
        processes.stop("demo_robot")
        _await_maps(monitor.progress)
    finally:
        try:
            if live is not None:
                live.close()
        finally:
            # Robot first: then no tick is under way when the recorder closes.
            processes.stop("demo_robot")
            time.sleep(0.5)
            processes.stop("recorder")
            processes.stop("act_attention")
            processes.stop_all()
            spinning.close()
    return True


def _of_policy(options: argparse.Namespace) -> dict[str, object]:
    """Parameters of the node that depend on the policy and what is to be seen of it."""
    if reads_words(options.policy):
        given = {"instruction": options.instruction or instruction(OBJECTS[0])}
        return {**given, **_shown(options.method or CROSS_ATTENTION)}
    return {**_fastest(), **_shown(options.method)}


def _fastest() -> dict[str, object]:
    """Parameters that leave the maps as much of the machine as can be."""
    if find_spec("openvino") is None:
        return {}
    # In bfloat16 where the CPU has it, else in float32.
    return {"engine": "openvino", "dtype": "bfloat16"}


def _shown(method: str | None) -> dict[str, object]:
    """Parameters of a method: the layer and the head in demo.yaml are for that of the file."""
    if method is None:
        return {}
    return {"attention_method": method, "attention_layer": -1, "attention_head": "mean"}


def _connect(monitor: DemoMonitor, processes: Processes, stop: Stop) -> bool:
    end = time.monotonic() + STARTUP_SECONDS
    sys.stdout.write("starting robot, policy and recorder ...\n")
    while True:
        if stop.asked:
            return False
        processes.check()
        missing = monitor.missing()
        if not missing:
            break
        if time.monotonic() > end:
            raise DemoError(f"not connected after {STARTUP_SECONDS:.0f} s: {', '.join(missing)}")
        time.sleep(0.1)
    if not monitor.start_robot(timeout=30.0):
        raise DemoError(f"the robot did not answer {DEMO_START}")
    return True


def _watch(
    monitor: DemoMonitor,
    processes: Processes,
    duration: float,
    stop: Stop,
    teller: Teller | None,
    pace: Pace | None,
) -> None:
    begin = time.monotonic()
    shown = 0.0
    while (passed := time.monotonic() - begin) < duration and not stop.asked:
        processes.check()
        if teller is not None:
            teller.look(passed)
        if pace is not None:
            progress = monitor.progress
            pace.look(passed, progress.ticks, progress.ticks - progress.invalid)
        if passed - shown >= 1.0:
            shown = passed
            sys.stdout.write(_LINE + _progress_line(monitor, passed, duration))
            sys.stdout.flush()
        time.sleep(0.05)
    sys.stdout.write("\nstopping the robot, closing the recording, making the video ...\n")


def _await_first_map(progress: Progress, processes: Processes, stop: Stop) -> None:
    """Until something is to be seen: on a slow machine a first tick takes its time."""
    end = time.monotonic() + FIRST_MAP_SECONDS
    while not progress.ticks and not stop.asked and time.monotonic() < end:
        processes.check()
        time.sleep(0.05)


def _await_maps(progress: Progress) -> None:
    """Until each tick has its map: on a slow machine a contribution takes its time."""
    end = time.monotonic() + MAPS_SECONDS
    # The first report may have been on its way when the robot ended.
    enough = progress.reports + 2
    while time.monotonic() < end:
        if progress.reports >= enough and progress.ticks >= progress.reported_ticks:
            return
        time.sleep(0.05)


def _progress_line(monitor: DemoMonitor, passed: float, duration: float) -> str:
    progress = monitor.progress
    return (
        f"{passed:4.0f}/{duration:.0f} s  tick {progress.ticks:4}  {progress.rate_hz():4.1f} Hz  "
        f"image to map {progress.latency() * 1e3:3.0f} ms  "
        f"reached {progress.successes} of {progress.episodes}  looks at {progress.looks_at}"
    )


def _finish(out: Path) -> None:
    from pam_ros.bags import BagError  # noqa: PLC0415
    from pam_ros.bags.contact_sheet import write_contact_sheet  # noqa: PLC0415
    from pam_ros.bags.summary import summarise  # noqa: PLC0415
    from pam_ros.bags.video import write_video  # noqa: PLC0415

    bag = out / "bag"
    try:
        summary = summarise(bag)
        (out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
        write_video(bag, out / "demo.mp4")
        write_contact_sheet(bag, out / "sheet.png")
    except BagError as error:
        raise DemoError(f"{error}; the nodes' logs are in {out / 'logs'}") from error
    latency = summary["latency_ms"]["observation_to_command_p50"]
    shown = summary["attention_maps"] - summary["invalid_maps"]
    sys.stdout.write(
        f"{summary['ticks']} ticks at {summary['rate_hz']:.1f} Hz, "
        f"{summary['successes']} of {summary['episodes']} objects reached{_given_up(summary)}, "
        f"observation to command {'none' if latency is None else f'{latency:.0f} ms'} (median), "
        f"a map on {shown} ticks\n"
        f"  {out}/demo.mp4      cameras and heat side by side\n"
        f"  {out}/sheet.png     moments at a glance\n"
        f"  {out}/bag           mcap recording for ros2 bag\n"
        f"  {out}/summary.json  the figures\n"
    )


def _given_up(summary: dict[str, Any]) -> str:
    count = summary.get("interrupted", 0)
    return f" ({count} more given up for other words)" if count else ""


def _show(out: Path) -> None:
    opener = shutil.which("xdg-open")
    if opener and (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        subprocess.run([opener, str(out / "demo.mp4")], check=False)
