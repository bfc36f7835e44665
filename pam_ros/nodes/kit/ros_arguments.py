# SPDX-License-Identifier: Apache-2.0
"""ROS arguments that a process hands on to the one it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_WITH_VALUE = ("--enclave", "-e", "--log-level")
_ALONE = tuple(
    f"--{switch}-{logs}-logs"
    for switch in ("enable", "disable")
    for logs in ("rosout", "stdout", "external-lib")
)


def enclave_and_logging(arguments: Sequence[str]) -> tuple[str, ...]:
    """Of a command line, the ROS arguments for enclave and logging, after a `--ros-args`.

    Names, remappings and parameters are left out: they are for the process's own nodes.
    """
    kept = ["--ros-args"]
    is_ros = False
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=False):
        if argument in ("--ros-args", "--"):
            is_ros = argument == "--ros-args"
        elif is_ros and argument in _WITH_VALUE:
            kept += [argument, following]
        elif is_ros and argument in _ALONE:
            kept.append(argument)
    return tuple(kept)
