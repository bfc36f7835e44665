# SPDX-License-Identifier: Apache-2.0
"""Finds a real ROS 2 and runs its commands, on loopback, beside the interpreter of the tests."""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# What lies in a checkout that git does not have.
NOT_SOURCE = shutil.ignore_patterns(
    ".git", ".venv", ".*_cache", "__pycache__", "*.egg-info", "build", "install", "log", "out",
)  # fmt: skip
PEER = Path(__file__).with_name("peer.py")
# Runs the file that follows on the command line as if ROS 2 were installed.
EMBEDDED = f"""
import runpy, sys
from pathlib import Path
from rclpy_cyclone import install
install(interfaces={{"pam_ros": Path({str(ROOT / "msg")!r})}})
sys.argv.pop(0)
runpy.run_path(sys.argv[0], run_name="__main__")
"""
# Domains above Linux's ephemeral ports, one for each module that talks.
DOMAINS = itertools.cycle(range(215, 233))
CYCLONE, FAST = RMWS = ("rmw_cyclonedds_cpp", "rmw_fastrtps_cpp")
LOOPBACK = (
    "<CycloneDDS><Domain><General><Interfaces><NetworkInterface name='lo'/></Interfaces>"
    "<AllowMulticast>false</AllowMulticast></General><Discovery><ParticipantIndex>auto"
    "</ParticipantIndex><MaxAutoParticipantIndex>99</MaxAutoParticipantIndex>"
    "<Peers><Peer address='127.0.0.1'/></Peers></Discovery></Domain></CycloneDDS>"
)
OF_ROS = ("ROS_", "AMENT_", "COLCON_", "RMW_", "CYCLONEDDS_", "PYTHONPATH", "LD_LIBRARY_PATH")


def sourced(setup, environment):
    """The environment after sourcing a setup file."""
    done = subprocess.run(
        ["bash", "-c", '. "$0" >/dev/null && env -0', str(setup)],
        env=environment, capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.fail(f"sourcing {setup} failed: {done.stderr.decode()}")
    return dict(entry.split("=", 1) for entry in done.stdout.decode().split("\0") if "=" in entry)


def without_ros():
    """An environment in which the embedded runtime may start."""
    return {key: value for key, value in os.environ.items() if not key.startswith(OF_ROS)}


def find_ros2():
    """The environment of the named, sourced or installed ROS 2; None where there is none."""
    named = os.environ.get("PAM_ROS_ROS2_SETUP")
    if named:
        if not Path(named).is_file():
            pytest.fail(f"PAM_ROS_ROS2_SETUP names {named}, which is no file")
        return sourced(named, without_ros())
    if "AMENT_PREFIX_PATH" in os.environ and shutil.which("ros2"):
        return dict(os.environ)
    for distribution in ("jazzy", "kilted", "lyrical", "rolling"):
        setup = Path("/opt/ros", distribution, "setup.bash")
        if setup.is_file():
            return sourced(setup, without_ros())
    return None


class Process:
    """A program in the background, its output line by line."""

    def __init__(self, command, environment, cwd=None):
        self.lines = []
        self._changed = threading.Condition()
        self.popen = subprocess.Popen(
            command, env=environment, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, start_new_session=True,
        )  # fmt: skip
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def wait_for(self, accept, timeout=45.0):
        """The first line that accept() takes; the test fails where none comes."""
        end = time.monotonic() + timeout
        seen = 0
        with self._changed:
            while True:
                for line in self.lines[seen:]:
                    if accept(line):
                        return line
                seen = len(self.lines)
                left = end - time.monotonic()
                if left <= 0 or (self.popen.poll() is not None and not self._changed.wait(0.5)):
                    break
                self._changed.wait(min(left, 0.5))
        output = "\n".join(self.lines[-40:])
        pytest.fail(f"{self.popen.args!r} did not say it within {timeout} s. Its output:\n{output}")

    def wait_for_fact(self, key, accept=lambda value: True, timeout=45.0):
        """The value of the first {key: value} line of a peer that accept() takes."""

        def fits(line):
            return line.startswith("{") and key in (said := json.loads(line)) and accept(said[key])

        return json.loads(self.wait_for(fits, timeout))[key]

    def stop(self):
        """Ctrl-C to the whole group, and what ignores it is killed."""
        for wish in (signal.SIGINT, signal.SIGKILL):
            if self.popen.poll() is None:
                os.killpg(self.popen.pid, wish)
                try:
                    self.popen.wait(15)
                except subprocess.TimeoutExpired:
                    continue
        return self.popen.returncode


class RosTwo:
    """A ROS 2 with one of its middlewares, in one domain.

    inside is put before each command: it runs there.
    """

    def __init__(self, environment, rmw, domain, inside=()):
        path = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
        self._inside = inside
        self.environment = environment | {
            "PATH": path,
            "RMW_IMPLEMENTATION": rmw,
            "ROS_DOMAIN_ID": str(domain),
            "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
            "CYCLONEDDS_URI": LOOPBACK,
            "PYTHONUNBUFFERED": "1",
        }
        self.embedded_environment = without_ros() | {
            "ROS_DOMAIN_ID": str(domain),
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
        }
        self._processes = []

    @property
    def has_services(self):
        """Whether its services are formed as the embedded runtime's: Fast DDS has another form."""
        return self.environment["RMW_IMPLEMENTATION"] == CYCLONE

    def share(self, package):
        """Share folder of an installed package, or None."""
        for prefix in self.environment["AMENT_PREFIX_PATH"].split(os.pathsep):
            folder = Path(prefix, "share", package)
            if (folder / "package.xml").is_file():
                return folder
        return None

    def type_hash(self, package, message):
        """What this ROS 2 itself computed for a message type."""
        described = json.loads((self.share(package) / "msg" / f"{message}.json").read_text())
        hashes = {entry["type_name"]: entry["hash_string"] for entry in described["type_hashes"]}
        return hashes[f"{package}/msg/{message}"]

    def run(self, *arguments, timeout=60, cwd=None):
        """One `ros2 ...` command to its end."""
        return subprocess.run(
            [*self._inside, "ros2", *arguments], env=self.environment, capture_output=True,
            text=True, cwd=cwd, timeout=timeout, check=False,
        )  # fmt: skip

    def until(self, accept, *arguments, timeout=60):
        """Repeat a command until its output is accepted; discovery takes its time."""
        end = time.monotonic() + timeout
        while True:
            done = self.run(*arguments)
            if done.returncode == 0 and accept(done.stdout):
                return done.stdout
            if time.monotonic() > end:
                pytest.fail(f"ros2 {' '.join(arguments)}:\n{done.stdout}\n{done.stderr}")

    def python(self, code):
        """Run Python as a node of this ROS 2 would run."""
        return self.command("python3", "-c", code)

    def command(self, *command, timeout=120):
        """Run any program in this ROS 2's environment."""
        return subprocess.run(
            [*self._inside, *command], env=self.environment, capture_output=True, text=True,
            timeout=timeout, cwd=PEER.parent, check=False,
        )  # fmt: skip

    def start(self, *arguments):
        """One `ros2 ...` command in the background."""
        return self._keep(["ros2", *arguments], self.environment)

    def embedded(self, file, *arguments):
        """A Python file without ROS 2."""
        command = [sys.executable, "-c", EMBEDDED, str(file), *arguments]
        return self._keep(command, self.embedded_environment)

    def embedded_module(self, *arguments):
        """`python -m ...` without ROS 2."""
        return self._keep([sys.executable, "-m", *arguments], self.embedded_environment)

    def embedded_peer(self, name, other, *arguments):
        """peer.py without ROS 2."""
        return self.embedded(PEER, name, other, *arguments)

    def ros2_peer(self, name, other):
        """peer.py with this ROS 2's rclpy."""
        return self.file(PEER, name, other)

    def file(self, file, *arguments):
        """A Python file with this ROS 2's rclpy."""
        return self._keep(["python3", str(file), *arguments], self.environment)

    def _keep(self, command, environment):
        process = Process([*self._inside, *command], environment)
        self._processes.append(process)
        return process

    def close(self):
        for process in reversed(self._processes):
            process.stop()
        # Some commands leave a daemon behind, which would watch this domain for hours.
        self.run("daemon", "stop")


def find_colcon(environment):
    return shutil.which("colcon", path=environment["PATH"])


def with_ros_python(environment):
    """Without the virtual environment of the tests: rosidl needs the Python of ROS 2."""
    own = str(Path(sys.executable).parent)
    path = [entry for entry in environment["PATH"].split(os.pathsep) if entry != own]
    environment = environment | {"PATH": os.pathsep.join(path)}
    environment.pop("VIRTUAL_ENV", None)
    return environment


def build_workspace(environment, folder, *options):
    """Build this package with colcon, its tests included; returns the folder."""
    environment = with_ros_python(environment)
    source = folder / "src" / "pam_ros"
    shutil.copytree(ROOT, source, ignore=NOT_SOURCE, symlinks=True)
    done = subprocess.run(
        [find_colcon(environment), "build", *options], cwd=folder, env=environment, timeout=900,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder
