# SPDX-License-Identifier: Apache-2.0
"""Nodes in this process and in others, each test in a DDS domain of its own."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from rclpy_cyclone import installed

sys.path.insert(0, str(Path(__file__).parent))

ROOT = Path(__file__).parents[2]
PREAMBLE = f"""
import sys
from pathlib import Path
sys.path.append({str(ROOT)!r})
from rclpy_cyclone import install
install(interfaces={{"pam_ros": Path({str(ROOT / "msg")!r})}})
"""

# What a program of a test inherits: the range only where ROS 2's own rclpy would look further.
KEPT = () if installed() else ("ROS_AUTOMATIC_DISCOVERY_RANGE",)


def pytest_collection_modifyitems(items):
    """These tests are for ROS 2's own rclpy too, but for some."""
    if not installed():
        for item in items:
            if item.get_closest_marker("embedded_only"):
                item.add_marker(pytest.mark.skip(reason="about the embedded runtime"))


@pytest.fixture
def domain(free_domain):
    return free_domain


@pytest.fixture
def ros(domain):
    rclpy.init(args=[], domain_id=domain, signal_handler_options=SignalHandlerOptions.NO)
    yield rclpy
    rclpy.try_shutdown()


@pytest.fixture
def context(domain):
    """A context for a command line: context(*arguments)."""
    made = []

    def start(*arguments):
        context = Context()
        rclpy.init(args=["program", *arguments], context=context, domain_id=domain)
        made.append(context)
        return context

    yield start
    for context in made:
        context.try_shutdown()


@pytest.fixture
def node(ros):
    made = Node("subject")
    yield made
    made.destroy_node()


@pytest.fixture
def executor(ros):
    with SingleThreadedExecutor() as made:
        yield made


@pytest.fixture
def spin_until(executor):
    """Spin nodes until a condition holds; False after the timeout."""

    def spin(condition, *nodes, timeout=60.0):
        for each in nodes:
            executor.add_node(each)
        end = time.monotonic() + timeout
        while not condition() and time.monotonic() < end:
            executor.spin_once(0.05)
        for each in nodes:
            executor.remove_node(each)
        return bool(condition())

    return spin


class Script:
    """A Python program in another process that has the runtime in place."""

    def __init__(self, source, arguments, environment):
        self.lines = []
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-c", PREAMBLE + source, *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    def wait_for(self, text, timeout=90.0):
        """The first line with this text."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            for line in list(self.lines):
                if text in line:
                    return line
            time.sleep(0.02)
        raise AssertionError(f"no line with {text!r} in {self.lines}")

    def signal(self, number):
        self.process.send_signal(number)

    def finish(self, timeout=90.0):
        """Exit status, once the process is over."""
        code = self.process.wait(timeout)
        self._reader.join(60)
        return code


@pytest.fixture
def script(domain):
    """Start a program: script(source, *arguments, VARIABLE=value)."""
    running = []

    def start(source, *arguments, **variables):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ROS_") or k in KEPT}
        environment.update(ROS_DOMAIN_ID=str(domain), **variables)
        made = Script(source, arguments, environment)
        running.append(made)
        return made

    yield start
    for made in running:
        if made.process.poll() is None:
            made.process.kill()
        made.process.wait()
        assert made.process.stdout is not None
        made.process.stdout.close()
