# SPDX-License-Identifier: Apache-2.0
"""New files take the places of old ones: all of them, or none."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pam_ros.bags.salvage.from_sqlite import LOGS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

KEPT, WORK = ".before_repair", ".pam_ros-repair-"
_SHARED_MEMORY = "-shm"
_JOURNAL = "exchange.json"


class ScratchFolder:
    """A place beside the bag for what is not finished; made when it is first asked for.

    Its name tells whose it is, so that two repairs in one folder leave each other alone.
    `exchanged`: whether files have changed places.
    """

    def __init__(self, bag: Path) -> None:
        self._bag = bag
        self._folder: Path | None = None
        self.exchanged = False

    def place(self, name: str) -> Path:
        """A path in it.

        Raises:
            OSError: it cannot be made.
        """
        if self._folder is None:
            prefix = f"{_mark(self._bag)}{os.getpid()}-"
            self._folder = Path(tempfile.mkdtemp(prefix=prefix, dir=folder_of(self._bag)))
        return self._folder / name

    def close(self) -> None:
        """Remove it with all that is in it."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def folder_of(bag: Path) -> Path:
    """The folder that holds a bag's files."""
    return bag if bag.is_dir() else bag.parent


def _mark(bag: Path) -> str:
    """How the names of scratch folders begin: those of a bag, or of one file in it."""
    owner = "" if bag.is_dir() else bag.name
    return f"{WORK}{hashlib.sha256(owner.encode()).hexdigest()[:12]}-"


@contextmanager
def scratch_folder(bag: Path) -> Iterator[ScratchFolder]:
    """A folder that leaves nothing; if no file was exchanged, the parent has its old time too."""
    folder = folder_of(bag)
    before = folder.stat()
    work = ScratchFolder(bag)
    try:
        yield work
    finally:
        work.close()
        if not work.exchanged:
            with suppress(OSError):
                os.utime(folder, ns=(before.st_atime_ns, before.st_mtime_ns))


def exchange(
    pairs: list[tuple[Path, Path]], work: ScratchFolder, gone: Sequence[Path] = ()
) -> dict[Path, Path]:
    """Put each new file in its old one's place; returns where the old ones are.

    Args:
        pairs: old and new.
        work: where the new ones are.
        gone: old ones in whose place nothing comes.

    Raises:
        OSError: the disk refuses; every file is where it was.
    """
    done: list[tuple[Path, Path]] = []
    kept = {old: _free_name(old) for old in (*gone, *(old for old, _ in pairs)) if old.exists()}
    names = {old.name: aside.name for old, aside in kept.items()}
    with work.place(_JOURNAL).open("w", encoding="utf-8") as journal:
        json.dump(names, journal)
        journal.flush()
        os.fsync(journal.fileno())
    try:
        for old in gone:
            _put_aside(old, kept[old], done)
        for old, new in pairs:
            if old in kept:
                _put_aside(old, kept[old], done)
            new.rename(old)
            done.append((new, old))
    except OSError:
        for origin, target in reversed(done):
            with suppress(OSError):
                target.rename(origin)
        raise
    work.exchanged = bool(done)
    return kept


def _put_aside(old: Path, aside: Path, done: list[tuple[Path, Path]]) -> None:
    for ending in ("", *LOGS, _SHARED_MEMORY):
        beside = old.with_name(old.name + ending)
        if beside.exists():
            target = aside.with_name(aside.name + ending)
            beside.rename(target)
            done.append((beside, target))


def bring_back(bag: Path) -> None:
    """Undo what a repair of this bag that was killed between two renames has left.

    Raises:
        OSError: the disk refuses.
    """
    folder, mark = folder_of(bag), _mark(bag)
    for leftover in folder.glob(f"{mark}*"):
        process = leftover.name.removeprefix(mark).partition("-")[0]
        if not leftover.is_dir() or leftover.is_symlink() or _lives(process):
            continue
        for old, aside in _journal(leftover / _JOURNAL).items():
            _put_back(folder / old, folder / aside)
        shutil.rmtree(leftover, ignore_errors=True)


def _put_back(original: Path, aside: Path) -> None:
    if original.exists() or not aside.exists():
        return
    for log in ("", *LOGS, _SHARED_MEMORY):
        beside = aside.with_name(aside.name + log)
        if beside.exists():
            beside.rename(original.with_name(original.name + log))


def _journal(file: Path) -> dict[str, str]:
    """Which old file went where; empty if no exchange had begun."""
    try:
        names = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return {old: aside for old, aside in names.items() if Path(old).name == old}


def _lives(process: str) -> bool:
    """Whether another process of this number runs; a repair does not wait for itself."""
    if not process.isdecimal() or int(process) == os.getpid():
        return False
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _free_name(old: Path) -> Path:
    number = 0
    while True:
        name = old.with_name(old.name + KEPT + (f".{number}" if number else ""))
        if not name.exists():
            return name
        number += 1
