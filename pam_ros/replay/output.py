# SPDX-License-Identifier: Apache-2.0
"""The bag that a replay writes: in parts while it grows, so that a stopped replay goes on.

`NAME.unfinished/` holds the parts, each a bag of its own, and `state.json`, which says how far they
reach. At the end their files become those of one bag, as `ros2 bag record` splits them.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from typing import TYPE_CHECKING, Any, Literal

import yaml

from pam_ros.bags.errors import BagError
from pam_ros.bags.metadata import FILE_NAME, VERSION, write_metadata
from pam_ros.bags.types import Definition, Definitions, known_types
from pam_ros.bags.writer import BagWriter
from pam_ros.replay.errors import ReplayError
from pam_ros.share.folder_lock import lock_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rosbags.interfaces import Qos

STATE, SUMMARY, LOCK = "state.json", "replay.json", "lock"
PART_SECONDS = 20.0
"""What a replay that is killed has to do again, at most [s]."""
_INFORMATION = "rosbag2_bagfile_information"


class ReplayOutput:
    """A bag in the making.

    Args:
        path: of the bag; must not exist, except as an unfinished one of the same replay.
        identity: what the replay is of. An unfinished one of another identity is refused.
        storage: "mcap" or "sqlite3".
        compression: "none" or "zstd".
        part_seconds: how long one part takes to write [s].
        metadata_version: of the bag, for readers of older distributions.

    Raises:
        ReplayError: the path is taken.
    """

    def __init__(
        self,
        path: Path,
        identity: Mapping[str, Any],
        *,
        storage: Literal["mcap", "sqlite3"] = "mcap",
        compression: Literal["none", "zstd"] = "none",
        part_seconds: float = PART_SECONDS,
        metadata_version: int = VERSION,
    ) -> None:
        self.path = path
        self.work = path.with_name(path.name + ".unfinished")
        self._identity = dict(identity)
        self._storage: Literal["mcap", "sqlite3"] = storage
        self._compression: Literal["none", "zstd"] = compression
        self._part_seconds = part_seconds
        self._metadata_version = metadata_version
        self._definitions = Definitions(known_types())
        self._topics: dict[str, tuple[str, Qos | None, Definition]] = {}
        self._writer: BagWriter | None = None
        self._begun = 0.0
        if path.exists():
            raise ReplayError(f"{path} exists already: remove it or choose another --out")
        self._lock = lock_folder(self.work, LOCK, "replay", ReplayError)
        try:
            self.state = self._open()
        except BaseException:
            self._lock.close()
            raise

    def add_topic(
        self,
        topic: str,
        type_name: str,
        qos: Qos | None = None,
        definition: Definition | None = None,
    ) -> None:
        """Announce a topic; before the first message. See BagWriter.add_topic.

        Raises:
            BagError: the type is not defined, or has another definition already.
        """
        found = self._definitions.take(topic, type_name, definition)
        self._topics[topic] = (type_name, qos, found)

    def write(self, topic: str, data: bytes | memoryview, stamp_ns: int) -> None:
        """Take one message.

        Raises:
            BagError: the disk refuses.
        """
        if self._writer is None:
            self._writer = self._begin_part()
        self._writer.write(topic, data, stamp_ns)

    @property
    def part_is_due(self) -> bool:
        """Whether it is time to call `keep`."""
        return self._writer is not None and time.monotonic() - self._begun > self._part_seconds

    def keep(self, **progress: Any) -> None:
        """End a part: a later replay goes on from here, with this in its state.

        Raises:
            BagError, OSError: the disk refuses.
        """
        if self._writer is not None:
            self._writer.close()
            self._writer = None
            self.state["parts"] += 1
        self.state.update(progress)
        _write_json(self.work / STATE, self.state)

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Make one bag of the parts.

        Raises:
            BagError, OSError: the disk refuses.
        """
        if self._writer is None and not self.state["parts"]:
            self._writer = self._begin_part()  # without a message: still a bag
        self.keep()
        whole = self.work / "bag"
        whole.mkdir(exist_ok=True)
        information = self._join(whole)
        write_metadata(whole, information)
        _write_json(whole / SUMMARY, {**self._identity, **summary})
        whole.rename(self.path)
        shutil.rmtree(self.work, ignore_errors=True)
        self._lock.close()

    def abandon(self) -> None:
        """Close the files of a replay that failed; what was kept stays for the next one."""
        try:
            if self._writer is not None:
                writer, self._writer = self._writer, None
                writer.close()
        finally:
            if not self.state["parts"]:
                shutil.rmtree(self.work, ignore_errors=True)
            self._lock.close()

    def forget(self) -> None:
        """Let `abandon` remove also what was kept: the next replay is to begin anew."""
        self.state["parts"] = 0

    def _open(self) -> dict[str, Any]:
        fresh = {"identity": self._identity, "parts": 0}
        try:
            state = json.loads((self.work / STATE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            state = fresh
        except (OSError, ValueError) as error:
            raise ReplayError(f"{self.work} cannot be used: {error}; remove it") from error
        if not state.get("parts"):
            state = fresh  # one that was killed before it kept anything
        if state.get("identity") != self._identity:
            raise ReplayError(
                f"{self.work} is of another recording, policy or setting: remove it, or choose "
                "another --out"
            )
        for part in self.work.glob("part_*"):
            # What was being written when the last replay ended.
            if int(part.name.removeprefix("part_")) >= state["parts"]:
                shutil.rmtree(part)
        _write_json(self.work / STATE, state)
        return dict(state)

    def _begin_part(self) -> BagWriter:
        self._begun = time.monotonic()
        folder = self.work / f"part_{self.state['parts']}"
        writer = BagWriter(
            folder,
            self._storage,
            compression=self._compression,
            metadata_version=self._metadata_version,
        )
        for topic, (type_name, qos, definition) in self._topics.items():
            writer.add_topic(topic, type_name, qos, definition)
        return writer

    def _join(self, whole: Path) -> dict[str, Any]:
        """Move the parts' files into one folder; what its metadata.yaml has to say."""
        joined: dict[str, Any] = {}
        for number in range(self.state["parts"]):
            part = self.work / f"part_{number}"
            ending = ".mcap" if self._storage == "mcap" else ".db3"
            name = f"{self.path.name}_{number}{ending}"
            try:
                information = yaml.safe_load((part / FILE_NAME).read_text(encoding="utf-8"))
            except (OSError, yaml.YAMLError) as error:
                raise BagError(f"{part} cannot be read: {error}") from error
            one = information[_INFORMATION]
            (old,) = one["relative_file_paths"]
            if (part / old).exists():
                (part / old).rename(whole / name)
            one["relative_file_paths"] = [name]
            one["files"][0]["path"] = name
            joined = _joined(joined, one) if joined else one
        return joined


def _joined(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What metadata.yaml says of two bags as one; they have the same topics."""
    spans = [
        (start, start + one["duration"]["nanoseconds"])
        for one in (before, after)
        if one["message_count"]
        for start in [one["starting_time"]["nanoseconds_since_epoch"]]
    ]
    first = min((start for start, _ in spans), default=0)
    last = max((end for _, end in spans), default=0)
    counts = {
        topic["topic_metadata"]["name"]: topic["message_count"]
        for topic in after["topics_with_message_count"]
    }
    topics = [
        {**topic, "message_count": topic["message_count"] + counts[topic["topic_metadata"]["name"]]}
        for topic in before["topics_with_message_count"]
    ]
    return {
        **before,
        "relative_file_paths": before["relative_file_paths"] + after["relative_file_paths"],
        "files": before["files"] + after["files"],
        "message_count": before["message_count"] + after["message_count"],
        "starting_time": {"nanoseconds_since_epoch": first},
        "duration": {"nanoseconds": last - first},
        "topics_with_message_count": topics,
    }


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    unfinished = path.with_name(path.name + ".new")
    with unfinished.open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
