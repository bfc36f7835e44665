# SPDX-License-Identifier: Apache-2.0
"""A folder of unfinished work that one process at a time writes."""

from __future__ import annotations

import fcntl
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from pathlib import Path

    from pam_ros.share.errors import PamRosError


def lock_folder(folder: Path, name: str, what: str, error: type[PamRosError]) -> TextIO:
    """Make the folder and lock it for as long as the result is open.

    Args:
        folder: of the work.
        name: of the lock's file in it.
        what: whoever else may hold it, for the sentence: "replay".
        error: what to raise.

    Raises:
        PamRosError: of the class `error`: the folder cannot be made, or another process writes it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / name).open("w", encoding="utf-8")
    except OSError as trouble:
        raise error(f"{folder} cannot be made: {trouble.strerror}") from trouble
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as trouble:
        file.close()
        raise error(f"another {what} is writing {folder}") from trouble
    return file
