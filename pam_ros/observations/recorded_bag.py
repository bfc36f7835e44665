# SPDX-License-Identifier: Apache-2.0
"""A bag's messages. Of a damaged one, what can still be read, and what was lost."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Any

import yaml

from pam_ros.bags.damaged import repaired_copy
from pam_ros.bags.errors import BagError
from pam_ros.bags.metadata import FILE_NAME
from pam_ros.bags.reader import BagReader

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from pam_ros.bags.reader import BagMessage


class RecordedBag:
    """An open bag. `notes`: one sentence for each loss.

    A bag that does not open, because it was cut off or never closed, is repaired as a copy in
    `work`; the bag itself is left as it is.

    Raises:
        BagError: there is no bag, or nothing can be read of it.
    """

    def __init__(self, path: Path, work: Path) -> None:
        self.path = path
        self.notes: list[str] = []
        try:
            self._reader = BagReader(path)
        except BagError as error:
            told = _with_codec(str(error))
            if not path.exists() or told != str(error):
                raise BagError(told) from error
            self._reader = self._repaired(work, error)
        self.topics = self._reader.topics
        self.readable = self._reader.readable
        self.start_ns, self.end_ns = self._reader.start_ns, self._reader.end_ns

    def messages(self, topics: Collection[str] | None = None) -> Iterator[BagMessage]:
        """The messages of these topics or of all, as recorded, up to the first damage."""
        read = 0
        known = self.topics if topics is None else self.readable
        total = sum(t.count for t in known.values() if topics is None or t.name in topics)
        try:
            for message in self._reader.messages(topics):
                read += 1
                yield message
        except BagError as error:
            note = _with_codec(str(error))
            lost = max(total - read, 0)
            self._note(f"{note}: {lost} of {total} messages after that are lost")

    def decode(self, message: BagMessage) -> Any:
        """The message as an object with the fields of its definition.

        Raises:
            BagError: it is damaged, or of an unknown type.
        """
        return self._reader.decode(message)

    def close(self) -> None:
        """Close the files."""
        self._reader.close()

    def _note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)

    def _repaired(self, work: Path, reason: BagError) -> BagReader:
        copy = work / "readable"
        shutil.rmtree(copy, ignore_errors=True)
        report = repaired_copy(self.path, copy, str(reason))
        reader = BagReader(copy)
        folder = self.path if self.path.is_dir() else self.path.parent
        for note in report.notes:
            self._note(note)
        stated = _stated_messages(folder / FILE_NAME)
        found = f"{report.messages} messages can be read"
        if stated is not None and stated > report.messages:
            found += f", {stated - report.messages} of {stated} are lost"
        self._note(f"bag {self.path} is damaged or was not closed: {found}")
        return reader


def _stated_messages(metadata: Path) -> int | None:
    try:
        document = yaml.safe_load(metadata.read_text(encoding="utf-8"))
        return int(document["rosbag2_bagfile_information"]["message_count"])
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError):
        return None


def _with_codec(sentence: str) -> str:
    """The sentence, with the package that helps where a codec is missing."""
    named = re.search(r"ompression(?: format)? '(\w+)'", sentence)
    if named is None:
        return sentence
    return (
        f"{sentence}: zstd and lz4 chunks and zstd messages are read. Where the package "
        f"ros-<distro>-rosbag2-compression-{named[1]} is installed, `ros2 bag convert` rewrites it"
    )
