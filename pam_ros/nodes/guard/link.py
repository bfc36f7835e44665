# SPDX-License-Identifier: Apache-2.0
"""The attention node's end of the line to its guard process (node.py)."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from pam_ros.nodes.guard.node import GuardedPart, GuardSettings
from pam_ros.nodes.kit.ros_arguments import enclave_and_logging
from pam_ros.robot.takeover import (
    GUARD_PERIODS,
    Answer,
    Beat,
    TakeoverError,
    decode_answer,
)
from pam_ros.share.errors import PamRosError
from pam_ros.share.module_path import module_path

if TYPE_CHECKING:
    from rclpy.node import Node

    from pam_ros.robot.parts import CommandContract

START_S = 30.0
"""A guard that is not ready after so long has failed to start."""
ANSWER_S = 0.1
"""So long the node waits to get the command back; then it leaves this command to the guard."""
PATIENCE_S = 1.0
"""A guard that has not answered for so long is stopped or starved: it is ended, and replaced."""
_FIRST_PAUSE_S, _LAST_PAUSE_S = 0.5, 30.0
_LARGEST = 65536
# It looks for modules where the node does.
_GUARD = """\
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from pam_ros.cli import main
sys.exit(main(["run", "command_guard", *sys.argv[2:]]))
"""


class GuardError(PamRosError):
    """The guard process did not start."""


class GuardLink:
    """Starts the guard, says every command to it first, and asks for the command back.

    The caller serialises the calls. `holds`: commands that guards have sent in this node's place,
    over `held_s`.
    """

    def __init__(self, node: Node, command: CommandContract, period_s: float) -> None:
        self._node = node
        self._deadline_s = GUARD_PERIODS * period_s
        self._settings = GuardSettings(
            parent=os.getpid(),
            name=node.get_name(),
            namespace=node.get_namespace(),
            parts=tuple(
                GuardedPart(
                    node.resolve_topic_name(part.topic),
                    part.type,
                    part.names,
                    part.fields,
                    part.frame_id,
                    part.joints[0].kind,
                )
                for part in command.parts
            ),
            period_s=period_s,
            deadline_s=self._deadline_s,
            ros_arguments=enclave_and_logging(sys.argv),
        )
        self._ready = False
        self._question = 0
        self._asked_s: float | None = None
        self._armed = False
        self._sent_s = 0.0
        self.holds = 0
        self.held_s = 0.0
        self.restarts = 0
        self._pause_s = _FIRST_PAUSE_S
        self._retry_s = 0.0
        self._start()

    @property
    def ready(self) -> bool:
        """Whether the guard watches."""
        return self._ready

    def wait_until_ready(self) -> None:
        """Return once the guard watches.

        Raises:
            GuardError: it has ended, or takes longer than START_S.
        """
        end = time.monotonic() + START_S
        while not self._is_ready(timeout_s=0.1):
            status = self.process.poll()
            if status is not None:
                raise GuardError(f"the command guard ended with status {status} at its start")
            if time.monotonic() > end:
                raise GuardError(f"the command guard was not ready within {START_S:g} s")

    def beat(self, positions: tuple[float, ...]) -> bool:
        """Say what holds after a command (joints,), empty for none; whether that may go out now.

        False: the guard may be holding the robot, and has not given the command back yet.
        """
        if not self._is_ready():
            return True
        before, was_armed = self._sent_s, self._armed
        self._sent_s, self._armed = time.monotonic(), bool(positions)
        if self._asked_s is not None or (was_armed and not positions):
            # Disabled means that nothing is published, by anybody: wait for its word.
            return self._take_back(positions)
        self._send(Beat(positions))
        # Read after the beat is out: a guard that found this one overdue did so before now.
        if was_armed and time.monotonic() - before >= self._deadline_s:
            return self._take_back(positions)
        return True

    def check(self) -> None:
        """From time to time: start a new guard where this one has died."""
        status = self.process.poll()
        now = time.monotonic()
        if status is None or now < self._retry_s:
            return
        # One that ends at once is not started again and again.
        lived = now - self._started_s > _LAST_PAUSE_S
        self._pause_s = _FIRST_PAUSE_S if lived else min(2 * self._pause_s, _LAST_PAUSE_S)
        self._retry_s = now + self._pause_s
        self.restarts += 1
        self._node.get_logger().error(
            f"the command guard has ended with status {status}: starting a new one"
        )
        old = self._line
        try:
            self._start()
        except OSError as error:
            self._node.get_logger().error(f"the command guard does not start: {error}")
        else:
            old.close()

    def close(self) -> None:
        """End the guard; nothing is commanded afterwards."""
        self._send(Beat())
        self._line.close()
        try:
            self.process.wait(2.0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _start(self) -> None:
        self._ready = self._armed = False
        self._asked_s = None
        self._started_s = time.monotonic()
        line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            number = theirs.fileno()
            command = [sys.executable, "-c", _GUARD, json.dumps(module_path()), str(number)]
            # A session of its own: Ctrl-C in the terminal is for the node, which ends the guard.
            try:
                self.process = subprocess.Popen(
                    [*command, self._settings.encode()],
                    stdin=subprocess.DEVNULL,
                    pass_fds=[number],
                    start_new_session=True,
                )
            except OSError:
                line.close()
                raise
        self._line = line

    def _is_ready(self, timeout_s: float = 0.0) -> bool:
        if not self._ready:
            answer = self._receive(timeout_s)
            self._ready = answer is not None and answer.question == 0
        return self._ready

    def _take_back(self, positions: tuple[float, ...]) -> bool:
        self._question += 1
        now = time.monotonic()
        self._asked_s = now if self._asked_s is None else self._asked_s
        self._send(Beat(positions, self._question))
        end = now + ANSWER_S
        while self._ready:
            answer = self._receive(end - time.monotonic())
            if answer is None:
                break
            self.holds += answer.holds
            self.held_s += answer.seconds
            if answer.question == self._question:
                self._asked_s = None
                if answer.holds:
                    self._node.get_logger().warning(
                        f"this node stood still: its guard held the robot for {answer.seconds:.3f} "
                        f"s with {answer.holds} commands"
                    )
                return True
        if time.monotonic() - self._asked_s > PATIENCE_S:
            self._node.get_logger().error("the command guard does not answer: it is ended")
            self._end_process()
        # One that is dead holds nothing.
        return self.process.poll() is not None

    def _end_process(self) -> None:
        self._ready = False
        self.process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(ANSWER_S)

    def _send(self, beat: Beat) -> None:
        try:
            self._line.send(beat.encode(), socket.MSG_DONTWAIT)
        except BlockingIOError:
            # It has not read for hundreds of commands: it is stopped, and would wake up late.
            self._end_process()
        except OSError:
            self._ready = False

    def _receive(self, timeout_s: float) -> Answer | None:
        if not select.select([self._line], [], [], max(timeout_s, 0.0))[0]:
            return None
        try:
            data = self._line.recv(_LARGEST, socket.MSG_DONTWAIT)
            return decode_answer(data) if data else None
        except (OSError, TakeoverError):
            return None
