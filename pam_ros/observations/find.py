# SPDX-License-Identifier: Apache-2.0
"""The recordings that names on a command line mean."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import TYPE_CHECKING

from pam_ros.bags.salvage.layout import ENDINGS
from pam_ros.observations.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Sequence


def find_recordings(names: Sequence[str]) -> tuple[list[Path], bool]:
    """The bags and data sets that these names mean, and whether they are several by their form.

    Args:
        names: bags, LeRobot data sets (folder, hub id), folders of either, and patterns with *.

    Raises:
        SourceError: a name means no recording.
    """
    several = len(names) > 1
    recordings: list[Path] = []
    for name in names:
        path = Path(name).expanduser()
        if any(sign in name for sign in "*?[") and not path.exists():
            found = sorted(Path(hit) for hit in glob.glob(str(path)) if _is_one(Path(hit)))  # noqa: PTH207
            several = True
        elif path.is_dir() and not _is_one(path):
            found = sorted(entry for entry in path.iterdir() if _is_one(entry))
            several = True
        else:
            found = [path]
        if not found:
            raise SourceError(f"{name} means no bag")
        recordings += [one for one in found if one not in recordings]
    return recordings, several


def is_dataset(path: Path) -> bool:
    """Whether this is a data set's folder, or looks like one of the hub: user/name."""
    if path.is_dir():
        return (path / "meta" / "info.json").is_file()
    return not path.exists() and is_hub_id(path)


def is_hub_id(path: Path) -> bool:
    """Whether a name that is no file looks like user/name."""
    return not path.is_absolute() and len(path.parts) == 2 and not path.suffix


def _is_one(path: Path) -> bool:
    if not path.is_dir():
        return path.name.endswith(ENDINGS)
    if is_dataset(path) or (path / "metadata.yaml").is_file():
        return True
    entries = list(path.iterdir())
    # One that was not closed has no metadata.yaml; nor has a folder of recordings.
    holds_others = any((entry / "metadata.yaml").is_file() for entry in entries if entry.is_dir())
    return not holds_others and any(entry.name.endswith(ENDINGS) for entry in entries)
