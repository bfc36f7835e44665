# SPDX-License-Identifier: Apache-2.0
"""A node as a process of its own, with its log, to be disturbed and killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def environment() -> dict[str, str]:
    """Of a process of the suite: it finds the modules that this one finds."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def ros_arguments(parameters: Mapping[str, object], params_file: Path | None = None) -> list[str]:
    """`--ros-args -p name:=value ...`."""
    given = ["--ros-args"]
    if params_file is not None:
        given += ["--params-file", str(params_file)]
    for name, value in parameters.items():
        given += ["-p", f"{name}:={str(value).lower() if isinstance(value, bool) else value}"]
    return given


class NodeProcess:
    """One process, `pam_ros run NODE` or a program of the suite; its log grows over restarts."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self._command = [sys.executable, *command]
        self._path = log
        self._stream = log.open("ab")
        self.starts = 0
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        self.starts += 1
        return subprocess.Popen(
            self._command,
            stdout=self._stream,
            stderr=subprocess.STDOUT,
            env={**environment(), "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )

    @classmethod
    def of_node(
        cls,
        name: str,
        log: Path,
        parameters: Mapping[str, object],
        params_file: Path | None = None,
    ) -> NodeProcess:
        """`pam_ros run NAME` with parameters."""
        return cls(["-m", "pam_ros.cli", "run", name, *ros_arguments(parameters, params_file)], log)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    @property
    def written(self) -> int:
        """Bytes of the log so far."""
        return self._path.stat().st_size

    def log_since(self, place: int) -> str:
        """What it has said since then."""
        with self._path.open("rb") as file:
            file.seek(place)
            return file.read().decode(errors="replace")

    def children(self) -> dict[int, str]:
        """Processes that it started, with their command lines."""
        found = {}
        for folder in Path("/proc").iterdir():
            if not folder.name.isdecimal():
                continue
            try:
                stat = (folder / "stat").read_text().rpartition(")")[2].split()
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if int(stat[1]) == self.pid:
                found[int(folder.name)] = line
        return found

    def kill(self) -> None:
        """As by kill -9."""
        self._process.kill()
        self._process.wait()

    def restart(self) -> None:
        """What a launch file with respawn does."""
        self._process = self._start()

    def stop(self, seconds: float = 15.0) -> None:
        """As Ctrl-C would; what does not listen is killed."""
        if self.alive:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
        self._stream.close()
