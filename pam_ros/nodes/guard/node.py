# SPDX-License-Identifier: Apache-2.0
"""The process that holds the robot while the attention node stands still, whatever stops it.

A thread cannot: a policy that keeps Python's lock stops every thread of its process. This one
imports no torch, listens on a socket to what the node commands, and repeats the last command where
the next one is overdue. It ends with the node: once nobody decides any more, nothing is commanded.
See docs/safety.md.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sys
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from pam_ros.nodes.act.command_publisher import CommandPublisher
from pam_ros.nodes.kit.reports import add_values, make_updater
from pam_ros.nodes.kit.said import Said
from pam_ros.robot.parts import CommandContract, CommandPart, JointContract
from pam_ros.robot.takeover import Answer, Takeover, TakeoverError, decode_beat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from diagnostic_updater import DiagnosticStatusWrapper

LOOK_S = 0.5
"""So often it also looks whether its parent is still there."""
STOPS = 3
"""So many times what would move on is stopped where the node has died."""
LINGER_S = 0.1
"""So long after each of them."""
_LARGEST = 65536


@dataclass(frozen=True)
class GuardedPart:
    """A topic that commands go to, by its full name, and the numbers that go there."""

    topic: str
    type: str
    names: tuple[str, ...]
    fields: tuple[str, ...]
    frame_id: str = ""
    kind: str = "position"

    def contract(self) -> CommandPart:
        """The part of a command that this is."""
        addresses = zip(self.names, self.fields, strict=True)
        joints = tuple(
            JointContract(name, field=field, kind=self.kind) for name, field in addresses
        )
        return CommandPart(self.topic, self.type, joints, frame_id=self.frame_id)


@dataclass(frozen=True)
class GuardSettings:
    """What the node tells its guard at the start: names, and where commands go."""

    parent: int
    name: str
    namespace: str
    parts: tuple[GuardedPart, ...]
    period_s: float
    deadline_s: float
    ros_arguments: tuple[str, ...] = ()

    def encode(self) -> str:
        """As one word of a command line."""
        return json.dumps(asdict(self))

    @classmethod
    def decode(cls, text: str) -> GuardSettings:
        """From such a word.

        Raises:
            ValueError, TypeError, KeyError: it is none.
        """
        fields = json.loads(text)
        parts = [
            GuardedPart(**{**part, "names": tuple(part["names"]), "fields": tuple(part["fields"])})
            for part in fields["parts"]
        ]
        return cls(**{**fields, "parts": tuple(parts)})


class CommandGuard(Node):
    """Publisher, log and /diagnostics around Takeover."""

    def __init__(self, settings: GuardSettings, line: socket.socket) -> None:
        super().__init__(
            f"{settings.name}_guard",
            namespace=settings.namespace,
            start_parameter_services=False,
        )
        self._settings = settings
        self._said = Said(self.get_logger())
        self._line = line
        self._takeover = Takeover(settings.period_s, settings.deadline_s)
        command = CommandContract(tuple(part.contract() for part in settings.parts))
        self._commands = CommandPublisher(self, command, settings.period_s)
        self._updater = make_updater(self)
        self._updater.add("watchdog", self._report)
        self._next_report = time.monotonic() + self._updater.period

    def run(self) -> None:
        """Until the node closes its end of the line or is gone."""
        self._send(Answer())
        while self._listen():
            # The clock first, then all that the node has said: what comes later was said by a node
            # that finds itself late, and asks.
            now = time.monotonic()
            if not self._drain():
                break
            was_holding = self._takeover.holding
            positions = self._takeover.look(now)
            if positions is not None:
                self._commands.publish(np.array(positions))
                if not was_holding:
                    self.get_logger().warning(
                        f"no command from {self._settings.name} for "
                        f"{self._takeover.silent_s(now):.3f} s: holding the last one"
                    )
            if now >= self._next_report:
                self._next_report = now + self._updater.period
                self._updater.update()
        self._stop_for_good()

    def _stop_for_good(self) -> None:
        """The node is gone: what would move on is stopped, and nothing is commanded any more."""
        armed = self._takeover.armed
        for _ in range(STOPS if armed else 0):
            self._commands.stop()
            self._linger()
        if not armed:
            self._linger()
            return
        self.get_logger().error(
            f"{self._settings.name} has ended while the robot was enabled: nothing is "
            "commanded any more, and the robot's driver must hold it"
        )

    def _linger(self) -> None:
        """Nobody hears a publisher that is destroyed at once."""
        if self._commands.goes_on:
            time.sleep(LINGER_S)

    def _listen(self) -> bool:
        """Wait for beats, not beyond the next thing to do; whether the node is still there."""
        now = time.monotonic()
        wait = min(self._takeover.seconds_left(now), self._next_report - now, LOOK_S)
        heard, _, _ = select.select([self._line], [], [], max(wait, 0.0))
        return bool(heard) or os.getppid() == self._settings.parent

    def _drain(self) -> bool:
        """Take all beats that there are; whether the node is still there."""
        try:
            while True:
                data = self._line.recv(_LARGEST, socket.MSG_DONTWAIT)
                if not data:
                    return False
                self._take(data)
        except BlockingIOError:
            return True
        except OSError:
            return False

    def _take(self, data: bytes) -> None:
        try:
            beat = decode_beat(data)
        except TakeoverError as error:
            self._said.error(str(error))
            return
        if self._takeover.holding:
            silent = self._takeover.silent_s(time.monotonic())
            self.get_logger().info(f"{self._settings.name} is back after {silent:.3f} s")
        was_armed = self._takeover.armed
        answer = self._takeover.receive(beat, time.monotonic())
        if was_armed and not self._takeover.armed:
            # The node does the same, but cannot once its ROS is shut down.
            self._commands.stop()
        if answer is not None:
            self._send(answer)

    def _send(self, answer: Answer) -> None:
        try:
            self._line.send(answer.encode(), socket.MSG_DONTWAIT)
        except OSError as error:
            self._said.error(f"no answer sent: {error}")

    def _report(self, status: DiagnosticStatusWrapper) -> DiagnosticStatusWrapper:
        takeover = self._takeover
        status.summary(DiagnosticStatus.OK, "watching")
        if takeover.holding:
            silent = takeover.silent_s(time.monotonic())
            status.summary(
                DiagnosticStatus.ERROR,
                f"{self._settings.name} has commanded nothing for {silent:.1f} s: "
                "its last command is being held",
            )
        elif not takeover.armed:
            status.summary(DiagnosticStatus.OK, "not enabled: nothing to hold")
        shown = {
            "armed": takeover.armed,
            "takeovers": takeover.takeovers,
            "holding_commands": takeover.holds,
            "deadline_ms": f"{self._settings.deadline_s * 1e3:.0f}",
        }
        add_values(status, shown)
        return status


def main(arguments: Sequence[str] | None = None) -> int:
    """What the attention node starts: `command_guard FD SETTINGS`, nothing for people."""
    try:
        _, descriptor, text = arguments or ()
        settings = GuardSettings.decode(text)
        line = socket.socket(fileno=int(descriptor))
    except (ValueError, TypeError, KeyError, OSError):
        sys.stderr.write("pam_ros: command_guard is started by act_attention, not by hand\n")
        return 1
    # No handlers of its own: the node ends it, in its own order.
    rclpy.init(args=list(settings.ros_arguments), signal_handler_options=SignalHandlerOptions.NO)
    guard = CommandGuard(settings, line)
    try:
        guard.run()
    finally:
        guard.destroy_node()
        rclpy.try_shutdown()
        line.close()
    return 0
