# SPDX-License-Identifier: Apache-2.0
"""Kills a recording sae_recorder (kill -9) at random moments, repairs its bag, counts what is lost.

python -m bench.kills                    100 kills, mcap and sqlite3 in turn
python -m bench.kills --ros2 SETUP.sh    and asks `ros2 bag info` about the bags

Each recorder is a process of its own, forked from one that has the libraries loaded, so that a
hundred of them do not load torch a hundred times.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.random_sae import write_random_sae
from bench.sidecar_processes import (
    FEATURES_TOPIC,
    MAP_TOPICS,
    node_arguments,
    own_domain,
    start_source,
)
from bench.token_source import LAYER, POLICY_SHA256

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH, TOKENS = 64, 66
_WITH_MESSAGES = {"mcap": 4000, "sqlite3": 120_000}
"""Bytes of a bag that is more than its header, or its empty tables."""


@dataclass(frozen=True)
class Kill:
    """One recorder's end.

    after_s: from the wait's end to the kill. readable: repaired and read; false too where nothing
    is left, or the recorder had ended by itself. messages: in the repaired bag, of all topics.
    lost_s: from the oldest message that is missing to the kill, at the source's rate. gaps:
    messages missing between the first and the last one in the bag, without the ticks that never
    reached the encoder. ros2: whether `ros2 bag info` agrees.
    """

    storage: str
    after_s: float
    readable: bool
    messages: int
    lost_s: float
    gaps: int
    ros2: bool | None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the status is 1 where a recorder or its bag failed."""
    options = _parser().parse_args(arguments)
    own_domain()
    _load()
    chance = random.Random(options.seed)  # noqa: S311  (moments, not secrets)
    source = start_source(options.rate, 86400, TOKENS, WIDTH)
    kills: list[Kill] = []
    stood_still = 0
    try:
        with tempfile.TemporaryDirectory(prefix="kills-", dir=options.scratch) as name:
            write_random_sae(Path(name) / "sae", POLICY_SHA256, LAYER, WIDTH, 256, 8)
            time.sleep(3.0)
            while len(kills) < options.kills and stood_still <= options.kills:
                kill = one(options, Path(name), len(kills), chance)
                if kill is None:
                    stood_still += 1
                    continue
                kills.append(kill)
                print(len(kills), asdict(kill), file=sys.stderr, flush=True)
    finally:
        source.terminate()
        source.wait()
    figures = {**summary(kills), "repeated": stood_still}
    print(json.dumps(figures, indent=2))
    if options.json:
        rows = [asdict(kill) for kill in kills]
        options.json.write_text(json.dumps({**figures, "each": rows}, indent=1) + "\n")
    return int(len(kills) < options.kills or any(failed(kill) for kill in kills))


def failed(kill: Kill) -> bool:
    """Whether a bag is not readable or empty, lost more than a second, or has a gap."""
    return not kill.readable or kill.lost_s > 1.0 or kill.gaps != 0


def one(
    options: argparse.Namespace, folder: Path, number: int, chance: random.Random
) -> Kill | None:
    """One recorder from its start to its repaired bag.

    None where it did not begin in half a minute, or this process itself was held up for half a
    second: then the recorder was too, and what it did not hear is not what the kill has cost.
    """
    from pam_ros.bags import BagError, repair  # noqa: PLC0415

    storage = ("mcap", "sqlite3")[number % 2]
    bag = folder / f"bag{number}"
    process = _fork(folder / "sae", bag, storage)
    # Every fifth one from the bag's first byte, the others from its first message.
    filled = number % 5 != 4
    begun = _wait_for_bytes(bag, _WITH_MESSAGES[storage] if filled else 1)
    begin = time.time()
    slept = _sleep(chance.uniform(0.0, options.longest))
    ended, status = os.waitpid(process, os.WNOHANG)
    if ended:
        print(f"a recorder ended by itself, with wait status {status}", file=sys.stderr)
        shutil.rmtree(bag, ignore_errors=True)
        return Kill(storage, 0.0, False, 0, 0.0, 0, None)
    os.kill(process, signal.SIGKILL)
    killed_ns = time.time_ns()
    os.waitpid(process, 0)
    if not (begun and slept):
        shutil.rmtree(bag, ignore_errors=True)
        return None
    after_s = round(killed_ns * 1e-9 - begin, 3)
    try:
        repair(bag)
        messages, lost, gaps = _in_bag(bag, killed_ns, options.rate)
    except BagError as error:
        print(error, file=sys.stderr)
        return Kill(storage, after_s, False, 0, after_s, 0, None)
    asked = options.ros2 is not None and number % options.ros2_every == 0
    agrees = _ros2_agrees(options.ros2, bag, messages) if asked else None
    shutil.rmtree(bag)
    if filled and not messages:
        print("nothing is left of a bag that had messages", file=sys.stderr)
        return Kill(storage, after_s, False, 0, after_s, 0, agrees)
    return Kill(storage, after_s, True, messages, round(lost, 3), gaps, agrees)


def summary(kills: Sequence[Kill]) -> dict[str, Any]:
    """The figures of all kills. Bags in which nothing had arrived yet have nothing to lose."""
    filled = [kill for kill in kills if kill.messages or not kill.readable]
    lost = sorted(kill.lost_s for kill in filled)
    return {
        "kills": len(kills),
        "readable": sum(kill.readable for kill in kills),
        "with_messages": len(filled),
        "lost_s_median": lost[len(lost) // 2] if lost else None,
        "lost_s_max": lost[-1] if lost else 0.0,
        "gaps": sum(kill.gaps for kill in kills),
        "ros2_bag_info_agrees": sum(bool(kill.ros2) for kill in kills),
        "ros2_bag_info_asked": sum(kill.ros2 is not None for kill in kills),
        "after_s_longest": max(kill.after_s for kill in kills),
    }


def _sleep(seconds: float) -> bool:
    """Sleep in small steps; False where one of them took half a second."""
    end = time.monotonic() + seconds
    longest, last = 0.0, time.monotonic()
    while last < end:
        time.sleep(min(0.02, end - last))
        now = time.monotonic()
        longest, last = max(longest, now - last), now
    return longest < 0.5


def _load() -> None:
    """Import what the node needs; nothing here opens a DDS participant or starts a thread."""
    from pam_ros.share.folders import share_directory  # noqa: PLC0415
    from rclpy_cyclone import install  # noqa: PLC0415

    install(interfaces={"pam_ros": share_directory() / "msg"})
    import pam_ros.nodes.recorders.sae_node  # noqa: F401, PLC0415

    gc.freeze()


def _fork(sae: Path, bag: Path, storage: str) -> int:
    process = os.fork()
    if process:
        return process
    from pam_ros.nodes.recorders.sae_node import main as recorder  # noqa: PLC0415

    given = {"sae": sae, "bag": bag, "storage": storage, "split_seconds": 0.7}
    arguments = node_arguments({**given, "topics": MAP_TOPICS})
    os._exit(recorder(["sae_recorder", *arguments, "--log-level", "fatal"]))


def _wait_for_bytes(bag: Path, size: int, seconds: float = 30.0) -> bool:
    end = time.monotonic() + seconds
    while not bag.is_dir() or sum(file.stat().st_size for file in bag.iterdir()) < size:
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def _in_bag(bag: Path, killed_ns: int, rate: float) -> tuple[int, float, int]:
    """Messages, seconds lost before the kill, and ticks missing in between."""
    from pam_ros.bags import BagReader  # noqa: PLC0415

    total, lost, gaps = 0, 0.0, 0
    with BagReader(bag) as reader:
        ticks: list[int] = []
        never: list[int] = []
        last_ns: dict[str, int] = {}
        first_ns = 0
        for message in reader.messages():
            total += 1
            first_ns = first_ns or message.stamp_ns
            last_ns[message.topic] = message.stamp_ns
            if message.topic == FEATURES_TOPIC:
                features = reader.decode(message)
                ticks.append(int(features.tick))
                never.append(int(features.lost_ticks))
    if ticks:
        gaps = ticks[-1] - ticks[0] + 1 - len(ticks) - (never[-1] - never[0])
    if last_ns:
        # Of a topic of which nothing is there, all is missing since the bag's first message.
        oldest_ns = min(last_ns.get(topic, first_ns) for topic in (FEATURES_TOPIC, *MAP_TOPICS))
        # The first message that is missing was due one period after the last one that is there.
        lost = max(0.0, (killed_ns - oldest_ns) * 1e-9 - 1 / rate)
    return total, lost, gaps


def _ros2_agrees(setup: Path, bag: Path, messages: int) -> bool:
    done = subprocess.run(
        ["bash", "-c", f". '{setup}'; ros2 bag info '{bag}'"],  # noqa: S607
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    return any(line.split() == ["Messages:", str(messages)] for line in done.stdout.splitlines())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bench.kills",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--rate", type=float, default=30.0, help="ticks per second")
    parser.add_argument("--longest", type=float, default=4.0, help="seconds before a kill, at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ros2", type=Path, default=None, help="setup file of a ROS 2")
    parser.add_argument("--ros2-every", type=int, default=1, help="ask it of each n-th bag alone")
    parser.add_argument("--scratch", type=Path, default=None, help="where the bags are written")
    parser.add_argument("--json", type=Path, default=None, help="write the figures here too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
