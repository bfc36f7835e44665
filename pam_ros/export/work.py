# SPDX-License-Identifier: Apache-2.0
"""The folders of an export: what it has done so far, and what makes the dataset appear at once.

`NAME.unfinished/` holds one folder per recording with its episodes, each a dataset that is whole
before it gets its name. The joined dataset becomes NAME by one renaming, after it was read back.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from typing import TYPE_CHECKING, Any

from pam_ros.export.errors import ExportError
from pam_ros.share.folder_lock import lock_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SUMMARY = "meta/pam_ros_export.json"
"""In the finished dataset: of what it is, and what reading it back gave."""
_IDENTITY, _LOCK, _JOINED = "export.json", "lock", "dataset"


class Work:
    """The work folder beside a dataset in the making, locked.

    Args:
        out: folder of the dataset; must not exist yet.
        identity: what decides the result. A work folder of another identity is refused.

    Raises:
        ExportError: the folder is taken.
    """

    def __init__(self, out: Path, identity: Mapping[str, Any]) -> None:
        self.out = out
        self.folder = out.with_name(out.name + ".unfinished")
        self._lock = lock_folder(self.folder, _LOCK, "export", ExportError)
        try:
            self._check(identity)
            for left in self.folder.glob("bags/*/*.new"):
                shutil.rmtree(left, ignore_errors=True)
        except BaseException:
            self._lock.close()
            raise

    @property
    def joined(self) -> Path:
        """Where the dataset is put together."""
        return self.folder / _JOINED

    def clear_joined(self) -> None:
        """Remove what an earlier export left of it."""
        shutil.rmtree(self.joined, ignore_errors=True)

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Give the dataset its name.

        Raises:
            OSError: the disk refuses.
        """
        write_json(self.joined / SUMMARY, summary)
        self.joined.rename(self.out)
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.close()

    def close(self) -> None:
        """Leave the work for the next export; an empty folder goes."""
        if not any((self.folder / "bags").glob("*/*")):
            shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.close()

    def _check(self, identity: Mapping[str, Any]) -> None:
        file = self.folder / _IDENTITY
        wanted = json.loads(json.dumps(identity))
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            strangers = [entry.name for entry in self.folder.iterdir() if entry.name != _LOCK]
            if strangers:
                raise ExportError(
                    f"{self.folder} is not an export's work: choose another --out"
                ) from None
            write_json(file, wanted)
            return
        except (OSError, ValueError) as error:
            raise ExportError(f"{self.folder} cannot be used: {error}; remove it") from error
        if found != wanted:
            raise ExportError(
                f"{self.folder} was begun with another contract or other settings: remove it, or "
                "choose another --out"
            )


class BagWork:
    """What is done of one recording.

    Args:
        work: the export's work folder.
        bag: the recording.
    """

    def __init__(self, work: Path, bag: Path) -> None:
        told = json.dumps(fingerprint(bag), sort_keys=True)
        name = f"{bag.stem[:40]}-{hashlib.sha256(told.encode()).hexdigest()[:12]}"
        self.folder = work / "bags" / name
        # A worker whose export was killed may go on for a while: no two write into one folder.
        self._mark = uuid.uuid4().hex[:8]

    @property
    def report(self) -> dict[str, Any] | None:
        """What was told of it when it was finished; None if it is not."""
        try:
            found: dict[str, Any] = json.loads(self._report.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found

    def finish(self, report: Mapping[str, Any]) -> None:
        """All its episodes are there."""
        write_json(self._report, report)

    def episode(self, number: int) -> Path:
        """The folder of an episode; it is whole if it is there."""
        return self.folder / f"episode-{number:05d}"

    def begin(self, number: int) -> Path:
        """A folder to write an episode into, which `keep` gives its name."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return self._unfinished(number)

    def drop(self, number: int) -> None:
        """The episode did not become whole."""
        shutil.rmtree(self._unfinished(number), ignore_errors=True)

    def close(self) -> None:
        """Remove what is needed only while the recording is read."""
        shutil.rmtree(self.folder / "readable", ignore_errors=True)

    def discard(self) -> None:
        """Remove all that was done of it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def keep(self, number: int) -> None:
        """The episode is whole."""
        self._unfinished(number).rename(self.episode(number))

    def _unfinished(self, number: int) -> Path:
        return self.folder / f"{self.episode(number).name}.{self._mark}.new"

    @property
    def _report(self) -> Path:
        return self.folder / "report.json"


def finished(out: Path, identity: Mapping[str, Any]) -> dict[str, Any] | None:
    """The summary of a dataset that is there already; None if nothing is.

    Raises:
        ExportError: what is there is something else.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    try:
        found: dict[str, Any] = json.loads((out / SUMMARY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ExportError(
            f"{out} exists already and is not an export: remove it or choose another --out"
        ) from None
    if found.get("identity") != json.loads(json.dumps(identity)):
        raise ExportError(
            f"{out} is an export of other recordings, or with other settings: remove it or choose "
            "another --out"
        )
    return found


def fingerprint(bag: Path) -> dict[str, Any]:
    """What tells one recording from another, without reading it."""
    files = sorted(bag.iterdir()) if bag.is_dir() else [bag]
    return {
        "path": str(bag.resolve()),
        "files": [[f.name, f.stat().st_size] for f in files if f.is_file()],
    }


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a file that is there wholly or not at all.

    Raises:
        OSError: the disk refuses.
    """
    unfinished = path.with_name(path.name + ".new")
    with unfinished.open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
