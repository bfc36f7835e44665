# SPDX-License-Identifier: Apache-2.0
"""Latency and throughput of the embedded runtime, beside real rclpy where there is one.

    python -m bench.embedded

A talker and a listener, two processes, for each runtime: the embedded one, and where
PAM_ROS_ROS2_SETUP names the setup file of a ROS 2, that one's rclpy with each rmw that it has. All
stay up for the whole run, each pair in a DDS domain of its own on the loopback interface; one pair
works at a time, in a new random order each round. Writes bench/results/embedded/latency.json
and docs/embedded.md.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench import machine
from bench.disturbance import Disturbance
from bench.embedded_page import document

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).parents[1]
PEER = Path(__file__).with_name("embedded_peer.py")
FIRST_DOMAIN = 131
SETTLE_SECONDS = 0.5
"""After the last message was published, for what is still on its way."""
RMWS = {"rmw_cyclonedds_cpp": "rclpy, Cyclone DDS", "rmw_fastrtps_cpp": "rclpy, Fast DDS"}
OF_ROS = ("ROS_", "AMENT_", "COLCON_", "RMW_", "CYCLONEDDS_", "PYTHONPATH", "LD_LIBRARY_PATH")


@dataclass(frozen=True)
class Workload:
    """What the talker does in one round; a rate of 0 is as fast as it can."""

    key: str
    topic: str
    rate: float
    count: int


WORKLOADS = (
    Workload("image_60hz", "image", 60.0, 240),
    Workload("joint_state_1khz", "joint_state", 1000.0, 2000),
    Workload("image_flat_out", "image", 0.0, 200),
    Workload("joint_state_flat_out", "joint_state", 0.0, 5000),
)


@dataclass(frozen=True)
class Runtime:
    """An rclpy: the command that starts Python there, and its environment."""

    key: str
    label: str
    python: tuple[str, ...]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Sample:
    """One workload on one runtime in one round; others: processors' share of other programs."""

    sent: int
    received: int
    median_ms: float
    p99_ms: float
    largest_ms: float
    send_seconds: float
    receive_seconds: float
    talker_cpu: float
    listener_cpu: float
    others: float


class Pair:
    """A talker and a listener of one runtime."""

    def __init__(self, runtime: Runtime, domain: int) -> None:
        environment = {
            **runtime.environment,
            "ROS_DOMAIN_ID": str(domain),
            "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        }
        kind = "embedded" if runtime.key == "embedded" else "ros2"
        self._listener, self._talker = (
            subprocess.Popen(
                [*runtime.python, str(PEER), role, kind], env=environment, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )
            for role in ("listener", "talker")
        )  # fmt: skip

    def __enter__(self) -> Pair:
        return self

    def __exit__(self, *_: object) -> None:
        for process in (self._talker, self._listener):
            assert process.stdin is not None
            with suppress(BrokenPipeError):  # it has ended already
                process.stdin.close()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    @staticmethod
    def _ask(process: subprocess.Popen[str], question: Mapping[str, Any]) -> dict[str, Any]:
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(BrokenPipeError):  # it has ended: there is no line either
            process.stdin.write(json.dumps(question) + "\n")
            process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"a peer ended: {process.args!r}")
        answer: dict[str, Any] = json.loads(line)
        if "problem" in answer:
            raise RuntimeError(answer["problem"])
        return answer

    def run(self, workload: Workload) -> Sample:
        """Let the talker work, and ask the listener what it heard."""
        start, disturbance = time.monotonic(), Disturbance()
        sent = self._ask(self._talker, asdict(workload))
        time.sleep(SETTLE_SECONDS)
        share = disturbance.share() or 0.0
        seconds = time.monotonic() - start
        heard = self._ask(self._listener, {})
        numbers = heard["numbers"]
        if len(set(numbers)) != len(numbers):
            raise RuntimeError("a message was heard twice")
        latencies = np.asarray(heard["latencies_ms"] or [np.nan])
        own = (sent["cpu"] + heard["cpu"]) / (seconds * (os.cpu_count() or 1))
        return Sample(
            sent=sent["sent"],
            received=len(numbers),
            median_ms=float(np.median(latencies)),
            p99_ms=float(np.quantile(latencies, 0.99)),
            largest_ms=float(latencies.max()),
            send_seconds=sent["seconds"],
            receive_seconds=heard["seconds"],
            talker_cpu=sent["cpu"],
            listener_cpu=heard["cpu"],
            others=max(share - own, 0.0),
        )


def runtimes() -> list[Runtime]:
    """The embedded one, and those of the ROS 2 that PAM_ROS_ROS2_SETUP names."""
    plain = {key: value for key, value in os.environ.items() if not key.startswith(OF_ROS)}
    embedded = {**plain, "PYTHONPATH": str(ROOT)}
    found = [Runtime("embedded", "embedded", (sys.executable,), embedded)]
    setup = os.environ.get("PAM_ROS_ROS2_SETUP")
    if not setup:
        return found
    done = subprocess.run(
        ["/bin/bash", "-c", '. "$0" >/dev/null && env -0', setup],
        env=plain, capture_output=True, check=True, text=True,
    )  # fmt: skip
    # Where Cyclone DDS needs to be told to keep to loopback, the user's configuration does it.
    configuration = {k: v for k, v in os.environ.items() if k == "CYCLONEDDS_URI"}
    sourced = dict(line.split("=", 1) for line in done.stdout.split("\0") if "=" in line)
    for key, label in RMWS.items():
        prefixes = sourced.get("AMENT_PREFIX_PATH", "").split(":")
        index = "share/ament_index/resource_index/packages"
        if any(Path(prefix, index, key).is_file() for prefix in prefixes):
            environment = {**sourced, **configuration, "RMW_IMPLEMENTATION": key}
            python = ("/usr/bin/env", "python3")
            found.append(Runtime(key, label, python, environment))
    return found


def measure(
    chosen: Sequence[Runtime], workloads: Sequence[Workload], rounds: int, seed: int = 0
) -> dict[str, dict[str, list[Sample]]]:
    """Samples by runtime and workload; a round before the first one warms up and is not kept."""
    order = random.Random(seed)  # noqa: S311  (no secret)
    samples: dict[str, dict[str, list[Sample]]] = {
        runtime.key: {workload.key: [] for workload in workloads} for runtime in chosen
    }
    with ExitStack() as stack:
        pairs = {
            runtime.key: stack.enter_context(Pair(runtime, FIRST_DOMAIN + index))
            for index, runtime in enumerate(chosen)
        }
        for turn in range(rounds + 1):
            for key in order.sample(list(pairs), len(pairs)):
                for workload in workloads:
                    sample = pairs[key].run(workload)
                    if turn:
                        samples[key][workload.key].append(sample)
    return samples


def result(
    chosen: Sequence[Runtime], samples: Mapping[str, Mapping[str, Sequence[Sample]]]
) -> dict[str, Any]:
    """What the file holds."""
    return {
        "machine": machine.describe("cpu"),
        "rmem_max": _receive_buffer(),
        "runtimes": {runtime.key: runtime.label for runtime in chosen},
        "samples": {
            key: {name: [asdict(sample) for sample in each] for name, each in workloads.items()}
            for key, workloads in samples.items()
        },
    }


def _receive_buffer() -> int | None:
    file = Path("/proc/sys/net/core/rmem_max")
    return int(file.read_text()) if file.is_file() else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and write the file and the page."""
    parser = argparse.ArgumentParser(prog="bench.embedded", description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--table", action="store_true", help="only write the page")
    default = ROOT / "bench" / "results" / "embedded" / "latency.json"
    parser.add_argument("--result", type=Path, default=default)
    parser.add_argument("--remark", default="", help="what else to know of the ROS 2, for the page")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "embedded.md")
    options = parser.parse_args(arguments)
    if not options.table:
        chosen = runtimes()
        measured = result(chosen, measure(chosen, WORKLOADS, options.rounds))
        measured["remark"] = options.remark
        options.result.parent.mkdir(parents=True, exist_ok=True)
        options.result.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
        print(options.result)
    measured = json.loads(options.result.read_text(encoding="utf-8"))
    options.page.write_text(document(measured), encoding="utf-8")
    print(options.page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
