# SPDX-License-Identifier: Apache-2.0
"""Where a recording goes: into a file, or into a viewer on this machine."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from pam_ros.show.rerun.errors import ViewError
from pam_ros.show.rerun.layout import blueprint
from pam_ros.show.rerun.sdk import import_rerun

if TYPE_CHECKING:
    from pathlib import Path

    from pam_ros.robot.topics import Topics

_APPLICATION = "pam_ros"
_START_S = 30.0


def into_file(
    path: Path, topics: Topics, name: str, begin_ns: int | None = None, *, words: bool = False
) -> Any:
    """A recording that is written to a new .rrd file; see layout.blueprint for the last two.

    Raises:
        ViewError: the file cannot be written, or Rerun is missing.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("wb").close()
    except OSError as error:
        raise ViewError(f"{path} cannot be written: {error.strerror}") from None
    recording = _recording(name)
    recording.save(path, default_blueprint=blueprint(topics, begin_ns, words=words))
    return recording


def into_viewer(
    topics: Topics,
    name: str,
    port: int,
    memory: str = "25%",
    begin_ns: int | None = None,
    *,
    words: bool = False,
) -> Any:
    """A recording that is shown by a viewer on this machine, started where none listens.

    Raises:
        ViewError: the viewer does not start, or Rerun is missing.
    """
    recording = _recording(name)
    if not _listens(port):
        # Its own spawn() listens on every interface.
        command = [sys.executable, "-m", "rerun", "--bind", "127.0.0.1", "--port", str(port)]
        viewer = subprocess.Popen(
            [*command, "--memory-limit", memory, "--hide-welcome-screen", "--expect-data-soon"],
            start_new_session=True,
        )
        end = time.monotonic() + _START_S
        while not _listens(port):
            if viewer.poll() is not None or time.monotonic() > end:
                raise ViewError(
                    "Rerun's viewer did not start (it needs a display): write a file with --save, "
                    "and open it where there is one"
                )
            time.sleep(0.1)
    recording.connect_grpc(
        f"rerun+http://127.0.0.1:{port}/proxy",
        default_blueprint=blueprint(topics, begin_ns, words=words),
    )
    return recording


def close(recording: Any) -> None:
    """Write out what waits."""
    recording.flush()
    recording.disconnect()


def _recording(name: str) -> Any:
    recording = import_rerun().RecordingStream(_APPLICATION)
    recording.send_recording_name(name)
    return recording


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
