# SPDX-License-Identifier: Apache-2.0
"""Which files make up a bag: those that metadata.yaml names, and those that are numbered alike."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pam_ros.bags import mcap_file, sqlite_file
from pam_ros.bags.errors import BagError
from pam_ros.bags.metadata import FILE_NAME, VERSION
from pam_ros.bags.salvage.stated import stated_files, stated_in

if TYPE_CHECKING:
    from pathlib import Path

    from pam_ros.bags.salvage.stated import Facts

_ENDINGS = (mcap_file.ENDING, sqlite_file.ENDING)
_PACKED = ".zstd"


@dataclass(frozen=True)
class Layout:
    """A bag's files.

    Attributes:
        bag: the folder, or the one file.
        files: its storage files in their order.
        packed: storage files that are compressed as a whole.
        missing: names in metadata.yaml of files that are not there.
        strangers: storage files beside the bag's own.
        unnamed: whether metadata.yaml lacks one of `files`.
        stated: what metadata.yaml says; None if there is none that can be read.
    """

    bag: Path
    files: tuple[Path, ...]
    packed: tuple[Path, ...] = ()
    missing: tuple[str, ...] = ()
    strangers: tuple[str, ...] = ()
    unnamed: bool = False
    stated: Facts | None = None

    @property
    def storage(self) -> str:
        """The storage's identifier: "mcap" or "sqlite3"."""
        return "sqlite3" if self.files[0].suffix == sqlite_file.ENDING else "mcap"


def layout_of(bag: Path) -> Layout:
    """The files of a folder, or the one file.

    Raises:
        BagError: there is no bag, or it is of a release that nobody knew when this was written.
    """
    if bag.is_file():
        if bag.suffix not in _ENDINGS:
            raise BagError(f"{bag} is neither a folder nor a .mcap or .db3 file")
        return Layout(bag, (bag,))
    stated = stated_in(bag / FILE_NAME)
    version = (stated or {}).get("version")
    if isinstance(version, int) and version > VERSION:
        raise BagError(f"{bag / FILE_NAME} is of version {version}: up to {VERSION} is known here")
    layout = _named(bag, stated) if stated else _all(bag)
    if not layout.files and not layout.packed:
        missing = f": it lacks {', '.join(layout.missing)}" if layout.missing else ""
        raise BagError(f"{bag} is no bag: it holds no .mcap and no .db3 file{missing}")
    if len({file.suffix for file in layout.files}) > 1:
        raise BagError(f"{bag} holds .mcap and .db3 files: a bag has one kind")
    return layout


def _all(bag: Path) -> Layout:
    found = [file for ending in _ENDINGS for file in bag.glob(f"*{ending}")]
    return Layout(bag, tuple(sorted(found, key=_place)), packed=tuple(_packed(bag)))


def _named(bag: Path, stated: Facts) -> Layout:
    names = stated_files(stated)
    packed = [bag / name for name in names if name.endswith(_PACKED) and (bag / name).is_file()]
    named = [bag / name for name in names if (bag / name).is_file() and bag / name not in packed]
    named = [file for file in named if file.suffix in _ENDINGS]
    others = [file for ending in _ENDINGS for file in sorted(bag.glob(f"*{ending}"))]
    others = [file for file in others if file not in named]
    alike = {_stem(name) for name in names}
    # A repair that lacked a file no longer names it: put back, it belongs to the bag again.
    more = [file for file in others if not named or _stem(file.name) in alike]
    packed += [file for file in _packed(bag) if _stem(file.name) in alike and file not in packed]
    files = sorted([*named, *more], key=_place) if more else named
    return Layout(
        bag,
        tuple(files),
        packed=tuple(packed),
        missing=tuple(name for name in names if not (bag / name).is_file()),
        strangers=tuple(file.name for file in others if file not in more),
        unnamed=bool(more),
        stated=stated,
    )


def _packed(bag: Path) -> list[Path]:
    return sorted(file for ending in _ENDINGS for file in bag.glob(f"*{ending}{_PACKED}"))


def _stem(name: str) -> str:
    """A file's name without number and ending: bag_2.mcap is "bag"."""
    return re.sub(r"(_\d{1,9})?(\.mcap|\.db3)(\.zstd)?$", "", name)


def _place(file: Path) -> tuple[int, str]:
    """bag_2 before bag_10."""
    number = re.search(r"_(\d{1,9})$", file.stem)
    return (int(number.group(1)) if number else -1, file.name)
