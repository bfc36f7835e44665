# SPDX-License-Identifier: Apache-2.0
"""Whether the run before this one died.

A launch file or service repeats its parameters on a respawn, `enabled:=true` too. Nobody has looked
at the robot since it was left alone, so a node that starts after one that died comes up disabled,
whoever started it. A run leaves a small file from its start to its orderly end.
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
        try:
            left = self._path.exists()
        except OSError as error:
            return f"{self._path} cannot be read: {error}"
        reason = "the process before did not end in order" if left else ""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._path.write_text(f"{os.getpid()}\n")
        except OSError as error:
            reason = reason or f"{self._path} cannot be written: {error}"
        return reason

    def end(self) -> None:
        """The run ends in order."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
