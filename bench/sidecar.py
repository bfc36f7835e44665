# SPDX-License-Identifier: Apache-2.0
"""The sae_recorder beside a policy whose compute is left out: lost ticks, delay and CPU.

python -m bench.sidecar                 10 minutes at 30 Hz, 602 tokens of 512, 4,096 features
python -m bench.sidecar --seconds 10    the same, shorter
python -m bench.sidecar --stall 5       stops the sidecar for 5 s half-way: the source's view
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.random_sae import ARCHITECTURES, write_detector, write_random_sae
from bench.sidecar_processes import (
    FEATURES_TOPIC,
    MAP_TOPICS,
    own_domain,
    start_sidecar,
    start_source,
)
from bench.token_source import CAMERAS, LAYER, POLICY_SHA256

if TYPE_CHECKING:
    from collections.abc import Sequence

REPORTS_TOPIC = "/diagnostics"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the status is 1 where a tick is missing or invalid that should not be."""
    options = _parser().parse_args(arguments)
    own_domain()
    with tempfile.TemporaryDirectory(prefix="sidecar-", dir=options.scratch) as name:
        figures = measure(options, Path(name))
    print(json.dumps(figures, indent=2))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    wrong = [] if options.stall else shortcomings(figures)
    for sentence in wrong:
        print(sentence, file=sys.stderr)
    return int(bool(wrong))


def shortcomings(figures: dict[str, Any]) -> list[str]:
    """What a run without a stall must not show, in sentences."""
    features, lost = figures["features"], figures["lost_ticks"]
    due = figures["sent"]["ticks"] - figures["first_tick"]
    missing, invalid = figures["missing_in_bag"], features - figures["valid"]
    return [
        sentence
        for wrong, sentence in (
            (lost > 0, f"{lost} ticks lost"),
            (features != due, f"{features} features recorded of {due} ticks since the first"),
            (missing != 0, f"{missing} ticks missing between the first and the last in the bag"),
            (invalid != 0, f"{invalid} features invalid"),
        )
        if wrong
    ]


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """One run, from start to the finished bag."""
    write_random_sae(
        folder / "sae",
        POLICY_SHA256,
        LAYER,
        options.width,
        options.features,
        options.l0,
        options.architecture,
    )
    if options.detector:
        write_detector(folder / "sae", options.tokens, options.l0, CAMERAS)
    sidecar = start_sidecar(
        {
            "sae": folder / "sae",
            "bag": folder / "bag",
            "storage": options.storage,
            "torch_threads": options.threads,
            "topics": (*MAP_TOPICS, REPORTS_TOPIC),
        },
        stderr=subprocess.DEVNULL,
    )
    source: subprocess.Popen[str] | None = None
    try:
        _wait_for(folder / "bag", sidecar)
        time.sleep(3.0)
        source = start_source(options.rate, options.seconds, options.tokens, options.width)
        cpu, begin = _cpu_seconds(sidecar.pid), time.monotonic()
        if options.stall:
            time.sleep(options.seconds / 2)
            sidecar.send_signal(signal.SIGSTOP)
            time.sleep(options.stall)
            sidecar.send_signal(signal.SIGCONT)
        sent = json.loads(source.communicate(timeout=options.seconds + 120)[0])
        cpu, passed = _cpu_seconds(sidecar.pid) - cpu, time.monotonic() - begin
        time.sleep(1.0)
        load = os.getloadavg()[1]
    finally:
        for process in (source, sidecar):
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(30)
    settings = ("architecture", "rate", "tokens", "width", "threads", "storage", "detector")
    return {
        **{name: getattr(options, name) for name in settings},
        "dictionary_size": options.features,
        "cores": os.cpu_count(),
        "load_5_minutes": round(load, 2),
        "stalled_seconds": options.stall,
        "sent": sent,
        "cpu_share_of_one_core": round(cpu / passed, 3),
        **_in_bag(folder / "bag"),
    }


def _in_bag(bag: Path) -> dict[str, Any]:
    """Ticks, losses and delays as the recording has them."""
    from pam_ros.bags import BagReader  # noqa: PLC0415

    ticks, delays, l0, lost, valid, scored = [], [], [], 0, 0, 0
    with BagReader(bag) as reader:
        for message in reader.messages([FEATURES_TOPIC]):
            features = reader.decode(message)
            stamp = features.header.stamp
            ticks.append(int(features.tick))
            delays.append((message.stamp_ns - stamp.sec * 10**9 - stamp.nanosec) * 1e-6)
            l0.append(float(features.l0))
            valid += bool(features.valid)
            scored += bool(np.isfinite(features.ood_score))
            lost = int(features.lost_ticks)
        statuses = [
            reader.decode(message).status[0] for message in reader.messages([REPORTS_TOPIC])
        ]
        # But for "Node starting up", which has no values.
        reports = [{pair.key: pair.value for pair in one.values} for one in statuses if one.values]
        counts = {name: topic.count for name, topic in reader.topics.items()}
        size = sum(file.stat().st_size for file in bag.iterdir())
    p50, p99, largest = np.percentile(delays, [50, 99, 100])
    return {
        "first_tick": ticks[0],
        "features": len(ticks),
        "valid": valid,
        "scored": scored,
        "lost_ticks": lost,
        "missing_in_bag": ticks[-1] - ticks[0] + 1 - len(set(ticks)),
        "l0": round(float(np.nanmean(l0)), 1),
        "encode_ms": _encode_times(reports),
        "longest_queue": int(reports[-1]["longest_queue"]),
        "delay_ms": {"p50": round(p50, 1), "p99": round(p99, 1), "max": round(largest, 1)},
        "recorded": counts,
        "bag_megabytes": round(size / 1e6, 1),
    }


def _encode_times(reports: Sequence[dict[str, str]]) -> dict[str, float]:
    """Of the node's own reports, each over its last 10 s at 30 Hz: encoded, published, recorded."""
    p50, p99 = (
        np.array([float(report[f"encode_ms_{name}"]) for report in reports])
        for name in ("p50", "p99")
    )
    return {
        "p50": round(float(np.nanmedian(p50)), 1),
        "p99": round(float(np.nanmedian(p99)), 1),
        "worst_p99": round(float(np.nanmax(p99)), 1),
    }


def _wait_for(bag: Path, process: subprocess.Popen[str], seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not bag.exists():
        if process.poll() is not None or time.monotonic() > end:
            raise SystemExit(f"the sidecar did not start (status {process.returncode})")
        time.sleep(0.1)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bench.sidecar",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rate", type=float, default=30.0, help="ticks per second")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--tokens", type=int, default=602)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--features", type=int, default=4096)
    parser.add_argument("--architecture", choices=ARCHITECTURES, default="topk", help="of the SAE")
    parser.add_argument("--l0", type=float, default=16.0, help="active features per token")
    parser.add_argument("--threads", type=int, default=1, help="of torch in the sidecar")
    parser.add_argument(
        "--detector",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="score every tick against a training set too",
    )
    parser.add_argument("--storage", choices=("mcap", "sqlite3"), default="mcap")
    parser.add_argument("--stall", type=float, default=0.0, help="seconds to stop the sidecar for")
    parser.add_argument("--scratch", type=Path, default=None, help="where the bag is written")
    parser.add_argument("--json", type=Path, default=None, help="write the figures here too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
