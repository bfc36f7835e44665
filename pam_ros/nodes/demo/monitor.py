# SPDX-License-Identifier: Apache-2.0
"""Watches the demo from outside: is everybody connected, and how is it going."""

from __future__ import annotations

import json
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.srv import SetParametersAtomically
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_msgs.msg import String
from std_srvs.srv import Trigger

from pam_ros.msg import AttentionMap
from pam_ros.nodes.demo.result_listener import RESULT_QOS
from pam_ros.robot.topics import (
    ATTENTION,
    DEMO_RESULT,
    DEMO_START,
    INSTRUCTION,
    JOINT_COMMANDS,
    NODE,
)
from pam_ros.show.groups import camera_share

if TYPE_CHECKING:
    from rclpy.task import Future

CAMERA_TOPICS = ("/top/image_raw", "/wrist/image_raw")
OVERLAY_TOPICS = tuple(f"{ATTENTION}/{camera}/image" for camera in ("top", "wrist"))
_WINDOW = 50


@dataclass
class Progress:
    """What the terminal shows. Latency: image stamp to the map's arrival here, seconds.

    Ticks are those whose map has arrived. Some of `reported_ticks`, which the node counts itself in
    its newest of so many reports, may have theirs still to come.
    """

    ticks: int = 0
    invalid: int = 0
    reports: int = 0
    reported_ticks: int = 0
    episodes: int = 0
    successes: int = 0
    arrivals: deque[float] = field(default_factory=lambda: deque(maxlen=_WINDOW))
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=_WINDOW))
    looks_at: str = ""

    def rate_hz(self) -> float:
        """Ticks per second over the last maps."""
        if len(self.arrivals) < 2:
            return 0.0
        return (len(self.arrivals) - 1) / max(self.arrivals[-1] - self.arrivals[0], 1e-9)

    def latency(self) -> float:
        """Median over the last maps [s]."""
        ordered = sorted(self.latencies)
        return ordered[len(ordered) // 2] if ordered else 0.0


class DemoMonitor(Node):
    """Subscribes to the maps and the episodes' results, and starts the robot.

    Args:
        robot_listens: whether the robot's task follows the words in the maps.
    """

    def __init__(self, *, robot_listens: bool = False) -> None:
        super().__init__("demo_monitor")
        self._robot_listens = robot_listens
        self.progress = Progress()
        self.create_subscription(AttentionMap, ATTENTION, self._on_map, 100)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)
        self.create_subscription(String, DEMO_RESULT, self._on_result, RESULT_QOS)
        self._start = self.create_client(Trigger, DEMO_START)
        self._words = self.create_publisher(String, INSTRUCTION, 1)
        self._shown_client = self.create_client(
            SetParametersAtomically, f"{NODE}/set_parameters_atomically"
        )

    def instruct(self, text: str) -> None:
        """Tell the policy something else."""
        self._words.publish(String(data=text))

    def show(self, method: str) -> None:
        """Have the policy's node show another method; a warning says if it refuses."""
        wanted = {"attention_method": method, "attention_layer": -1, "attention_head": "mean"}
        parameters = [
            Parameter(name, value=value).to_parameter_msg() for name, value in wanted.items()
        ]
        request = SetParametersAtomically.Request(parameters=parameters)
        self._shown_client.call_async(request).add_done_callback(self._on_shown)

    def _on_shown(self, future: Future) -> None:
        result = future.result().result
        if not result.successful:
            self.get_logger().warning(f"another method is not shown: {result.reason}")

    def missing(self) -> list[str]:
        """What is not connected yet; empty when the demo can start."""
        # The attention node and the recorder; this node, the recorder, a robot that follows words.
        needed = {
            **dict.fromkeys(CAMERA_TOPICS, 2),
            ATTENTION: 3 if self._robot_listens else 2,
            **dict.fromkeys(OVERLAY_TOPICS, 1),
        }
        waits = [
            f"subscribers of {topic}"
            for topic, count in needed.items()
            if self.count_subscribers(topic) < count
        ]
        if self.count_publishers(ATTENTION) < 1:
            waits.append(ATTENTION)
        if self.count_publishers(JOINT_COMMANDS) < 1:
            waits.append(JOINT_COMMANDS)
        if not self._start.service_is_ready():
            waits.append(DEMO_START)
        return waits

    def start_robot(self, timeout: float) -> bool:
        """Ask the robot to begin; False where it does not answer in time [s]."""
        future = self._start.call_async(Trigger.Request())
        end = time.monotonic() + timeout
        while not future.done() and time.monotonic() < end:
            time.sleep(0.02)
        return bool(future.done() and future.result().success)

    def _on_map(self, message: AttentionMap) -> None:
        now = self.get_clock().now().nanoseconds * 1e-9
        stamp = message.header.stamp.sec + message.header.stamp.nanosec * 1e-9
        progress = self.progress
        progress.ticks += 1
        progress.invalid += not message.valid
        progress.arrivals.append(now)
        progress.latencies.append(now - stamp)
        if message.valid:
            shares = {camera.name: camera_share(message, camera) for camera in message.cameras}
            shares["joints"] = float(message.joint_state_share)
            progress.looks_at = "  ".join(
                f"{name} {share:4.0%}"
                for name, share in sorted(shares.items(), key=lambda item: -item[1])
            )

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name.endswith(": policy"):
                self.progress.reported_ticks = int(
                    next((pair.value for pair in status.values if pair.key == "ticks"), 0)
                )
                self.progress.reports += 1

    def _on_result(self, message: String) -> None:
        result = json.loads(message.data)
        if not result.get("interrupted"):  # by other words
            self.progress.episodes += 1
            self.progress.successes += bool(result["success"])
