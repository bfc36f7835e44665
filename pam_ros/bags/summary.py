# SPDX-License-Identifier: Apache-2.0
"""The figures of a recorded run, from what is in its bag."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pam_ros.bags.command_latency import Ran, command_latencies, ran
from pam_ros.bags.errors import BagError
from pam_ros.bags.reader import BagReader
from pam_ros.bags.tick_order import Arrived, in_tick_order
from pam_ros.robot.stamps import stamp_nanoseconds
from pam_ros.robot.topics import ATTENTION, DEMO_RESULT, JOINT_COMMANDS

if TYPE_CHECKING:
    from pathlib import Path

    from pam_ros.message_types.builtin_interfaces import Time
    from pam_ros.message_types.diagnostic_msgs import DiagnosticArray
    from pam_ros.message_types.pam_ros import AttentionMap

ATTENTION_TYPE = "pam_ros/msg/AttentionMap"
_MS = 1e3


class _Recorded(NamedTuple):
    arrived: Arrived
    ran: Ran


@dataclass
class _Totals:
    """What one pass over the bag collects. Maps' stamps in seconds, commands' in nanoseconds."""

    ticks: list[int] = field(default_factory=list)
    stamps: dict[int, list[float]] = field(default_factory=dict)
    ran: list[_Recorded] = field(default_factory=list)
    forward: list[float] = field(default_factory=list)
    invalid: int = 0
    skipped: int = 0
    commands: list[int] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)
    reported_ticks: int = 0


def summarise(
    bag: Path,
    attention_topic: str = ATTENTION,
    command_topic: str = JOINT_COMMANDS,
    result_topic: str = DEMO_RESULT,
) -> dict[str, Any]:
    """Ticks, rates, counts and latencies of a run.

    ``ticks`` is what the attention node itself counted on /diagnostics, so that a lost AttentionMap
    shows as a difference; without /diagnostics, what the tick numbers span. ``rate_hz`` is the
    mean over the time in which episodes ran. Latencies in milliseconds: ``policy_p50`` is the
    forward pass; observation to command is from the observation's stamp to the command's.

    Raises:
        BagError: the bag lacks the attention topic, or is damaged.
    """
    with BagReader(bag) as reader:
        if attention_topic not in reader.topics:
            names = ", ".join(sorted(reader.topics)) or "no topic at all"
            raise BagError(f"bag {bag} has no {attention_topic} (it has {names})")
        overlays = {
            _camera(topic): info.count
            for topic, info in sorted(reader.topics.items())
            if "/attention/" in topic and topic.endswith("/image")
        }
        seen = _Totals()
        wanted = {attention_topic, command_topic, result_topic, "/diagnostics"} & set(reader.topics)
        for message in reader.messages(wanted):
            decoded = reader.decode(message)
            if message.topic == attention_topic:
                _take_map(seen, decoded, message.stamp_ns)
            elif message.topic == command_topic:
                seen.commands.append(stamp_nanoseconds(decoded.header.stamp))
            elif message.topic == result_topic:
                seen.results.append(json.loads(decoded.data))
            else:
                seen.reported_ticks = max(seen.reported_ticks, _reported_ticks(decoded))
    spanned = max(seen.ticks) - min(seen.ticks) + 1 if seen.ticks else 0
    to_command = _observation_to_command(seen)
    # By other words: neither reached nor missed.
    ended = [result for result in seen.results if not result.get("interrupted")]
    interrupted = len(seen.results) - len(ended)
    return {
        "ticks": max(seen.reported_ticks, spanned),
        "rate_hz": _rate(seen),
        "commands": len(seen.commands),
        "attention_maps": len(seen.ticks),
        "overlays": overlays,
        "invalid_maps": seen.invalid,
        "inference_skipped": seen.skipped,
        "episodes": len(ended),
        "successes": sum(bool(result["success"]) for result in ended),
        **({"interrupted": interrupted} if interrupted else {}),
        "latency_ms": {
            "policy_p50": _milliseconds(seen.forward, 50),
            "observation_to_command_p50": _milliseconds(to_command, 50),
            "observation_to_command_p99": _milliseconds(to_command, 99),
        },
    }


def _take_map(seen: _Totals, message: AttentionMap, received_ns: int) -> None:
    stamp = _seconds(message.header.stamp)
    seen.ticks.append(int(message.tick))
    seen.stamps.setdefault(int(message.episode), []).append(stamp)
    seen.invalid += not message.valid
    seen.skipped += bool(message.inference_skipped)
    if message.forward_seconds > 0:
        seen.forward.append(float(message.forward_seconds))
    stamp_ns = stamp_nanoseconds(message.header.stamp)
    arrived = Arrived(int(message.tick), stamp_ns, received_ns)
    seen.ran.append(_Recorded(arrived, ran(message, stamp_ns)))


def _reported_ticks(message: DiagnosticArray) -> int:
    for status in message.status:
        if status.name.endswith(": policy"):
            for pair in status.values:
                if pair.key == "ticks":
                    return int(pair.value)
    return 0


def _observation_to_command(seen: _Totals) -> list[float]:
    """Seconds from each executed observation to its command."""
    arrived = [arrived for arrived, _ in seen.ran]
    ticks = [seen.ran[place].ran for place, _ in in_tick_order(arrived)]
    latencies = command_latencies(ticks, sorted(seen.commands))
    return [seconds for seconds in latencies if not math.isnan(seconds)]


def _rate(seen: _Totals) -> float:
    steps = sum(len(stamps) - 1 for stamps in seen.stamps.values())
    seconds = sum(max(stamps) - min(stamps) for stamps in seen.stamps.values())
    return steps / seconds if seconds > 0 else 0.0


def _milliseconds(seconds: list[float], percent: float) -> float | None:
    """A percentile in milliseconds; None, which JSON knows, where there is nothing."""
    return float(np.percentile(seconds, percent)) * _MS if seconds else None


def _camera(topic: str) -> str:
    return topic.split("/")[-2]


def _seconds(stamp: Time) -> float:
    return float(stamp.sec) + float(stamp.nanosec) * 1e-9
