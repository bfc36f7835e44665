# SPDX-License-Identifier: Apache-2.0
"""The rows on a real ROS 2, once with each of its middlewares: node, bench and all on its rclpy.

The ROS 2 is found as for the tests marked ros2 (test/ros2/real_ros2.py), and this package is built
for it with colcon where the setup file that is named has none.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HERE = Path(__file__).parent


class NoRos2Error(Exception):
    """There is no ROS 2 to run the rows on; the sentence says what would help."""


def ros2_records(
    setup: Path | None, middlewares: Sequence[str], arguments: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """The record of each run, with the middleware's name as "rmw".

    Args:
        setup: of the ROS 2, or of a workspace on top of it; None for the one that is there.
        middlewares: their names; none for all that this ROS 2 has.
        arguments: of `python test/faults`, for each run.

    Raises:
        NoRos2Error: there is none, or it lacks what is needed.
    """
    with tempfile.TemporaryDirectory(prefix="faults-ros2-") as name:
        folder = Path(name)
        # This folder alone: in the repository the sources would hide the package that was built.
        shutil.copytree(HERE, folder / "code" / "faults")
        for rmw, environment in _environments(folder, setup, middlewares):
            sys.stdout.write(f"on ROS 2 {environment['ROS_DISTRO']}, {rmw}\n")
            sys.stdout.flush()
            record = _run(folder, environment, arguments)
            yield {"rmw": rmw, "distribution": environment["ROS_DISTRO"], **record}


def _environments(
    folder: Path, setup: Path | None, middlewares: Sequence[str]
) -> Iterator[tuple[str, dict[str, str]]]:
    sys.path.append(str(HERE.parent / "ros2"))
    from real_ros2 import (  # noqa: PLC0415
        RMWS,
        RosTwo,
        build_workspace,
        find_colcon,
        find_ros2,
        sourced,
    )

    if setup is not None:
        if not setup.is_file():
            raise NoRos2Error(f"there is no setup file {setup}")
        os.environ["PAM_ROS_ROS2_SETUP"] = str(setup)
    found: dict[str, str] | None = find_ros2()
    if found is None:
        raise NoRos2Error("no ROS 2 found: source one, or name its setup file with --setup")
    there = {rmw: RosTwo(found, rmw, domain=0) for rmw in middlewares or RMWS}
    lacking = [rmw for rmw, ros2 in there.items() if ros2.share(rmw) is None]
    if middlewares and lacking:
        raise NoRos2Error(f"this ROS 2 has no {', '.join(lacking)}")
    there = {rmw: ros2 for rmw, ros2 in there.items() if rmw not in lacking}
    if not there:
        raise NoRos2Error(f"this ROS 2 has none of {', '.join(RMWS)}")
    layer: Path | None = None
    if next(iter(there.values())).share("pam_ros") is None:
        if find_colcon(found) is None:
            raise NoRos2Error(
                "colcon was not found: apt-get install python3-colcon-common-extensions"
            )
        sys.stdout.write("building this package for it with colcon\n")
        sys.stdout.flush()
        workspace: Path = build_workspace(found, folder)
        layer = workspace / "install" / "local_setup.bash"
    for rmw, ros2 in there.items():
        environment: dict[str, str] = ros2.environment
        yield rmw, environment if layer is None else sourced(layer, environment)


def _run(folder: Path, environment: Mapping[str, str], arguments: Sequence[str]) -> dict[str, Any]:
    code = os.pathsep.join([environment["PYTHONPATH"], str(folder / "code")])
    outcomes = folder / "outcomes.json"
    outcomes.unlink(missing_ok=True)
    command = [sys.executable, "-m", "faults", "--json", str(outcomes), *arguments]
    with _ended(
        subprocess.Popen(command, cwd=folder, env={**environment, "PYTHONPATH": code})
    ) as run:
        run.wait()
    if not outcomes.is_file():
        raise NoRos2Error(f"the run ended with status {run.returncode} before its last row")
    record: dict[str, Any] = json.loads(outcomes.read_text())
    return record


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends with this one, and with it all that it started."""
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
