# SPDX-License-Identifier: Apache-2.0
"""kill -9 of each of the demo's processes, which are started again as a launch file would.

Import it where rclpy is.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions
from std_msgs.msg import String
from std_srvs.srv import SetBool

from faults.episodes import Episodes
from faults.limits import Limits
from faults.node_process import NodeProcess
from faults.trial import SEEN_S, Outcome
from faults.witness import Witness
from pam_ros.msg import AttentionMap
from pam_ros.nodes.demo.result_listener import RESULT_QOS
from pam_ros.robot import load_contract
from pam_ros.robot.stamps import stamp_nanoseconds
from pam_ros.robot.topics import DEMO_RESULT
from pam_ros.share.folders import find_contract, share_directory
from pam_ros.sim.processes import own_domain

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from faults.witness import Command

START_S = 600.0
"""A machine that is slow and busy loads torch and a policy for minutes."""
AGAIN_S = 60.0
QUIET_S = 1.0
"""After so long the last word of a killed process has arrived."""
MAP_S = 30.0
"""A map comes that soon after its command, also on a machine that is busy."""
RECORDED = 100_000
"""So many bytes of a bag hold messages of the first second."""
HELD_S = 1.5
"""So long it is looked whether the arm is held."""


class DemoBench:
    """The demo's three processes, and a witness."""

    def __init__(self, folder: Path) -> None:
        own_domain(None)
        # What killed nodes of another run have left says nothing here.
        os.environ["XDG_RUNTIME_DIR"] = str(folder)
        self.folder = folder
        contract = load_contract(find_contract("demo_arm"))
        self.period_s = 1.0 / contract.rate_hz
        speed = max(joint.max_velocity or 0.0 for joint in contract.command.joints)
        self.limits = Limits(
            {joint.name: joint.limits or (0.0, 0.0) for joint in contract.command.joints},
            float("inf"),
            speed,
            self.period_s,
        )
        rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
        self._ros = rclpy.create_node("fault_witness")
        self.witness = Witness(self._ros)
        self.episodes = Episodes(self.period_s, time.monotonic())
        self._ros.create_subscription(String, DEMO_RESULT, self._on_result, RESULT_QOS)
        self._ros.create_subscription(AttentionMap, "/act_attention/attention", self._on_map, 100)
        self._enable = self._ros.create_client(SetBool, "/act_attention/enable")
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._ros)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()
        self.processes = {
            "act_attention": NodeProcess.of_node(
                "act_attention",
                folder / "act_attention.log",
                {
                    "policy": share_directory() / "models" / "demo_act",
                    "contract": find_contract("demo_arm"),
                    "enabled": True,
                    "torch_threads": 1,
                },
                share_directory() / "config" / "demo.yaml",
            ),
            "demo_robot": NodeProcess.of_node("demo_robot", folder / "demo_robot.log", {}),
            "recorder": NodeProcess.of_node(
                "recorder", folder / "recorder.log", {"bag": folder / "bag"}
            ),
        }

    def wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Whether it came true in time."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True

    def moving(self, since: float) -> bool:
        """Whether the arm has been sent to several places since then."""
        commands = self.witness.commands(max(since, time.monotonic() - 3.0))
        return len({command.positions for command in commands}) > 2

    def state(self, since: float) -> str:
        """The safety state in a report since then."""
        report = self.witness.newest("act_attention: ", since)
        return "" if report is None else report.values.get("safety_state", "")

    def enable(self) -> bool:
        """Call ~/enable."""
        if not self._enable.wait_for_service(timeout_sec=10.0):
            return False
        future = self._enable.call_async(SetBool.Request(data=True))
        return self.wait(future.done, 20.0) and bool(future.result().success)

    def _on_result(self, _: String) -> None:
        self.episodes.take_result(time.monotonic())

    def _on_map(self, message: AttentionMap) -> None:
        stamp_ns = stamp_nanoseconds(message.header.stamp)
        self.episodes.take_map(message.episode, stamp_ns, time.monotonic())

    def close(self) -> None:
        """End everything."""
        for name in ("demo_robot", "recorder", "act_attention"):
            self.processes[name].stop()
        self._executor.shutdown(timeout_sec=2.0)
        self._ros.destroy_node()
        rclpy.try_shutdown()
        self._thread.join(2.0)

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except ExternalShutdownException:
            return


@dataclass(frozen=True)
class DemoRow:
    """A process that is killed; `run` looks what comes of it."""

    name: str
    how: str
    expected: str
    run: Callable[[DemoBench, Outcome], None]


def run_demo_row(bench: DemoBench, row: DemoRow) -> Outcome:
    """One kill, in a demo that runs."""
    outcome = Outcome(row.name, row.how, row.expected)
    if not bench.wait(lambda: bench.moving(0.0), START_S):
        outcome.problems.append("the demo was not running before")
        return outcome
    since = time.monotonic()
    before = bench.witness.commands()[-1:]
    row.run(bench, outcome)
    commands = bench.witness.commands(since)
    if commands:
        # That an episode began is told by its first map, and maps come after the commands.
        last = commands[-1].stamp
        bench.wait(lambda: bench.episodes.newest_s >= last, MAP_S)
    outcome.commands = len(commands)
    outcome.breaches = _breaches(bench, before, commands)
    return outcome


def _breaches(bench: DemoBench, before: list[Command], commands: list[Command]) -> list[str]:
    """An episode begins with another pose of the arm: its first command may be anywhere within.

    Between an episode's result and the next one's first map steps are not looked at. A driver that
    is started again begins an episode too.
    """
    parts: list[list[Command]] = [before]
    for command in commands:
        last = parts[-1][-1] if parts[-1] else command
        moved = any(
            last.at <= end + bench.period_s and begin - bench.period_s <= command.at
            for begin, end in bench.episodes.between
        )
        if moved or command.stamp - last.stamp > 2.5 * bench.period_s:
            parts.append([])
        parts[-1].append(command)
    return [breach for part in parts for breach in bench.limits.breaches(part)][:5]


def _kill_recorder(bench: DemoBench, outcome: Outcome) -> None:
    from pam_ros.bags import BagError, BagReader, repair  # noqa: PLC0415

    bag = bench.folder / "bag"

    def recorded() -> int:
        return sum(file.stat().st_size for file in bag.glob("*.mcap"))

    if not bench.wait(lambda: recorded() > RECORDED, AGAIN_S):
        outcome.problems.append("the recorder recorded nothing before")
    bench.processes["recorder"].kill()
    killed = time.monotonic()
    time.sleep(2.0)
    # Between two episodes it stands for a moment.
    if not bench.wait(lambda: bench.moving(killed), AGAIN_S):
        outcome.problems.append("the arm stands still")
    try:
        report = repair(bag)
        with BagReader(bag) as reader:
            messages = sum(1 for _ in reader.messages())
        outcome.said = f"`pam_ros bag repair`: {messages} messages, {len(report.files)} files"
        if not messages:
            outcome.problems.append("nothing is left of the recording")
    except BagError as error:
        outcome.problems.append(f"the recording cannot be read: {error}")


def _kill_robot(bench: DemoBench, outcome: Outcome) -> None:
    robot = bench.processes["demo_robot"]
    # In the middle of an episode: between two of them nothing is commanded, and nothing held.
    now = time.monotonic()
    if not bench.wait(lambda: bench.moving(now), AGAIN_S):
        outcome.problems.append("the arm did not move before")
    robot.kill()
    killed = time.monotonic()
    if not bench.wait(lambda: bench.state(killed + QUIET_S) == "holding", SEEN_S):
        outcome.problems.append(f"the state is {bench.state(killed + QUIET_S) or 'unknown'}")
    report = bench.witness.newest("act_attention: ", killed + QUIET_S)
    outcome.said = f"/diagnostics: {report.message}"[:200] if report else ""
    time.sleep(HELD_S)
    # A tick that was under way when the driver died may take its time on a busy machine.
    held = bench.witness.commands(report.at) if report else []
    if len({command.positions for command in held}) != 1:
        outcome.problems.append("the commands are not one position held")
    robot.restart()
    started = time.monotonic()
    if bench.wait(lambda: bench.moving(started), START_S):
        outcome.back_s = round(time.monotonic() - started, 2)
    else:
        outcome.problems.append("the arm did not move again")


def _kill_node(bench: DemoBench, outcome: Outcome) -> None:
    node = bench.processes["act_attention"]
    node.kill()
    killed = time.monotonic()
    place = node.written
    node.restart()
    if not bench.wait(lambda: bench.state(killed + QUIET_S) != "", START_S):
        outcome.problems.append("the node did not come back")
    time.sleep(2.0)
    if bench.witness.commands(killed + QUIET_S):
        outcome.problems.append("something was commanded before it was enabled")
    if bench.state(killed + QUIET_S) != "disabled":
        outcome.problems.append(f"it came back {bench.state(killed + QUIET_S) or 'silent'}")
    lines = [line for line in node.log_since(place).splitlines() if "comes up disabled" in line]
    outcome.said = f"log: {lines[0].rpartition(']: ')[2]}" if lines else ""
    if not lines:
        outcome.problems.append("the log does not say that it comes up disabled")
    enabled = time.monotonic()
    # Between two episodes there is no joint state to start from: whoever is refused asks again.
    if bench.wait(bench.enable, AGAIN_S) and bench.wait(lambda: bench.moving(enabled), AGAIN_S):
        outcome.back_s = round(time.monotonic() - enabled, 2)
    else:
        outcome.problems.append("it could not be enabled again")


DEMO_ROWS = (
    DemoRow("kill -9 of the recorder", "beside the node that commands", "goes on", _kill_recorder),
    DemoRow(
        "kill -9 of the robot's driver",
        "no camera and no joint state is left; then the driver is started again",
        "held",
        _kill_robot,
    ),
    DemoRow(
        "kill -9 of the attention node",
        "started again with enabled:=true, as a launch file does",
        "nothing is commanded; disabled when it is back",
        _kill_node,
    ),
)
