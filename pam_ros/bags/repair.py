# SPDX-License-Identifier: Apache-2.0
"""Makes a bag that was not closed, or is damaged, one that `ros2 bag` takes. Nothing is destroyed.

Files that are compressed as a whole stay so if they are whole; else all of them are unpacked. New
files are written into a folder beside the old ones and read back. Only when all of them are
right do they change places: an old file stays as NAME.before_repair, and goes back if a step fails.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pam_ros.bags import mcap_file
from pam_ros.bags.errors import BagError
from pam_ros.bags.metadata import FILE_NAME, check_version, write_metadata
from pam_ros.bags.salvage.definitions import defined
from pam_ros.bags.salvage.exchange import bring_back, exchange, folder_of, scratch_folder
from pam_ros.bags.salvage.from_mcap import McapSalvage
from pam_ros.bags.salvage.from_sqlite import LOGS, SqliteSalvage, is_unclosed
from pam_ros.bags.salvage.layout import layout_of
from pam_ros.bags.salvage.packed import PACKED, is_packed, plain_name, unpack
from pam_ros.bags.salvage.stated import bag_facts, topics_agree
from pam_ros.bags.salvage.to_mcap import write_mcap
from pam_ros.bags.salvage.to_sqlite import write_sqlite
from pam_ros.bags.salvage.verify import check_copy, check_nothing_missed
from pam_ros.bags.salvage.whole import counts_of, is_whole, needs_plugin, reads

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pam_ros.bags.salvage.exchange import ScratchFolder
    from pam_ros.bags.salvage.found import Salvage
    from pam_ros.bags.salvage.layout import Layout
    from pam_ros.bags.salvage.stated import Facts


_UNPACKED = "unpacked"


@dataclass(frozen=True)
class RepairedFile:
    """One storage file: what it holds now, what was wrong, and the old one if it was changed."""

    name: str
    messages: int
    notes: tuple[str, ...]
    kept: Path | None


@dataclass(frozen=True)
class RepairReport:
    """What a repair did.

    Attributes:
        path: the bag.
        files: its storage files.
        metadata_written: whether metadata.yaml was made anew.
        missing: files that metadata.yaml named and that are not there.
        strangers: storage files in the folder that are not the bag's, and were left alone.
    """

    path: Path
    files: tuple[RepairedFile, ...]
    metadata_written: bool
    missing: tuple[str, ...] = ()
    strangers: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether anything was written; false if the bag was whole."""
        return self.metadata_written or any(file.kept for file in self.files)

    @property
    def messages(self) -> int:
        """Messages that the bag holds now."""
        return sum(file.messages for file in self.files)

    @property
    def notes(self) -> tuple[str, ...]:
        """One sentence for each damage and each file that is missing."""
        missing = (f"{name} is missing: metadata.yaml names it" for name in self.missing)
        damage = (f"{file.name}: {note}" for file in self.files for note in file.notes)
        return (*missing, *damage)


def repair(
    path: str | Path,
    folders: Mapping[str, Path] | None = None,
    *,
    metadata_version: int | None = None,
) -> RepairReport:
    """Repair a bag's folder, or a single .mcap or .db3 file. A whole bag is not touched.

    A bag that is still being recorded must not be repaired.

    Args:
        path: the folder or the file.
        folders: .msg folders by ROS package, for sqlite3 bags without definitions.
        metadata_version: of the metadata.yaml afterwards, also of a whole bag; None leaves it.

    Raises:
        BagError: the bag is missing, is a recording of something else than ROS 2, or nothing can be
            read of it; the repaired files do not read back as they should; or the disk refuses. The
            bag is then as it was.
    """
    bag = Path(path)
    if metadata_version is not None:
        check_version(metadata_version)
    try:
        bring_back(bag)
        if not bag.exists():
            raise BagError(f"bag {bag} does not exist")
        layout = layout_of(bag)
        with scratch_folder(bag) as work:
            files = [_survey(file, work) for file in layout.files]
            if is_whole(layout, files) and _is_of(metadata_version, layout):
                return _report(layout, files, {}, written=False)
            return _Repair(layout, files, work, folders, metadata_version).run()
    except OSError as error:
        reason = error.strerror or error
        raise BagError(f"bag {bag} cannot be repaired: {reason}; it is as it was") from None


def _is_of(version: int | None, layout: Layout) -> bool:
    """Whether metadata.yaml is of the version that is asked for; a single file has none."""
    return version is None or layout.stated is None or layout.stated.get("version") == version


def _survey(file: Path, work: ScratchFolder) -> Salvage:
    if is_packed(file):
        return _survey_packed(file, work)
    salvage: Salvage
    if file.suffix == mcap_file.ENDING:
        salvage = McapSalvage(file)
    elif is_unclosed(file):
        salvage = SqliteSalvage(_copied(file, work), file.name, copy=True)
    else:
        salvage = SqliteSalvage(file)
    salvage.survey()
    if salvage.path != file:
        salvage.complete = False
        salvage.notes.append("it was not closed")
    return salvage


def _survey_packed(file: Path, work: ScratchFolder) -> Salvage:
    plain = work.place(_UNPACKED) / plain_name(file)
    plain.parent.mkdir(exist_ok=True)
    damage = unpack(file, plain)
    mcap = plain.suffix == mcap_file.ENDING
    salvage = McapSalvage(plain, file.name) if mcap else SqliteSalvage(plain, file.name)
    try:
        salvage.survey()
    except BagError as error:
        raise BagError(str(error).replace(str(plain), str(file))) from None
    salvage.packed = True
    if damage:
        salvage.complete = False
        salvage.unread = True
        salvage.notes.insert(0, damage)
    return salvage


def _copied(database: Path, work: ScratchFolder) -> Path:
    copy = work.place(f"copy-{database.name}")
    for log in ("", *LOGS):
        beside = database.with_name(database.name + log)
        if beside.exists():
            shutil.copyfile(beside, copy.with_name(copy.name + log))
    return copy


class _Repair:
    """New files for those that are not whole, and new metadata, in a place beside the bag."""

    def __init__(
        self,
        layout: Layout,
        files: Sequence[Salvage],
        work: ScratchFolder,
        folders: Mapping[str, Path] | None,
        version: int | None,
    ) -> None:
        self._version = version
        self._layout = layout
        self._files = files
        self._work = work
        self._folders = folders
        self._compressed = layout.bag.is_dir() and any(file.compressed for file in files)

    def run(self) -> RepairReport:
        """Write, read back, and put in place.

        Raises:
            BagError, OSError: nothing has changed.
        """
        layout = self._layout
        if any(f.unread for f in self._files) and not any(f.facts.messages for f in self._files):
            notes = "; ".join(f"{f.name}: {note}" for f in self._files for note in f.notes)
            raise BagError(f"nothing can be read of bag {layout.bag} ({notes}); it is as it was")
        packed = [] if self._stay_packed() else self._take_unpacked()
        new = {file.name: self._new(file) for file in self._files if not self._stays(file)}
        place = folder_of(layout.bag)
        replaced = [(place / name, path) for name, path in new.items()]
        written = False
        if layout.bag.is_dir():
            written = self._write_metadata(new)
            if written:
                replaced.append((layout.bag / FILE_NAME, self._place(FILE_NAME)))
        kept = exchange(replaced, self._work, packed)
        return _report(layout, self._files, kept, written=written)

    def _stay_packed(self) -> bool:
        """Whether all files are packed and whole; what is in them must not be packed once more."""
        return all(file.packed and file.complete and not file.compressed for file in self._files)

    def _take_unpacked(self) -> list[Path]:
        """Go on with what is in packed files; returns where these are.

        Raises:
            BagError: a single file's unpacked form has a name that is taken.
        """
        packed = [folder_of(self._layout.bag) / file.name for file in self._files if file.packed]
        for file in self._files:
            if file.packed:
                file.name = file.facts.name = file.path.name
                file.packed = False
        taken = [plain for plain in map(_unpacked, packed) if plain.exists()]
        if taken:
            raise BagError(f"{packed[0]} is not whole, and {taken[0].name} lies beside it already")
        return packed

    def _place(self, name: str) -> Path:
        folder = self._work.place("new")
        folder.mkdir(exist_ok=True)
        return folder / name

    def _stays(self, file: Salvage) -> bool:
        unpacked = file.path.parent.name == _UNPACKED
        return file.packed or (self._is_right(file) and not unpacked)

    def _is_right(self, file: Salvage) -> bool:
        if not file.complete or (self._compressed and file.compressed < file.facts.messages):
            return False
        return reads(file.path, [file])

    def _new(self, file: Salvage) -> Path:
        file.compress_plain = self._compressed
        path = self._place(file.name)
        if self._is_right(file):
            file.path.rename(path)
            return path
        topics = {key: defined(topic.record, self._folders) for key, topic in file.topics.items()}
        facts = bag_facts(self._layout.storage, [file], topics.values(), file.stated, self._version)
        if isinstance(file, McapSalvage):
            write_mcap(file, path, topics, facts)
        elif isinstance(file, SqliteSalvage):
            write_sqlite(file, path, topics, facts)
        check_copy(file, path)
        check_nothing_missed(file)
        if not reads(path, [file]):
            raise BagError(
                f"the repaired {file.name} does not read back: bag {self._layout.bag} is left as "
                "it was"
            )
        return path

    def _write_metadata(self, new: Mapping[str, Path]) -> bool:
        """Write metadata.yaml, if that is needed, and read the new bag as a whole."""
        layout = self._layout
        topics = [topic.record for file in self._files for topic in file.topics.values()]
        inner = next((file.stated for file in reversed(self._files) if file.stated), None)
        for stated in (layout.stated, inner, None):
            facts = bag_facts(layout.storage, self._files, topics, stated, self._version)
            if self._opens(new, facts):
                return facts != layout.stated
        raise BagError(f"bag {layout.bag} does not read back once repaired: it is left as it was")

    def _opens(self, new: Mapping[str, Path], facts: Facts) -> bool:
        folder = self._place("")
        for file in self._files:
            link = folder / file.name
            if file.name not in new and not link.is_symlink():
                link.symlink_to((self._layout.bag / file.name).absolute())
        write_metadata(folder, facts)
        if needs_plugin(facts, self._files):
            return True
        return topics_agree(facts, counts_of(self._files)) and reads(folder, self._files)


def _report(
    layout: Layout, files: Sequence[Salvage], kept: Mapping[Path, Path], *, written: bool
) -> RepairReport:
    asides = {plain_name(old): aside for old, aside in kept.items()}
    return RepairReport(
        path=layout.bag if layout.bag.exists() else _unpacked(layout.bag),
        files=tuple(
            RepairedFile(
                f.name, f.facts.messages, tuple(f.notes), asides.get(f.name.removesuffix(PACKED))
            )
            for f in files
        ),
        metadata_written=written,
        missing=layout.missing,
        strangers=layout.strangers,
    )


def _unpacked(packed: Path) -> Path:
    return packed.with_name(plain_name(packed))
