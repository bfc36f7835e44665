# SPDX-License-Identifier: Apache-2.0
"""Hears every command and every report of the nodes under test. Import it where rclpy is."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from diagnostic_msgs.msg import DiagnosticArray
from sensor_msgs.msg import JointState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rclpy.node import Node


@dataclass(frozen=True)
class Command:
    """at: when it arrived [s, monotonic]. stamp: when it was published [s]."""

    at: float
    stamp: float
    names: tuple[str, ...]
    positions: tuple[float, ...]


@dataclass(frozen=True)
class Report:
    """One status of /diagnostics."""

    at: float
    name: str
    level: int
    message: str
    values: Mapping[str, str]


class Witness:
    """Subscribes on a node that somebody spins."""

    def __init__(self, node: Node, command_topic: str = "/joint_commands") -> None:
        self._lock = threading.Lock()
        self._commands: list[Command] = []
        self._reports: list[Report] = []
        self.on_command: Callable[[Command], None] = lambda _: None
        # Deep enough for a second in which this process is not scheduled.
        node.create_subscription(JointState, command_topic, self._on_command, 1000)
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_report, 100)

    def commands(self, since: float = 0.0, until: float = float("inf")) -> list[Command]:
        """Those that arrived then, in that order."""
        with self._lock:
            return [command for command in self._commands if since <= command.at < until]

    def reports(self, since: float = 0.0) -> list[Report]:
        """Those that arrived since then."""
        with self._lock:
            return [report for report in self._reports if report.at >= since]

    def newest(self, name: str, since: float = 0.0) -> Report | None:
        """The newest report whose name begins so."""
        found = [report for report in self.reports(since) if report.name.startswith(name)]
        return found[-1] if found else None

    def take(self, command: Command) -> None:
        """One more command."""
        with self._lock:
            self._commands.append(command)
        self.on_command(command)

    def _on_command(self, message: JointState) -> None:
        command = Command(
            time.monotonic(),
            message.header.stamp.sec + message.header.stamp.nanosec * 1e-9,
            tuple(message.name),
            tuple(message.position),
        )
        self.take(command)

    def _on_report(self, message: DiagnosticArray) -> None:
        now = time.monotonic()
        with self._lock:
            for status in message.status:
                level: Any = status.level
                self._reports.append(
                    Report(
                        now,
                        status.name,
                        int.from_bytes(level, "little") if isinstance(level, bytes) else int(level),
                        status.message,
                        {pair.key: pair.value for pair in status.values},
                    )
                )
