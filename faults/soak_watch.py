# SPDX-License-Identifier: Apache-2.0
"""What a soak hears: every observation, map and report. Import it where rclpy is."""

from __future__ import annotations

import threading
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger

from pam_ros.msg import AttentionMap

MAPS_S = 60.0
"""So long the last ticks' maps may take to come."""


class SoakWatch(Node):
    """Hears joint states (one per observation), maps and reports."""

    def __init__(self) -> None:
        super().__init__("soak_watch")
        self._lock = threading.Lock()
        self._watching = False
        self._begin_ns = self._end_ns = 0
        self._observed: list[int] = []
        self._maps: list[tuple[int, int, bool]] = []
        self.reports: list[dict[str, Any]] = []
        # All that came, also before it counts.
        self._maps_heard = self._reports_heard = self._reported_ticks = 0
        self.create_subscription(JointState, "/joint_states", self._on_joints, 200)
        self.create_subscription(AttentionMap, "/act_attention/attention", self._on_map, 200)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_report, 50)
        self._start = self.create_client(Trigger, "/demo_robot/start")

    def missing(self) -> list[str]:
        """What is not connected yet; empty when the soak can start."""
        waits = [
            topic
            for topic in ("/top/image_raw", "/wrist/image_raw")
            if self.count_subscribers(topic) < 1
        ]
        # This node, or the robot, and the recorder.
        waits += [
            topic
            for topic, listeners in (("/act_attention/attention", 2), ("/joint_commands", 2))
            if self.count_publishers(topic) < 1 or self.count_subscribers(topic) < listeners
        ]
        return waits if self._start.service_is_ready() else [*waits, "/demo_robot/start"]

    def start_robot(self) -> bool:
        """Ask the robot to begin; False where it does not answer in half a minute."""
        future = self._start.call_async(Trigger.Request())
        end = time.monotonic() + 30.0
        while not future.done() and time.monotonic() < end:
            time.sleep(0.02)
        return bool(future.done() and future.result().success)

    def begin(self) -> None:
        """From now on what is heard counts."""
        with self._lock:
            self._begin_ns = time.time_ns()
            self._watching = True

    def end(self) -> None:
        """What is observed later is the shutting down."""
        with self._lock:
            self._end_ns = time.time_ns()

    def await_maps(self) -> None:
        """Once the robot has ended: until each tick has its map. A slow machine takes its time."""
        end = time.monotonic() + MAPS_S
        # The first report may have been on its way when the robot ended.
        enough = self._reports_heard + 2
        while time.monotonic() < end:
            with self._lock:
                if self._reports_heard >= enough and self._maps_heard >= self._reported_ticks:
                    return
            time.sleep(0.05)

    def observations(self) -> list[float]:
        """When each observation was made [s]."""
        with self._lock:
            return [self._seconds(stamp) for stamp in self._observed]

    def ticks(self) -> list[list[float]]:
        """Of each map: its observation's stamp, how long after it the map came [s], if valid."""
        with self._lock:
            return [
                [self._seconds(stamp), round((arrived - stamp) * 1e-9, 5), int(valid)]
                for stamp, arrived, valid in self._maps
            ]

    def _seconds(self, stamp: int) -> float:
        return round((stamp - self._begin_ns) * 1e-9, 3)

    def _on_joints(self, message: JointState) -> None:
        with self._lock:
            stamp = _nanoseconds(message.header.stamp)
            if self._counts(stamp):
                self._observed.append(stamp)

    def _counts(self, stamp: int) -> bool:
        """Whether what was observed then counts; with the lock."""
        return self._watching and not (self._end_ns and stamp > self._end_ns)

    def _on_map(self, message: AttentionMap) -> None:
        now = time.time_ns()
        with self._lock:
            self._maps_heard += 1
            stamp = _nanoseconds(message.header.stamp)
            if self._counts(stamp):
                self._maps.append((stamp, now, message.valid))

    def _on_report(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if not status.name.startswith("act_attention: "):
                continue
            values = {pair.key: pair.value for pair in status.values}
            counts = {
                key: int(value)
                for key, value in values.items()
                if value.isdecimal() and key != "episode"
            }
            with self._lock:
                self._reports_heard += 1
                self._reported_ticks = counts.get("ticks", 0)
                if self._watching:
                    now = self._seconds(time.time_ns())
                    self.reports.append({"at": now, "message": status.message, "counts": counts})


def _nanoseconds(stamp: Any) -> int:
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)
