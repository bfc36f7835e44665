# SPDX-License-Identifier: Apache-2.0
"""Makes a bag that was not closed, or is damaged, one that `ros2 bag` takes. Nothing is destroyed.

New files are written into a folder beside the old ones. Only when all of them are on the disk do
they change places: an old file stays as NAME.before_repair, and goes back where a step fails.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from rosbags.rosbag2 import ReaderError
from rosbags.rosbag2.metadata import parse_qos
from rosbags.typesys import TypesysError

from pam_ros.bags import mcap_file, sqlite_file
from pam_ros.bags.errors import BagError
from pam_ros.bags.mcap_file import McapFile
from pam_ros.bags.mcap_salvage import McapSalvage
from pam_ros.bags.metadata import FILE_NAME, TopicRecord, bag_metadata, write_metadata
from pam_ros.bags.reader import DAMAGE, BagReader
from pam_ros.bags.sqlite_file import SqliteFile
from pam_ros.bags.sqlite_salvage import LOGS, SqliteSalvage
from pam_ros.bags.types import definition, idl_definition, known_types

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rosbags.interfaces import Qos

    from pam_ros.bags.metadata import FileFacts

KEPT, WORK = ".before_repair", ".pam_ros-repair-"
_SHARED_MEMORY = "-shm"
_FLUSH_EVERY = 4 << 20


@dataclass(frozen=True)
class RepairedFile:
    """One storage file: what it holds now, what was wrong, and the old one where it was changed."""

    name: str
    messages: int
    notes: tuple[str, ...]
    kept: Path | None


@dataclass(frozen=True)
class RepairReport:
    """What a repair did. `changed` is false where the bag was whole."""

    path: Path
    files: tuple[RepairedFile, ...]
    metadata_written: bool

    @property
    def changed(self) -> bool:
        """Whether anything was written."""
        return self.metadata_written or any(file.kept for file in self.files)

    @property
    def messages(self) -> int:
        """Messages that the bag holds now."""
        return sum(file.messages for file in self.files)


@dataclass(frozen=True)
class _Finding:
    """One file after the check; `new` is its replacement, None where it is whole."""

    old: Path
    facts: FileFacts
    topics: tuple[TopicRecord, ...]
    notes: tuple[str, ...]
    compressed: bool
    new: Path | None


def repair(path: str | Path, folders: Mapping[str, Path] | None = None) -> RepairReport:
    """Repair a bag's folder, or a single .mcap or .db3 file.

    A bag that is still being recorded must not be repaired.

    Args:
        path: the folder or the file.
        folders: .msg folders by ROS package, for sqlite3 bags without definitions.

    Raises:
        BagError: there is no bag, nothing of ROS 2 in it, or the disk refuses; the bag is then as
            it was.
    """
    bag = Path(path)
    if not bag.exists():
        raise BagError(f"bag {bag} does not exist")
    folder = bag if bag.is_dir() else bag.parent
    try:
        _bring_back(folder)
        files = _storage_files(bag)
        with tempfile.TemporaryDirectory(prefix=WORK, dir=folder) as name:
            work = Path(name)
            findings = [_check(file, work, folders) for file in files]
            information = _metadata(findings)
            write = bag.is_dir() and not _agrees(bag / FILE_NAME, information)
            if bag.is_dir() and not write and not any(f.new for f in findings):
                write = not _opens(bag)
            if write:
                write_metadata(work, information)
            replaced = [(f.old, f.new) for f in findings if f.new]
            if write:
                replaced.append((bag / FILE_NAME, work / FILE_NAME))
            kept = _exchange(replaced)
    except OSError as error:
        reason = error.strerror or error
        raise BagError(f"bag {bag} cannot be repaired: {reason}; it is as it was") from None
    return RepairReport(
        path=bag,
        files=tuple(
            RepairedFile(f.old.name, f.facts.messages, f.notes, kept.get(f.old)) for f in findings
        ),
        metadata_written=write,
    )


def _storage_files(bag: Path) -> list[Path]:
    if bag.is_file():
        if bag.suffix not in {mcap_file.ENDING, sqlite_file.ENDING}:
            raise BagError(f"{bag} is neither a folder nor a .mcap or .db3 file")
        return [bag]
    files = [*bag.glob(f"*{mcap_file.ENDING}"), *bag.glob(f"*{sqlite_file.ENDING}")]
    if not files:
        packed = next(bag.glob("*.zstd"), None)
        if packed:
            raise BagError(f"{packed} is compressed as a whole: unpack it with `zstd -d` first")
        raise BagError(f"{bag} is no bag: it holds no .mcap and no .db3 file")
    if len({file.suffix for file in files}) > 1:
        raise BagError(f"{bag} holds .mcap and .db3 files: a bag has one kind")
    return sorted(files, key=_place)


def _place(file: Path) -> tuple[int, str]:
    """bag_2 before bag_10."""
    number = re.search(r"_(\d{1,9})$", file.stem)
    return (int(number.group(1)) if number else -1, file.name)


def _check(old: Path, work: Path, folders: Mapping[str, Path] | None) -> _Finding:
    """Read a file; where it is not whole, read it again and write what there is.

    One that seems whole is read again too, as its users will: an index can lead astray.
    """
    source = old
    unclosed = False
    if old.suffix == sqlite_file.ENDING:
        source = work / f"copy-{old.name}"
        unclosed = _copy_database(old, source)
    first = _salvage(source)
    for _ in first.read():
        pass
    whole = first.complete and not unclosed and _reads(source, first.facts.messages)
    new = None if whole else work / old.name
    notes = [*first.notes, *(["it was not closed"] if unclosed else [])]
    if new is not None:
        _rewrite(_salvage(source), new, folders, compressed=first.compressed)
    if source != old:
        for file in work.glob(f"{source.name}*"):
            file.unlink()
    facts = replace(first.facts, name=old.name)
    topics = tuple(first.topics.values())
    return _Finding(old, facts, topics, tuple(notes), first.compressed, new)


def _salvage(path: Path) -> McapSalvage | SqliteSalvage:
    return McapSalvage(path) if path.suffix == mcap_file.ENDING else SqliteSalvage(path)


def _copy_database(old: Path, copy: Path) -> bool:
    """Copy a database with its logs; returns whether it had any."""
    shutil.copyfile(old, copy)
    unclosed = False
    for log in LOGS:
        beside = old.with_name(old.name + log)
        if beside.exists():
            shutil.copyfile(beside, copy.with_name(copy.name + log))
            unclosed |= beside.stat().st_size > 0
    return unclosed


def _rewrite(
    salvage: McapSalvage | SqliteSalvage,
    new: Path,
    folders: Mapping[str, Path] | None,
    *,
    compressed: bool,
) -> None:
    kind = McapFile if new.suffix == mcap_file.ENDING else SqliteFile
    file = kind(new, "zstd" if compressed else "none")
    try:
        for item in salvage.read():
            if isinstance(item, TopicRecord):
                file.add_topic(_defined(item, folders))
            else:
                file.write(*item)
                if file.waiting > _FLUSH_EVERY:
                    file.flush()
        file.finish()
    finally:
        file.abandon()
    with new.open("rb") as written:
        os.fsync(written.fileno())


def _defined(topic: TopicRecord, folders: Mapping[str, Path] | None) -> TopicRecord:
    """The topic with its definition, which older sqlite3 bags lack and damage can spoil."""
    if topic.definition and _parses(topic):
        return topic
    types = known_types(folders)
    try:
        text, _ = types.generate_msgdef(topic.type, ros_version=2)
    except (TypesysError, KeyError):
        return replace(topic, encoding="ros2msg", definition="")
    return replace(topic, encoding="ros2msg", definition=text)


def _parses(topic: TopicRecord) -> bool:
    try:
        if topic.encoding == "ros2idl":
            return bool(idl_definition(topic.definition))
        return topic.encoding == "ros2msg" and bool(definition(topic.definition, topic.type))
    except DAMAGE:
        return False


def _metadata(findings: Iterable[_Finding]) -> dict[str, Any]:
    findings = list(findings)
    topics: dict[str, TopicRecord] = {}
    for finding in findings:
        for topic in finding.topics:
            topics.setdefault(topic.name, topic)
    sqlite = findings[0].old.suffix == sqlite_file.ENDING
    by_message = sqlite and any(finding.compressed for finding in findings)
    return bag_metadata(
        "sqlite3" if sqlite else "mcap",
        [finding.facts for finding in findings],
        topics.values(),
        message_compression="zstd" if by_message else "",
    )


def _agrees(file: Path, information: Mapping[str, Any]) -> bool:
    """Whether metadata.yaml is there and says what the files say."""
    try:
        if file.stat().st_size > 16 << 20:
            return False
        given = yaml.safe_load(file.read_text(encoding="utf-8"))["rosbag2_bagfile_information"]
        if _compression(given) != _compression(information):
            return False
        return _topics_in(given) == _topics_in(information) and all(
            given[key] == information[key]
            for key in (
                "storage_identifier",
                "relative_file_paths",
                "message_count",
                "starting_time",
                "duration",
            )
        )
    except (
        OSError,
        ValueError,
        yaml.YAMLError,
        LookupError,
        ReaderError,
        TypeError,
        AttributeError,
        RecursionError,
    ):
        return False


def _compression(information: Mapping[str, Any]) -> tuple[str, str]:
    mode = (information.get("compression_mode") or "").lower()
    return ("", "") if mode in {"", "none"} else (mode, information["compression_format"])


def _topics_in(information: Mapping[str, Any]) -> dict[str, tuple[str, int, list[Qos]]]:
    """Topic name to type, number of messages and QoS."""
    return {
        topic["name"]: (topic["type"], count, parse_qos(topic["offered_qos_profiles"]))
        for topic, count in (
            (entry["topic_metadata"], entry["message_count"])
            for entry in information["topics_with_message_count"]
        )
    }


def _reads(file: Path, messages: int) -> bool:
    try:
        with BagReader(file) as reader:
            return sum(1 for _ in reader.messages()) == messages
    except BagError:
        return False


def _opens(bag: Path) -> bool:
    try:
        BagReader(bag).close()
    except BagError:
        return False
    return True


def _exchange(pairs: list[tuple[Path, Path]]) -> dict[Path, Path]:
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


def _free_name(old: Path) -> Path:
    number = 0
    while True:
        name = old.with_name(old.name + KEPT + (f".{number}" if number else ""))
        if not name.exists():
            return name
        number += 1


def _bring_back(folder: Path) -> None:
    """Undo what a repair that was killed between two renames has left."""
    for ending in (mcap_file.ENDING, sqlite_file.ENDING):
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
