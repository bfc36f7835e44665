# SPDX-License-Identifier: Apache-2.0
"""What /diagnostics says of the attention node."""

from __future__ import annotations

import math
import threading
from collections import Counter
from typing import TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticStatus

from pam_ros.nodes.act.device_memory import device_memory
from pam_ros.nodes.act.map_rate import MapRate
from pam_ros.nodes.kit.reports import add_values
from pam_ros.nodes.kit.said import Said
from pam_ros.robot.latency import RollingLatency
from pam_ros.robot.safety import SafetyState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from diagnostic_updater import DiagnosticStatusWrapper
    from rclpy.node import Node
    from rclpy.time import Time

    from pam_ros.tick.explained import ExplainedTick

STAGES = ("observation_to_command", "forward", "show", "tick")
"""Stamp to command; the policy; maps, pictures and tokens; the whole tick."""
SLOW_PASS = 0.8
"""While nothing is commanded, a pass takes about this part of a tick."""
QUIET_REPORTS = 3
"""After so many reports without a tick the log says why."""


class Health:
    """Counts and durations of one node, for its status on /diagnostics."""

    def __init__(self, node: Node, target_hz: float) -> None:
        self._node = node
        self._said = Said(node.get_logger())
        self._target_hz = target_hz
        self._last_time: Time | None = None
        self._last_ticks = 0
        self._quiet_reports = 0
        self._adding = threading.Lock()
        self.counts: Counter[str] = Counter()
        self.bad_messages: Counter[str] = Counter()
        self.last_bad = ""
        # Why the newest set of messages could not be used; empty where it could.
        self._unusable = ""
        # Why the newest tick had nothing to show; empty where it had. Skipped passes do not count.
        self.invalid = ""
        self.maps = MapRate()
        self.stages = {stage: RollingLatency() for stage in STAGES}
        # Of the oldest message of a set, when its tick begins.
        self.age = RollingLatency()

    def bad_message(self, source: str, sentence: str) -> None:
        """Count a message that could not be used, and say so at most once a second."""
        self.bad_messages[source] += 1
        self.last_bad = self._unusable = sentence
        self._said.warning(f"message skipped: {sentence}")

    def add_tick(self, tick: ExplainedTick) -> None:
        """Count a tick by what it has to show, or why it has nothing. Of any thread."""
        with self._adding:
            self._add_tick(tick)

    def _add_tick(self, tick: ExplainedTick) -> None:
        outcome = tick.outcome
        self._unusable = ""
        if outcome.output is not None:
            self.stages["forward"].add(outcome.output.forward_seconds)
        if tick.maps is not None:
            self.maps.add()
            self.invalid = ""
        elif outcome.inference_skipped:
            self.counts["inference_skipped"] += 1
            self.maps.skip()
        else:
            self.counts["invalid_ticks"] += 1
            self.invalid = outcome.invalid_reason

    def report(
        self,
        status: DiagnosticStatusWrapper,
        ticks: int,
        safety: SafetyState,
        safety_reason: str,
        no_set: str,
        values: Mapping[str, object],
        few_maps: str = "",
        no_effect: str = "",
    ) -> DiagnosticStatusWrapper:
        """Fill a status, and return it.

        Args:
            status: of the time since the report before.
            ticks: so far.
            safety: where the safety state machine is.
            safety_reason: why it is there.
            no_set: why there is nothing to tick on.
            values: what else to show.
            few_maps: why there would be few maps, and what helps.
            no_effect: why it seems that nobody follows the commands; empty if somebody does.
        """
        now = self._node.get_clock().now()
        no_set = no_set or self._unusable
        self._say_if_quiet(ticks, no_set)
        rate = self._rate(now, ticks)
        reason = "; ".join(part for part in (safety_reason, no_set) if part)
        status.summary(*self._judge(rate, safety, reason, few_maps, no_effect))
        shown: dict[str, object] = {
            "safety_state": safety.value,
            "safety_reason": safety_reason,
            "ticks": ticks,
            "rate_hz": f"{rate:.2f}",
            "target_rate_hz": f"{self._target_hz:.2f}",
            "maps_per_second": f"{self.maps.per_second:.2f}",
        }
        for stage, latency in (*self.stages.items(), ("observation_age", self.age)):
            shown[f"{stage}_ms_p50"] = f"{latency.p50 * 1e3:.1f}"
            shown[f"{stage}_ms_p99"] = f"{latency.p99 * 1e3:.1f}"
        shown.update(self.counts)
        shown.update({f"bad_messages_{name}": count for name, count in self.bad_messages.items()})
        if self.last_bad:
            shown["last_bad_message"] = self.last_bad
        shown.update(device_memory())
        shown.update(values)
        add_values(status, shown)
        return status

    def _say_if_quiet(self, ticks: int, no_set: str) -> None:
        self._quiet_reports = self._quiet_reports + 1 if ticks == self._last_ticks else 0
        if self._quiet_reports >= QUIET_REPORTS:
            self._said.warning(f"no tick: {no_set}" if no_set else "no tick has come for a while")

    def _rate(self, now: Time, ticks: int) -> float:
        seconds = 0.0
        if self._last_time is not None:
            seconds = (now - self._last_time).nanoseconds * 1e-9
        rate = (ticks - self._last_ticks) / seconds if seconds > 0 else math.nan
        self._last_time, self._last_ticks = now, ticks
        return rate

    def _judge(
        self, rate: float, safety: SafetyState, reason: str, few_maps: str, no_effect: str
    ) -> tuple[bytes, str]:
        if safety is SafetyState.FAULT:
            return DiagnosticStatus.ERROR, f"fault: {reason}"
        if safety is SafetyState.HOLDING:
            return DiagnosticStatus.WARN, f"holding: {reason}"
        if not rate > 0:
            return DiagnosticStatus.WARN, f"no ticks: {reason}" if reason else "no ticks"
        if no_effect:
            return DiagnosticStatus.WARN, no_effect
        if self.invalid:
            return DiagnosticStatus.WARN, f"invalid: {self.invalid}"
        if self.maps.too_few:
            return DiagnosticStatus.WARN, f"{self.maps.per_second:.1f} maps a second: {few_maps}"
        if rate < 0.9 * self._expected_hz(safety):
            return DiagnosticStatus.WARN, f"{rate:.1f} Hz of {self._target_hz:.1f} Hz"
        return DiagnosticStatus.OK, safety.value

    def _expected_hz(self, safety: SafetyState) -> float:
        """The rate that ticks should have: while disabled each takes as long as its pass."""
        forward = self.stages["forward"].p50
        if safety is SafetyState.DISABLED and forward > 0:
            return min(self._target_hz, SLOW_PASS / forward)
        return self._target_hz
