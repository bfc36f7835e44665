# SPDX-License-Identifier: Apache-2.0
"""docs/embedded.md: the tables of the middleware benchmark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bench.estimates import ratio_of_medians

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_Samples = list[dict[str, Any]]

_HEAD = """# The embedded runtime beside rclpy

`python -m bench.embedded` measures this and writes this page from
`bench/results/embedded/latency.json`; `PAM_ROS_ROS2_SETUP=/opt/ros/jazzy/setup.bash` before it
adds the rclpy of that ROS 2, with each rmw that it has.

A talker and a listener in two processes on the loopback interface, one subscription, reliable. Each
pair works alone for a few seconds per round, in a new random order each round, while the others
sleep. Latency is from just before `publish()` to the first line of the listener's callback:
serialising, DDS, waking up, deserialising and dispatch by a SingleThreadedExecutor. Medians are
over the rounds' medians, with the smallest and the largest of these; the ratio to the embedded
runtime has its 95% bootstrap interval over rounds; p99 is the median of the rounds' 99th
percentiles. CPU time is that of both processes, all threads, per message sent.
"""
_TITLES = {
    "image_60hz": "Image, 640x480 rgb8 at 60 Hz, depth 5",
    "joint_state_1khz": "JointState, 7 joints at 1 kHz, depth 10",
    "image_flat_out": "Image, 640x480 rgb8, one after the other, depth 5",
    "joint_state_flat_out": "JointState, 7 joints, one after the other, depth 10",
}
_IMAGE_MB = 640 * 480 * 3 * 1e-6


def document(result: Mapping[str, Any]) -> str:
    """The page."""
    parts = [_HEAD, "## Where\n", f"- {_where(result)}"]
    parts += [f"- {result['remark']}", ""] if result.get("remark") else [""]
    for key, title in _TITLES.items():
        samples = {
            runtime: workloads[key]
            for runtime, workloads in result["samples"].items()
            if workloads.get(key)
        }
        if samples:
            table = _throughput if key.endswith("flat_out") else _latency
            parts += [f"## {title}\n", *table(result["runtimes"], samples), ""]
    parts.append(_others(result))
    return "\n".join(parts) + "\n"


def _where(result: Mapping[str, Any]) -> str:
    machine = result["machine"]
    versions = machine["versions"]
    kept = [f"{name} {versions[name]}" for name in ("cyclonedds", "numpy") if name in versions]
    buffer = f"net.core.rmem_max {result['rmem_max']}" if result["rmem_max"] else ""
    known = [
        f"{machine['cpu']}, {machine['cpus']} CPUs, {machine['memory_gib']} GiB",
        machine["system"],
        f"Python {machine['python']}",
        *kept,
        buffer,
    ]
    return ", ".join(part for part in known if part) + "."


def _median(samples: _Samples, of: Callable[[dict[str, Any]], float]) -> float:
    return float(np.median([of(sample) for sample in samples]))


def _processor(samples: _Samples) -> str:
    used = _median(samples, lambda s: 1e3 * (s["talker_cpu"] + s["listener_cpu"]) / s["sent"])
    return f"{used:.2f}"


def _lost(samples: _Samples) -> str:
    sent = sum(sample["sent"] for sample in samples)
    return f"{sent - sum(sample['received'] for sample in samples)} of {sent}"


def _ratio(samples: Sequence[float], reference: Sequence[float] | None) -> str:
    if reference is None or len(reference) != len(samples):
        return ""
    ratio = ratio_of_medians(samples, reference)
    return f"{ratio.value:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]"


def _latency(labels: Mapping[str, str], samples: Mapping[str, _Samples]) -> list[str]:
    rows = [
        "|  | Median [ms] | Rounds | p99 [ms] | Largest [ms] | Lost | CPU [ms/message] | Ratio |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    reference = None
    for key, each in samples.items():
        medians = [sample["median_ms"] for sample in each]
        reference = medians if key == "embedded" else reference
        ratio = "1" if key == "embedded" else _ratio(medians, reference)
        rows.append(
            f"| {labels[key]} | {np.median(medians):.2f} | {min(medians):.2f} to "
            f"{max(medians):.2f} | {_median(each, lambda s: s['p99_ms']):.2f} | "
            f"{max(s['largest_ms'] for s in each):.1f} | {_lost(each)} | {_processor(each)} | "
            f"{ratio} |"
        )
    return rows


def _throughput(labels: Mapping[str, str], samples: Mapping[str, _Samples]) -> list[str]:
    image = next(iter(samples.values()))[0]["sent"] < 1000
    megabytes = " | Received [MB/s]" if image else ""
    rows = [
        f"|  | Sent [1/s] | Received [1/s]{megabytes} | Lost | CPU [ms/message] |",
        f"| --- | --- | ---{' | ---' if image else ''} | --- | --- |",
    ]
    for key, each in samples.items():
        sent = _median(each, lambda s: s["sent"] / s["send_seconds"])
        received = _median(each, lambda s: s["received"] / max(s["receive_seconds"], 1e-9))
        cells = [f"{sent:.0f}", f"{received:.0f}"]
        cells += [f"{received * _IMAGE_MB:.0f}"] if image else []
        rows.append(f"| {labels[key]} | {' | '.join(cells)} | {_lost(each)} | {_processor(each)} |")
    return rows


def _others(result: Mapping[str, Any]) -> str:
    shares = [
        sample["others"]
        for workloads in result["samples"].values()
        for samples in workloads.values()
        for sample in samples
    ]
    rounds = max(len(s) for w in result["samples"].values() for s in w.values())
    return (
        f"{rounds} rounds. While a pair worked, other programs had a median of "
        f"{np.median(shares):.0%} of the processors, {max(shares):.0%} at most."
    )
