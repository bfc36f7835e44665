# SPDX-License-Identifier: Apache-2.0
"""Whether this process was started again in place of one that died.

A launch file repeats its parameters on a respawn, `enabled:=true` too. Nobody has looked at the
robot since it was left alone, so a respawned node must come up disabled. The process before leaves
a small file if it did not end in order; it names who started it.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


class RunMark:
    """The file of one node name, in the user's runtime folder, which a reboot empties."""

    def __init__(self, node_name: str) -> None:
        root = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
        domain = os.environ.get("ROS_DOMAIN_ID", "0")
        word = f"{domain}{node_name}".replace("/", ".")
        self._path = root / f"pam_ros-{os.getuid()}" / f"{word}.running"

    def begin(self) -> str:
        """Leave the mark; why this start must not enable anything, empty where it may."""
        reason = ""
        try:
            left = self._path.read_text()
        except FileNotFoundError:
            left = ""
        except (OSError, UnicodeDecodeError) as error:
            left, reason = "", f"{self._path} cannot be read: {error}"
        # A service manager that is process 1 starts everything; then any unfinished run counts.
        if left and (left == _starter() or os.getppid() <= 1):
            reason = "the process before did not end in order"
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._path.write_text(_starter())
        except OSError as error:
            reason = reason or f"{self._path} cannot be written: {error}"
        return reason

    def end(self) -> None:
        """The run ends in order."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)


def _starter() -> str:
    """The parent process: its number, and when it began, as numbers come back."""
    parent = os.getppid()
    try:
        # The name before may hold spaces and brackets; the start time is field 22.
        fields = Path(f"/proc/{parent}/stat").read_text().rpartition(")")[2].split()
        return f"{parent} {fields[19]}"
    except (OSError, IndexError):
        return f"{parent}"
