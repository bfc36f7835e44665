# SPDX-License-Identifier: Apache-2.0
"""Where a process that this one starts finds the same modules."""

from __future__ import annotations

import sys
from pathlib import Path


def module_path() -> list[str]:
    """This process's own path, without what means the working folder.

    With `python -m` or `-c` the working folder would come first, and a launch from the sources
    would find those, which have no messages.
    """
    # Not resolved: after `colcon build --symlink-install` that is the sources.
    own = str(Path(__file__).absolute().parents[2])
    path = [entry for entry in sys.path if entry]
    return path if own in path else [own, *path]
