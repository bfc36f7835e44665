# SPDX-License-Identifier: Apache-2.0
"""A file that is there as a whole or not at all."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from pam_ros.share.errors import PamRosError


def replace_file(path: Path, data: bytes, error: type[PamRosError]) -> None:
    """Put `data` under a name in one step: after a crash there is the old content or the new.

    Args:
        path: of the file.
        data: its content.
        error: what to raise.

    Raises:
        PamRosError: of the class `error`: it cannot be written, the disk being full for one; the
            old content stays.
    """
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as trouble:
        part.unlink(missing_ok=True)
        raise error(f"{path} cannot be written: {trouble.strerror}") from None
