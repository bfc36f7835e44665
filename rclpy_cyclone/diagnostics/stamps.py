# SPDX-License-Identifier: Apache-2.0
"""diagnostic_updater.TimeStampStatus and Heartbeat: stamps that are of now, a sign of life."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from rclpy_cyclone.time.clock import Clock
from rclpy_cyclone.time.time import ClockType
from rclpy_cyclone.types.messages import message_class

from .tasks import DiagnosticTask

if TYPE_CHECKING:
    from rclpy_cyclone.time.time import Time

    from .status import DiagnosticStatusWrapper

_DiagnosticStatus: Any = message_class("diagnostic_msgs/msg/DiagnosticStatus")


class TimeStampStatusParam:
    """How far a stamp may be behind the clock: at least and at most [s]; below 0 is ahead of it."""

    def __init__(self, min_acceptable: float = -1, max_acceptable: float = 5) -> None:
        self.min_acceptable = min_acceptable
        self.max_acceptable = max_acceptable


class TimeStampStatus(DiagnosticTask):
    """An error if stamps since the last report were too old, ahead of the clock, or 0.

    A warning if there were none. How many reports had each fault is among the values.
    """

    def __init__(
        self, params: TimeStampStatusParam | None = None, name: str = "Timestamp Status"
    ) -> None:
        super().__init__(name)
        self.params = TimeStampStatusParam() if params is None else params
        self.lock = threading.Lock()
        self.early_count = self.late_count = self.zero_count = 0
        self._forget()

    def _forget(self) -> None:
        self.zero_seen = self.deltas_valid = False
        self.min_delta = self.max_delta = 0.0

    def tick(self, stamp: float | Time) -> None:
        """Take a stamp: seconds, or a Time."""
        nanoseconds = stamp * 1e9 if isinstance(stamp, (int, float)) else stamp.nanoseconds
        with self.lock:
            if nanoseconds == 0:
                self.zero_seen = True
                return
            now = Clock(clock_type=ClockType.ROS_TIME).now().nanoseconds
            delta = (now - nanoseconds) * 1e-9
            self.min_delta = min(self.min_delta, delta) if self.deltas_valid else delta
            self.max_delta = max(self.max_delta, delta) if self.deltas_valid else delta
            self.deltas_valid = True

    def run(self, stat: DiagnosticStatusWrapper) -> DiagnosticStatusWrapper:
        """Judge the stamps since the last report, and forget them."""
        with self.lock:
            stat.summary(_DiagnosticStatus.OK, "Timestamps are reasonable.")
            if self.deltas_valid:
                self._judge(stat)
            else:
                stat.summary(_DiagnosticStatus.WARN, "No data since last update.")
            stat.add("Earliest timestamp delay:", f"{self.min_delta:f}")
            stat.add("Latest timestamp delay:", f"{self.max_delta:f}")
            stat.add("Earliest acceptable timestamp delay:", f"{self.params.min_acceptable:f}")
            stat.add("Latest acceptable timestamp delay:", f"{self.params.max_acceptable:f}")
            stat.add("Late diagnostic update count:", f"{self.late_count}")
            stat.add("Early diagnostic update count:", f"{self.early_count}")
            stat.add("Zero seen diagnostic update count:", f"{self.zero_count}")
            self._forget()
        return stat

    def _judge(self, stat: DiagnosticStatusWrapper) -> None:
        if self.min_delta < self.params.min_acceptable:
            stat.summary(_DiagnosticStatus.ERROR, "Timestamps too far in future seen.")
            self.early_count += 1
        if self.max_delta > self.params.max_acceptable:
            stat.summary(_DiagnosticStatus.ERROR, "Timestamps too far in past seen.")
            self.late_count += 1
        if self.zero_seen:
            stat.summary(_DiagnosticStatus.ERROR, "Zero timestamp seen.")
            self.zero_count += 1


class Heartbeat(DiagnosticTask):
    """Says that the node is alive."""

    def __init__(self) -> None:
        super().__init__("Heartbeat")

    def run(self, stat: DiagnosticStatusWrapper) -> DiagnosticStatusWrapper:
        """OK."""
        stat.summary(_DiagnosticStatus.OK, "Alive")
        return stat
