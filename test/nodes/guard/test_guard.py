# SPDX-License-Identifier: Apache-2.0
"""The guard process holds the robot while the node stands still, and ends with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.time import Time
from sensor_msgs.msg import Image, JointState

from pam_ros.nodes.guard import link as guard_link
from pam_ros.nodes.guard.link import GuardLink
from pam_ros.robot import load_contract

PERIOD = 0.5
"""Long, so that a slow machine keeps to it."""
HANG = 4.0


class Running:
    """The node as a process of its own, fed with observations, and what it commands when.

    commands: when each was sent [s], by its stamp, and to where. This process may be late itself.
    """

    def __init__(self, arguments, wishes) -> None:
        self.wishes = wishes
        self.lines: list[str] = []
        self.commands: list[tuple[float, tuple[float, ...]]] = []
        self.reports: list = []
        program = str(Path(__file__).with_name("hanging_node.py"))
        self.process = subprocess.Popen(
            [sys.executable, program, str(wishes), "--ros-args", *arguments],
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        rclpy.init(args=[])
        self.peer = rclpy.create_node("peer")
        self._images = self.peer.create_publisher(Image, "/top/image_raw", 2)
        self._joints = self.peer.create_publisher(JointState, "/joint_states", 2)
        self.peer.create_subscription(JointState, "/joint_commands", self._on_command, 50)
        self.peer.create_subscription(DiagnosticArray, "/diagnostics", self._on_report, 50)
        self.peer.create_timer(PERIOD, self._observe)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.peer)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except ExternalShutdownException:
            return

    def _read(self) -> None:
        for line in self.process.stderr:
            self.lines.append(line)

    def _on_command(self, message) -> None:
        sent = Time.from_msg(message.header.stamp).nanoseconds * 1e-9
        self.commands.append((sent, tuple(message.position)))

    def _on_report(self, message) -> None:
        # But for "Node starting up", which has no values.
        self.reports += [status for status in message.status if status.values]

    def _observe(self) -> None:
        stamp = self.peer.get_clock().now().to_msg()
        joints = JointState(name=["pan", "lift"], position=[0.1, 0.2])
        image = Image(height=64, width=96, encoding="rgb8", step=96 * 3)
        image.data = np.full((64, 96, 3), 90, np.uint8).tobytes()
        joints.header.stamp = image.header.stamp = stamp
        self._joints.publish(joints)
        self._images.publish(image)

    def wait(self, condition, seconds=400.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, "".join(self.lines)
            assert time.monotonic() < end, "".join(self.lines)
            time.sleep(0.01)

    def hang(self, word, seconds=HANG) -> float:
        """Let the policy hang; when it began to."""
        self.wait(lambda: len(self.commands) > 6)
        self.wishes.write_text(f"{word} {seconds}")
        self.wait(lambda: not self.wishes.exists())
        return time.time()

    def children(self) -> list[int]:
        pid = self.process.pid
        tasks = Path(f"/proc/{pid}/task").glob("*/children")
        return [int(word) for task in tasks for word in task.read_text().split()]

    def told(self, key) -> str:
        """The newest value of the node's health; empty before it has told any."""
        told = [s for s in list(self.reports) if s.name == "act_attention: policy"]
        return {value.key: value.value for value in told[-1].values}[key] if told else ""

    def guard(self) -> list:
        """What the guard has told of its own health."""
        return [s for s in self.reports if s.name == "act_attention_guard: watchdog"]

    def commanded_after(self, moment) -> int:
        """How many commands were sent after a moment, once all have arrived that were sent."""
        while not self.quiet():
            assert time.time() < moment + 60, "commands go on"
        return sum(sent > moment for sent, _ in self.commands)

    def quiet(self) -> bool:
        """Whether no command comes for some periods: those on their way have arrived before."""
        before = len(self.commands)
        time.sleep(4 * PERIOD)
        return len(self.commands) == before

    def said(self, words) -> bool:
        return any(words in line for line in self.lines)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._executor.shutdown(timeout_sec=5.0)
        self._thread.join(timeout=5.0)
        self.peer.destroy_node()
        rclpy.try_shutdown()
        self._reader.join(timeout=5.0)


@pytest.fixture
def running(domain, checkpoint, contract, tmp_path):
    """Starts the node, enabled, as a process."""
    opened = []

    def start(**parameters) -> Running:
        given = {"policy": checkpoint, "contract": contract(max_age=0.5), "rate_hz": 1 / PERIOD,
                 "enabled": "true", "temporal_ensemble": "true", "torch_threads": 1,
                 "engine": "eager", "soft_start_s": 0.0, **parameters}  # fmt: skip
        arguments = [w for name, value in given.items() for w in ("-p", f"{name}:={value}")]
        opened.append(Running(arguments, tmp_path / "wishes"))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks into Linux's /proc")
def test_the_robot_is_held_while_the_policy_keeps_pythons_lock_and_then_goes_on(running):
    robot = running()
    began = robot.hang("lock")
    robot.wait(lambda: time.time() > began + HANG + 4 * PERIOD)
    within = [(at, where) for at, where in robot.commands if began < at < began + HANG]
    before = [where for at, where in robot.commands if at <= began][-1]
    # The last command, again and again, with never two periods between.
    assert {where for _, where in within} == {before}, "".join(robot.lines)
    assert len(within) >= HANG / PERIOD - 3, "".join(robot.lines)
    times = [at for at, _ in robot.commands if at <= began][-1:] + [at for at, _ in within]
    assert max(np.diff(sorted(times))) < 2 * PERIOD
    # The guard says so meanwhile, the node afterwards; then it commands again.
    robot.wait(lambda: robot.said("holding the last one"))
    robot.wait(lambda: robot.said("its guard held the robot for"))
    robot.wait(
        lambda: any(s.level == b"\x02" and "is being held" in s.message for s in robot.guard())
    )
    robot.wait(lambda: robot.told("safety_state") == "running")
    robot.wait(lambda: sum(at > began + HANG + 2 * PERIOD for at, _ in robot.commands) > 1)


def test_a_policy_that_hangs_without_the_lock_is_the_nodes_own_to_hold(running):
    robot = running()
    began = robot.hang("free")
    robot.wait(lambda: time.time() > began + HANG + 2 * PERIOD)
    times = [at for at, _ in robot.commands if began - 2 * PERIOD < at < began + HANG]
    assert max(np.diff(sorted(times))) < 2 * PERIOD
    robot.wait(lambda: robot.said("holding: no action from the policy for"))
    # Never known to the guard, or seldom: the node says its holding commands to it as well.
    robot.wait(robot.guard)
    takeovers = {v.key: v.value for v in robot.guard()[-1].values}["takeovers"]
    assert int(takeovers) <= 1


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks into Linux's /proc")
def test_after_kill_9_of_the_node_nothing_is_commanded_any_more(running):
    robot = running()
    robot.wait(lambda: len(robot.commands) > 3)
    (guard,) = robot.children()
    robot.process.kill()
    robot.process.wait()
    end = time.monotonic() + 20
    while Path(f"/proc/{guard}/cmdline").exists() and time.monotonic() < end:
        if not Path(f"/proc/{guard}/cmdline").read_bytes():
            break  # a zombie, whose new parent has not looked yet
        time.sleep(0.05)
    else:
        assert time.monotonic() < end, "the guard goes on"
    assert robot.commanded_after(time.time()) == 0


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks into Linux's /proc")
def test_a_guard_that_is_killed_is_replaced_and_the_replacement_holds_too(running):
    robot = running()
    robot.wait(lambda: len(robot.commands) > 3)
    (guard,) = robot.children()
    os.kill(guard, signal.SIGKILL)
    robot.wait(lambda: robot.said("the command guard has ended with status -9"))
    robot.wait(lambda: robot.children() not in ([], [guard]))
    robot.wait(lambda: robot.told("command_guard_restarts") == "1")
    robot.wait(lambda: robot.told("command_guard") == "watching")
    robot.wait(lambda: robot.peer.count_publishers("/joint_commands") == 2)
    before = len(robot.commands)
    began = robot.hang("lock")
    robot.wait(lambda: time.time() > began + HANG)
    assert len(robot.commands) - before >= HANG / PERIOD - 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_in_a_robot_that_stands_where_it_was(running, number):
    robot = running()
    robot.wait(lambda: len(robot.commands) > 4)
    robot.process.send_signal(number)
    assert robot.process.wait(120) == 0, "".join(robot.lines)
    ended = time.time()
    assert not robot.said("Traceback"), "".join(robot.lines)
    assert robot.commanded_after(ended) == 0


def test_a_signal_ends_a_node_whose_policy_hangs(running):
    robot = running()
    robot.wait(lambda: len(robot.commands) > 4)
    robot.hang("free", 500.0)
    robot.process.send_signal(signal.SIGTERM)
    assert robot.process.wait(120) == 0, "".join(robot.lines)


@pytest.fixture
def link(domain, contract, patient_guard):
    """A guard that is ready, and its link."""
    rclpy.init(args=[])
    node = rclpy.create_node("act_attention")
    made = GuardLink(node, load_contract(contract()).command, PERIOD)
    made.wait_until_ready()
    yield made
    made.close()
    node.destroy_node()
    rclpy.try_shutdown()


def answered(link) -> None:
    """Beat until the command is given back: a busy machine may be late with it."""
    end = time.monotonic() + 60.0
    while not link.beat((0.1, 0.2)):
        assert time.monotonic() < end, "the guard does not answer"


def test_what_was_asked_is_asked_again_until_it_is_answered(link, monkeypatch):
    monkeypatch.setattr(guard_link, "PATIENCE_S", 600.0)
    assert link.beat((0.1, 0.2))
    link.process.send_signal(signal.SIGSTOP)
    time.sleep(2 * PERIOD)
    assert not link.beat((0.1, 0.2))  # late: asks, and the guard stands still
    assert not link.beat((0.1, 0.2))  # in time, but the first question is open
    link.process.send_signal(signal.SIGCONT)
    answered(link)
    answered(link)


def test_a_guard_that_never_answers_is_ended_and_replaced(link, capfd):
    assert link.beat((0.1, 0.2))
    stopped = link.process
    stopped.send_signal(signal.SIGSTOP)
    time.sleep(2 * PERIOD)
    answered(link)
    assert stopped.wait(60.0) == -signal.SIGKILL
    assert "the command guard does not answer" in capfd.readouterr().err
    link.check()
    link.wait_until_ready()
    assert link.beat((0.1, 0.2))


def test_a_guard_that_does_not_start_is_tried_again_later_and_no_error(link, monkeypatch, capfd):
    link.process.kill()
    link.process.wait()

    def refuse(*_, **__):
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(guard_link.subprocess, "Popen", refuse)
    begin = time.monotonic()
    for _ in range(20):
        link.check()
    tries = capfd.readouterr().err.count("the command guard does not start: [Errno 12]")
    # Once, and again after a second where the machine is so busy.
    assert 1 <= tries <= 1 + (time.monotonic() - begin) / (2 * guard_link._FIRST_PAUSE_S)
    assert link.beat((0.1, 0.2))  # nobody else commands
    monkeypatch.undo()
    end = time.monotonic() + 60.0
    while link.process.poll() is not None:
        link.check()
        assert time.monotonic() < end
        time.sleep(0.05)
    link.wait_until_ready()


def test_the_guard_is_the_nodes_own_whatever_lies_in_the_working_folder(
    domain, patient_guard, contract, tmp_path, monkeypatch
):
    """As where a launch is called from the sources of the package."""
    path = contract()
    (tmp_path / "pam_ros").mkdir()
    (tmp_path / "pam_ros" / "__init__.py").write_text("raise ImportError('another one')")
    monkeypatch.chdir(tmp_path)
    rclpy.init(args=[])
    node = rclpy.create_node("act_attention")
    try:
        link = GuardLink(node, load_contract(path).command, PERIOD)
        link.wait_until_ready()
        assert link.beat((0.1, 0.2))
        link.close()
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
