# SPDX-License-Identifier: Apache-2.0
"""Nodes as processes of their own, each with a log file, ended without losing anything."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from pam_ros.share.errors import PamRosError
from pam_ros.sim.domains import TakenDomain

if TYPE_CHECKING:
    from pathlib import Path


_taken: list[TakenDomain] = []
"""As long as this process lives."""


class ProcessError(PamRosError):
    """A node has ended that should not have; the sentence holds its last words."""


def own_domain(domain: int | None) -> int:
    """Give this process and those it starts a DDS domain of their own, on this machine alone.

    Whatever the shell says: simulated joint commands must not reach a robot. Returns the domain;
    where none is given, one that nobody else is in.
    """
    if domain is None:
        _taken.append(TakenDomain())
    chosen = _taken[-1].number if domain is None else domain
    os.environ["ROS_DOMAIN_ID"] = str(chosen)
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    for name in ("ROS_LOCALHOST_ONLY", "ROS_STATIC_PEERS"):
        os.environ.pop(name, None)
    return chosen


class Stop:
    """Set by Ctrl-C, SIGTERM and a closed terminal.

    The caller looks at it where it waits; what it has begun to stop or to write, it finishes.
    """

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask)

    def _ask(self, _number: int, _frame: object) -> None:
        self.asked = True


class Processes:
    """Starts nodes by their name for `pam_ros run`."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, params_file: Path | None = None, **parameters: object) -> None:
        """Start a node with a parameter file and parameters; the latter win."""
        command = [sys.executable, "-m", "pam_ros.cli", "run", name, "--ros-args"]
        if params_file is not None:
            command += ["--params-file", str(params_file)]
        for key, value in parameters.items():
            # As YAML has it: a text may hold what YAML gives a meaning.
            command += ["-p", f"{key}:={json.dumps(value, ensure_ascii=False, default=str)}"]
        with (self._logs / f"{name}.log").open("wb") as log:
            # A session of its own: Ctrl-C in the terminal reaches the caller alone. And a folder of
            # its own for what a killed run leaves: it must not keep another demo from moving.
            self._running[name] = subprocess.Popen(
                command,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, "XDG_RUNTIME_DIR": str(self._logs)},
            )

    def pid(self, name: str) -> int:
        """The process id of a node that was started."""
        return self._running[name].pid

    def check(self) -> None:
        """Raise ProcessError with the last words of a node that has ended."""
        for name, process in self._running.items():
            if process.poll() is not None:
                words = (self._logs / f"{name}.log").read_text(errors="replace").strip()
                last = words.splitlines()[-1] if words else "it said nothing"
                raise ProcessError(
                    f"the {name} node ended with status {process.returncode}: {last}"
                )

    def stop(self, name: str, seconds: float = 15.0) -> None:
        """End a node as Ctrl-C would; one that does not listen for so long [s] is killed."""
        process = self._running.pop(name, None)
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGINT)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def stop_all(self) -> None:
        """End what still runs."""
        for name in list(self._running):
            self.stop(name, seconds=5.0)
