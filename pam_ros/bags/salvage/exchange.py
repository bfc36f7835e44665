# SPDX-License-Identifier: Apache-2.0
"""New files take the places of old ones: all of them, or none."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pam_ros.bags.salvage.from_sqlite import LOGS

if TYPE_CHECKING:
    from collections.abc import Iterator

KEPT, WORK = ".before_repair", ".pam_ros-repair-"
_SHARED_MEMORY = "-shm"
_ENDINGS = (".mcap", ".db3")


class Workshop:
    """A place beside the bag for what is not finished; made when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._beside = folder
        self._folder: Path | None = None

    def place(self, name: str) -> Path:
        """A path in it.

        Raises:
            OSError: it cannot be made.
        """
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix=WORK, dir=self._beside))
        return self._folder / name

    def close(self) -> None:
        """Remove it with all that is in it."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


@contextmanager
def workshop(folder: Path) -> Iterator[Workshop]:
    """A Workshop that leaves nothing; after an error the folder has its old time too."""
    before = folder.stat()
    work = Workshop(folder)
    try:
        yield work
    except BaseException:
        work.close()
        with suppress(OSError):
            os.utime(folder, ns=(before.st_atime_ns, before.st_mtime_ns))
        raise
    work.close()


def exchange(pairs: list[tuple[Path, Path]]) -> dict[Path, Path]:
    """Put each new file in its old one's place; returns where the old ones are.

    Raises:
        OSError: the disk refuses; every file is where it was.
    """
    done: list[tuple[Path, Path]] = []
    kept: dict[Path, Path] = {}
    try:
        for old, new in pairs:
            if old.exists():
                aside = _free_name(old)
                kept[old] = aside
                for ending in ("", *LOGS, _SHARED_MEMORY):
                    beside = old.with_name(old.name + ending)
                    if beside.exists():
                        target = aside.with_name(aside.name + ending)
                        beside.rename(target)
                        done.append((beside, target))
            new.rename(old)
            done.append((new, old))
    except OSError:
        for origin, target in reversed(done):
            with suppress(OSError):
                target.rename(origin)
        raise
    return kept


def bring_back(folder: Path) -> None:
    """Undo what a repair that was killed between two renames has left.

    Raises:
        OSError: the disk refuses.
    """
    for ending in _ENDINGS:
        for aside in folder.glob(f"*{ending}{KEPT}"):
            original = aside.with_name(aside.name[: -len(KEPT)])
            if not original.exists():
                for log in ("", *LOGS, _SHARED_MEMORY):
                    beside = aside.with_name(aside.name + log)
                    if beside.exists():
                        beside.rename(original.with_name(original.name + log))
    for leftover in folder.glob(f"{WORK}*"):
        if leftover.is_dir() and not leftover.is_symlink():
            shutil.rmtree(leftover, ignore_errors=True)


def _free_name(old: Path) -> Path:
    number = 0
    while True:
        name = old.with_name(old.name + KEPT + (f".{number}" if number else ""))
        if not name.exists():
            return name
        number += 1
