# SPDX-License-Identifier: Apache-2.0
"""Where msg/, config/ and launch/ lie: in a clone, a pip installation or a ROS 2 workspace."""

from __future__ import annotations

import os
from importlib import metadata
from pathlib import Path

from pam_ros.share.errors import NotFoundError


def share_directory() -> Path:
    """The folder that holds package.xml, msg/, config/ and launch/.

    Raises:
        NotFoundError: nothing of the kind is installed.
    """
    for folder in _candidates():
        if (folder / "package.xml").is_file() and (folder / "config").is_dir():
            return folder
    raise NotFoundError(
        "pam_ros's share folder (package.xml, msg, config, launch) was not found: reinstall the "
        "package with pip or colcon"
    )


def _candidates() -> list[Path]:
    folders = [Path(__file__).parents[2]]
    prefixes = os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)
    folders += [Path(prefix) / "share" / "pam_ros" for prefix in prefixes if prefix]
    try:
        files = metadata.files("pam_ros") or []
    except metadata.PackageNotFoundError:
        files = []
    folders += [
        Path(str(file.locate())).resolve().parent
        for file in files
        if file.parts[-3:] == ("share", "pam_ros", "package.xml")
    ]
    return folders


def find_contract(name: str) -> Path:
    """A contract by path, or by the name of a file in config/robots/ without its ending.

    Raises:
        NotFoundError: neither exists; the sentence lists the names there are.
    """
    path = Path(name).expanduser()
    if path.is_file():
        return path
    robots = share_directory() / "config" / "robots"
    shipped = robots / f"{name}.yaml"
    if shipped.is_file():
        return shipped
    names = sorted(file.stem for file in robots.glob("*.yaml"))
    variants = [known for known in names if known.startswith(f"{name}_")]
    if variants and name:
        raise NotFoundError(
            f"contract '{name}' is there as {' and '.join(variants)}: take the one in whose units "
            "the policy's data set was recorded (docs/own_robot.md says how to know)"
        )
    known = ", ".join(names)
    raise NotFoundError(
        f"contract '{name}' is neither a file nor one of the shipped contracts ({known})"
    )
