# SPDX-License-Identifier: Apache-2.0
"""What a replay costs beside the policy's bare forward pass, and what memory it takes.

python bench/replay.py speed BAG [--batch 8] [--threads 2]
python bench/replay.py memory BAG [--times 10]
python bench/replay.py workers BAG [--times 3]
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pam_ros.attention.maps import ENCODER_ATTENTION
from pam_ros.attention.selection import selection
from pam_ros.bags import BagReader, BagWriter
from pam_ros.bags.messages import Messages
from pam_ros.observations.bag import BagSource
from pam_ros.observations.reading import Reading
from pam_ros.policy.abilities import Batching
from pam_ros.replay.one_bag import replay_bag
from pam_ros.replay.opening import load
from pam_ros.replay.settings import ReplaySettings
from pam_ros.robot.stamps import set_stamp, stamp_nanoseconds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pam_ros.policy.interface import Policy

POLICY = str(Path(__file__).parents[1] / "models" / "demo_act")


def observations(bag: Path, policy: Policy, limit: int) -> list[Mapping[str, Any]]:
    """What the policy reads in the first ticks of a bag."""
    frames = BagSource(policy, [bag], Reading()).frames(None)
    return [frame.observation for frame in islice(frames, limit)]


def speed(bag: Path, batch: int, threads: int, rounds: int) -> dict[str, Any]:
    """Ticks a second: bare forward passes of batches in memory, and replays, in turns."""
    settings = ReplaySettings(policy=POLICY, batch=batch, threads=threads, copy_topics=False)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        policy = load(settings)
        assert isinstance(policy, Batching)
        looks = [selection(ENCODER_ATTENTION, policy.spec, 0).look]
        batches = observations(bag, policy, batch * 4)
        prepared = [
            policy.prepare(batches[start : start + batch])
            for start in range(0, len(batches) - batch + 1, batch)
        ]
        policy.forward(prepared[0])
        bare, replayed = [], []
        for turn in range(rounds):
            begin, count = time.perf_counter(), 0
            while time.perf_counter() - begin < 10.0:
                policy.forward(prepared[count % len(prepared)], looks=looks)
                count += 1
            bare.append(count * batch / (time.perf_counter() - begin))
            report = replay_bag(bag, work / f"out{turn}", settings)
            replayed.append(report.ran / report.seconds)
    best = max(bare), max(replayed)
    return {
        "batch": batch, "threads": threads, "ticks": report.ran, "bare_per_s": bare,
        "replay_per_s": replayed, "ratio_of_best": best[1] / best[0],
    }  # fmt: skip


def longer(bag: Path, out: Path, times: int) -> None:
    """The raw topics of a bag, again and again, each time later."""
    messages = Messages()
    with BagReader(bag) as reader, BagWriter(out) as writer:
        topics = [t for t in reader.topics.values() if t.name.endswith(("image_raw", "_states"))]
        for topic in topics:
            writer.add_topic(topic.name, topic.type, definition=topic.definition)
        span = reader.end_ns - reader.start_ns + 100_000_000
        for turn in range(times):
            for message in reader.messages([topic.name for topic in topics]):
                decoded = messages.decode(message.data, message.type)
                stamp = stamp_nanoseconds(decoded.header.stamp)
                set_stamp(decoded.header.stamp, stamp + turn * span)
                data = messages.encode(decoded, message.type)
                writer.write(message.topic, data, message.stamp_ns + turn * span)


_PEAK = """
import resource, sys, json
from pathlib import Path
from pam_ros.replay.one_bag import replay_bag
from pam_ros.replay.settings import ReplaySettings
settings = ReplaySettings(policy=sys.argv[3], threads=2, overlays=True)
report = replay_bag(Path(sys.argv[1]), Path(sys.argv[2]), settings)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"ticks": report.ran, "peak_mib": peak / 1024}))
"""


def memory(bag: Path, times: int) -> dict[str, Any]:
    """Peak memory of replays of a bag and of one so many times as long, each in its process."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for count in (1, times):
            long = Path(folder) / f"long{count}"
            longer(bag, long, count)
            command = [sys.executable, "-c", _PEAK, str(long), f"{long}_out", POLICY]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found[f"times_{count}"] = json.loads(done.stdout.splitlines()[-1])
            shutil.rmtree(f"{long}_out")
    return found


def workers(bag: Path, times: int) -> dict[str, Any]:
    """Seconds for two long bags, with one worker and with two, one thread each."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        bags = Path(folder) / "bags"
        bags.mkdir()
        for name in ("a", "b"):
            longer(bag, bags / name, times)
        for count in (1, 2):
            out = Path(folder) / "out"
            command = [
                sys.executable, "-m", "pam_ros.cli", "replay", str(bags), "--out", str(out),
                "--policy", POLICY, "--threads", "1", "--workers", str(count), "--no-copy",
            ]  # fmt: skip
            begin = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            found.setdefault(f"workers_{count}_s", []).append(time.perf_counter() - begin)
            shutil.rmtree(out)
    found["speedup"] = min(found["workers_1_s"]) / min(found["workers_2_s"])
    return found


def main() -> None:
    """Print one measurement as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("speed", "memory", "workers"))
    parser.add_argument("bag", type=Path)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--times", type=int, default=10)
    options = parser.parse_args()
    if options.what == "speed":
        found = speed(options.bag, options.batch, options.threads, options.rounds)
    elif options.what == "memory":
        found = memory(options.bag, options.times)
    else:
        found = workers(options.bag, options.times)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
