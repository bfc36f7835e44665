# SPDX-License-Identifier: Apache-2.0
"""The attention node as a process, a robot for it in this one, and ways to look at both.

Import it where rclpy is.
"""

from __future__ import annotations

import math
import shutil
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions
from std_srvs.srv import SetBool

from faults.limits import Limits
from faults.misbehaving_node import clock_file
from faults.node_process import NodeProcess, ros_arguments
from faults.own_clock import camera_start_now, with_own_clocks
from faults.parts import SECONDS, with_parts
from faults.policy import (
    DETECTED_S,
    JOINTS,
    LIMIT_RAD,
    MAX_AGE_S,
    MAX_STEP_RAD,
    MAX_VELOCITY,
    PERIOD_S,
    contract_text,
    write_policy,
)
from faults.robot import FaultyRobot
from pam_ros.sim.processes import own_domain

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from faults.witness import Command


START_S = 600.0
"""A machine that is slow and busy loads torch and a policy for minutes."""
LATELY_S = 2.0
"""Three places are three ticks: 0.3 s, longer where a pass takes more than a period."""
MOST_DETECTED_S = 1.2
BRING_UP_S = 120.0
CALL_S = 20.0
"""So long a service may take that answers at once on a machine with time."""


@dataclass(frozen=True)
class BenchSettings:
    """How the node is set up.

    misbehaves: its policy does what a file wishes. simulated: time comes from /clock. trigger: the
    camera that ticks, None for a timer. second: how the second of two parts is commanded
    (parts.py); empty for a robot of one part. own_clocks: cameras stamp by clocks of their own
    (own_clock.py). parameters: more of the node's.
    """

    misbehaves: bool = False
    simulated: bool = False
    trigger: str | None = None
    parameters: tuple[tuple[str, object], ...] = ()
    second: str = ""
    own_clocks: bool = False


class Bench:
    """Opened it has the node started; `bring_up` waits for it and enables it."""

    name = "act_attention"
    period_s = PERIOD_S
    limits = Limits(
        dict.fromkeys(JOINTS, (-LIMIT_RAD, LIMIT_RAD)), MAX_STEP_RAD, MAX_VELOCITY, PERIOD_S
    )

    def __init__(self, folder: Path, settings: BenchSettings) -> None:
        self.settings = settings
        self.folder = folder
        self.wishes = folder / "wishes"
        self.answers: list[Any] = []
        self.refusal = ""
        self._clock_s = 0.0
        policy = folder.parent / "policy"
        if not policy.exists():
            write_policy(policy)
        text = contract_text(settings.trigger)
        if settings.second:
            text = with_parts(text, settings.second)
            if SECONDS[settings.second].rests:
                self.limits = replace(self.limits, rests=frozenset(JOINTS[1:]))
        camera_start_s = camera_start_now() if settings.own_clocks else 0.0
        if settings.own_clocks:
            text = with_own_clocks(text, camera_start_s)
        (folder / "contract.yaml").write_text(text)
        own_domain(None)
        rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
        self.robot = FaultyRobot(
            simulated=settings.simulated, second=settings.second, camera_start_s=camera_start_s
        )
        self._client = self.robot.create_client(SetBool, "/act_attention/enable")
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.robot)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()
        self.node = self._start_node(policy)
        self.robot.start()

    def _start_node(self, policy: Path) -> NodeProcess:
        parameters = {
            "policy": policy,
            "contract": self.folder / "contract.yaml",
            "engine": "eager",
            "torch_threads": 1,
            "temporal_ensemble": True,
            "soft_start_s": 0.3,
            "use_sim_time": self.settings.simulated,
            **dict(self.settings.parameters),
        }
        log = self.folder / "node.log"
        if not self.settings.misbehaves:
            return NodeProcess.of_node("act_attention", log, parameters)
        program = ["-m", "faults.misbehaving_node", str(self.wishes)]
        return NodeProcess([*program, *ros_arguments(parameters)], log)

    def bring_up(self) -> bool:
        """Wait for the node, enable it where it is not, and see it command."""
        if not self.wait(lambda: self.node.alive and self.state() != "", START_S):
            return False
        now = time.monotonic()
        if self.wait(lambda: self.moving(now), 1.0):
            return True
        self.enable(wanted=False)
        # A joint state must be recent, and the node active: both come with time.
        end = time.monotonic() + BRING_UP_S
        while time.monotonic() < end:
            now = time.monotonic()
            if self.enable(wanted=True) and self.wait(lambda: self.moving(now), 4.0):  # noqa: B023
                return True
        return False

    def enable(self, *, wanted: bool) -> bool:
        """Call ~/enable; whether it was granted. If not, `refusal` says why."""
        self.refusal = "~/enable is not there"
        if not self._client.wait_for_service(timeout_sec=CALL_S):
            return False
        future = self._client.call_async(SetBool.Request(data=wanted))
        self.refusal = "~/enable does not answer"
        if not self.wait(future.done, CALL_S):
            return False
        answer = future.result()
        self.refusal = answer.message
        return bool(answer.success)

    @property
    def detected_s(self) -> float:
        """How long the node may act on what was published before a fault [s].

        At least DETECTED_S. Where passes take long it is what the node itself allows: max_age, and
        twice a pass; but some of a fault of two seconds is to be looked at.
        """
        report = self.robot.witness.newest(f"{self.name}: ")
        forward_ms = 0.0 if report is None else float(report.values.get("forward_ms_p50", 0.0))
        return max(DETECTED_S, min(MAX_AGE_S + 2e-3 * forward_ms, MOST_DETECTED_S))

    def state(self, since: float = 0.0) -> str:
        """The safety state that /diagnostics says; empty where it has said nothing."""
        report = self.robot.witness.newest(f"{self.name}: ", max(since, time.monotonic() - 2.5))
        return "" if report is None else report.values.get("safety_state", "")

    def was_held(self, since: float) -> bool:
        """Whether a report since then says that the robot is held.

        Not only the newest: a hold that ends by itself may be over when somebody looks. A node that
        stands still reports nothing; its guard does.
        """
        for report in self.robot.witness.reports(since):
            if report.name.startswith(f"{self.name}: "):
                if report.values.get("safety_state") == "holding":
                    return True
            elif report.name.startswith(f"{self.name}_guard") and "is being held" in report.message:
                return True
        return False

    def published(self, since: float, until: float = math.inf) -> list[Command]:
        """The commands that were published then [s, monotonic], by their stamps.

        They may arrive here late: this process too has to wait for a processor. In simulated time
        they count from their arrival.
        """
        heard = self.robot.witness.commands(since)
        if self.settings.simulated:
            return [command for command in heard if command.at < until]
        ahead = time.time() - time.monotonic() + self._clock_s
        return [command for command in heard if since <= command.stamp - ahead < until]

    def moving(self, since: float) -> bool:
        """Whether the arm has been sent to several places since then, lately."""
        commands = self.robot.witness.commands(max(since, time.monotonic() - LATELY_S))
        return len({command.positions for command in commands}) > 2

    def last_words(self) -> str:
        """The end of the node's log."""
        lines = self.node.log_since(max(0, self.node.written - 1000)).strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def wish(self, word: str) -> None:
        """What the policy shall do from now on."""
        _replace(self.wishes, word)

    def shift_clock(self, seconds: float) -> None:
        """The wall clock that a misbehaving node reads jumps by so much, and stays there."""
        self._clock_s += seconds
        _replace(clock_file(self.wishes), str(self._clock_s))

    def wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Whether it came true in time."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True

    def call(self, kind: Any, name: str, request: Any, seconds: float = CALL_S) -> Any:
        """A service's response, None where it does not come."""
        client = self.robot.create_client(kind, name)
        try:
            if not client.wait_for_service(timeout_sec=seconds):
                return None
            future = client.call_async(request)
            return future.result() if self.wait(future.done, seconds) else None
        finally:
            self.robot.destroy_client(client)

    def close(self) -> None:
        """End everything, and remove what was written."""
        self.node.stop()
        self.robot.close()
        self._executor.shutdown(timeout_sec=2.0)
        self.robot.destroy_node()
        rclpy.try_shutdown()
        self._thread.join(2.0)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except ExternalShutdownException:
            return


def _replace(file: Path, text: str) -> None:
    """Nobody reads half of it."""
    part = file.with_suffix(".part")
    part.write_text(text)
    part.rename(file)
