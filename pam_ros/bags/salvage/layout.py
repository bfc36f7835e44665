# SPDX-License-Identifier: Apache-2.0
"""Which files make up a bag: those that metadata.yaml names, and those that are numbered alike."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pam_ros.bags import mcap_file, sqlite_file
from pam_ros.bags.errors import BagError
from pam_ros.bags.metadata import FILE_NAME, VERSION
from pam_ros.bags.salvage.packed import PACKED, is_packed, plain_name
from pam_ros.bags.salvage.stated import stated_files, stated_in

if TYPE_CHECKING:
    from pathlib import Path

    from pam_ros.bags.salvage.stated import Facts

_ENDINGS = (mcap_file.ENDING, sqlite_file.ENDING)
ENDINGS = (*_ENDINGS, *(ending + PACKED for ending in _ENDINGS))
"""How the names of storage files end."""


@dataclass(frozen=True)
class Layout:
    """A bag's files.

    Attributes:
        bag: the folder, or the one file.
        files: its storage files in their order, also those that are compressed as a whole.
        missing: names in metadata.yaml of files that are not there.
        strangers: storage files beside the bag's own.
        unnamed: whether metadata.yaml lacks one of `files`.
        stated: what metadata.yaml says; None if there is none that can be read.
    """

    bag: Path
    files: tuple[Path, ...]
    missing: tuple[str, ...] = ()
    strangers: tuple[str, ...] = ()
    unnamed: bool = False
    stated: Facts | None = None

    @property
    def storage(self) -> str:
        """The storage's identifier: "mcap" or "sqlite3"."""
        return "sqlite3" if plain_name(self.files[0]).endswith(sqlite_file.ENDING) else "mcap"

    @property
    def packed(self) -> tuple[Path, ...]:
        """The files that are compressed as a whole."""
        return tuple(file for file in self.files if is_packed(file))


def layout_of(bag: Path) -> Layout:
    """The files of a folder, or the one file.

    Raises:
        BagError: there is no bag, or it is of a release that nobody knew when this was written.
    """
    if bag.is_file():
        if not bag.name.endswith(ENDINGS):
            raise BagError(f"{bag} is neither a folder nor a .mcap or .db3 file")
        return Layout(bag, (bag,))
    stated = stated_in(bag / FILE_NAME)
    version = (stated or {}).get("version")
    if isinstance(version, int) and version > VERSION:
        raise BagError(f"{bag / FILE_NAME} is of version {version}: up to {VERSION} is known here")
    layout = _named(bag, stated) if stated else _all(bag)
    if not layout.files:
        missing = f": it lacks {', '.join(layout.missing)}" if layout.missing else ""
        raise BagError(f"{bag} is no bag: it holds no .mcap and no .db3 file{missing}")
    if len({plain_name(file).rpartition(".")[2] for file in layout.files}) > 1:
        raise BagError(f"{bag} holds .mcap and .db3 files: a bag has one kind")
    return layout


def _all(bag: Path) -> Layout:
    files, beside = _one_of_each(_storage_files(bag))
    return Layout(bag, tuple(sorted(files, key=_place)), strangers=beside)


def _named(bag: Path, stated: Facts) -> Layout:
    names = stated_files(stated)
    named = [bag / name for name in names if (bag / name).is_file()]
    named = [file for file in named if file.name.endswith(ENDINGS)]
    taken = {plain_name(file) for file in named}
    found = [file for file in _storage_files(bag) if file not in named]
    others, beside = _one_of_each([file for file in found if plain_name(file) not in taken])
    beside += tuple(file.name for file in found if plain_name(file) in taken)
    alike = {_stem(name) for name in names}
    # A repair that lacked a file no longer names it: put back, it belongs to the bag again.
    more = [file for file in others if not named or _stem(file.name) in alike]
    there = taken | {plain_name(file) for file in more}
    return Layout(
        bag,
        tuple(sorted([*named, *more], key=_place) if more else named),
        missing=tuple(name for name in names if plain_name(bag / name) not in there),
        strangers=(*(file.name for file in others if file not in more), *beside),
        unnamed=bool(more),
        stated=stated,
    )


def _storage_files(bag: Path) -> list[Path]:
    return sorted(file for ending in ENDINGS for file in bag.glob(f"*{ending}"))


def _one_of_each(files: list[Path]) -> tuple[list[Path], tuple[str, ...]]:
    """The files, and the names of those that are there once more unpacked.

    A recorder that is killed while it compresses a file leaves both, the compressed one cut off.
    """
    plain = {file.name for file in files if not is_packed(file)}
    twice = [file for file in files if is_packed(file) and plain_name(file) in plain]
    return [file for file in files if file not in twice], tuple(file.name for file in twice)


def _stem(name: str) -> str:
    """A file's name without number and ending: bag_2.mcap is "bag"."""
    return re.sub(r"(_\d{1,9})?(\.mcap|\.db3)(\.zstd)?$", "", name)


def _place(file: Path) -> tuple[int, str]:
    """bag_2 before bag_10."""
    name = plain_name(file)
    number = re.search(r"_(\d{1,9})\.\w+$", name)
    return (int(number.group(1)) if number else -1, name)
