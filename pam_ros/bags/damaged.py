# SPDX-License-Identifier: Apache-2.0
"""A damaged bag as a copy that is whole; the bag itself stays as it is."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from pam_ros.bags.errors import BagError
from pam_ros.bags.metadata import FILE_NAME
from pam_ros.bags.repair import repair
from pam_ros.bags.salvage.exchange import KEPT

if TYPE_CHECKING:
    from pathlib import Path

    from pam_ros.bags.repair import RepairReport

_ENDINGS = (".mcap", ".db3")


def repaired_copy(bag: Path, copy: Path, reason: str) -> RepairReport:
    """Copy a bag's own files and make the copy whole, by the rules of `repair`.

    Args:
        bag: folder or storage file.
        copy: a folder that does not exist yet.
        reason: why the bag cannot be read as it is.

    Raises:
        BagError: there is nothing to repair (it says the reason), or nothing can be read.
    """
    folder = bag if bag.is_dir() else bag.parent
    # Beside a .db3 file may lie its journal; beside a folder's files, all that people keep there.
    files = sorted(bag.iterdir() if bag.is_dir() else folder.glob(bag.name + "*"))
    wanted = [file for file in files if any(ending in file.name for ending in _ENDINGS)]
    wanted = [file for file in wanted if file.is_file() and KEPT not in file.name]
    if not wanted:
        raise BagError(reason)
    try:
        copy.mkdir(parents=True)
        for file in [*wanted, *(f for f in files if bag.is_dir() and f.name == FILE_NAME)]:
            shutil.copyfile(file, copy / file.name)
        report = repair(copy)
    except OSError as error:
        raise BagError(f"{reason}; a copy to repair cannot be made: {error.strerror}") from error
    except BagError as error:
        # In its own words, the copy's place says nothing to anybody.
        told = str(error).replace(str(copy), str(bag))
        raise BagError(f"bag {bag} cannot be read: {told}") from error
    if not report.changed:
        raise BagError(reason)
    return report
