# SPDX-License-Identifier: Apache-2.0
"""A bag shown as it was recorded."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pam_ros.attention.words import language_words
from pam_ros.bags import BagError, BagReader
from pam_ros.robot.contract import CAMERA_TYPES
from pam_ros.robot.stamps import stamp_nanoseconds
from pam_ros.share.working import working
from pam_ros.show.rerun.errors import ViewError
from pam_ros.show.rerun.scene import Scene

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from pam_ros.message_types.pam_ros import AttentionMap
    from pam_ros.robot.contract import Contract
    from pam_ros.robot.topics import Topics


def _as_recorded(topics: Topics, reader: BagReader) -> Topics:
    """Images raw, compressed or as video, as they were recorded."""
    cameras = []
    for camera in topics.cameras:
        found = reader.readable.get(camera.image)
        kind = found.type if found is not None and found.type in CAMERA_TYPES else camera.type
        cameras.append(replace(camera, type=kind))
    return replace(topics, cameras=tuple(cameras))


@dataclass(frozen=True)
class Shown:
    """What went in: messages by topic; those that could not be read; maps without their image.

    `damage` says where the bag broke off, empty where it did not.
    """

    counts: dict[str, int]
    bad: dict[str, int]
    without_image: int
    damage: str


class OpenBag:
    """A bag that has something to show.

    Raises:
        BagError: it cannot be opened.
        ViewError: it has none of the contract's topics.
    """

    def __init__(self, path: Path, contract: Contract, topics: Topics) -> None:
        self._contract = contract
        self._reader = BagReader(path)
        self._topics = _as_recorded(topics, self._reader)
        present = {topic.name for topic in self._reader.readable.values() if topic.count}
        self._drawn = {
            camera.name: camera.overlay if camera.overlay in present else camera.compressed_overlay
            for camera in topics.cameras
            if {camera.overlay, camera.compressed_overlay} & present
        }
        wanted = {topics.attention, topics.chunk, topics.features}
        wanted |= {each.topic for each in (*topics.states, *topics.commands)}
        wanted |= {camera.image for camera in topics.cameras} | set(self._drawn.values())
        if not wanted & present:
            self._reader.close()
            raise ViewError(
                f"bag {path} has none of the contract's topics ({', '.join(sorted(wanted))}): "
                f"it has {', '.join(sorted(present)) or 'none at all'}"
            )
        self._wanted = (wanted | {topics.diagnostics}) & present
        self._present = present

    def first_map_ns(self) -> int | None:
        """The stamp of the first map [ns]: before it there is little to see. None without one."""
        first = self._first_map()
        return None if first is None else stamp_nanoseconds(first.header.stamp)

    def has_words(self) -> bool:
        """Whether the first map says what the words of an instruction have of the attention."""
        first = self._first_map()
        return first is not None and bool(language_words(first.groups))

    def _first_map(self) -> AttentionMap | None:
        if self._topics.attention not in self._present:
            return None
        with suppress(BagError):
            for message in self._reader.messages([self._topics.attention]):
                with suppress(BagError):
                    decoded: AttentionMap = self._reader.decode(message)
                    if decoded.valid:
                        return decoded
        return None

    def show(self, recording: Any) -> Shown:
        """Show all of the bag; of one that is damaged, all before the damage."""
        scene = Scene(recording, self._contract, self._topics, self._drawn)
        bad: Counter[str] = Counter()
        damage = ""
        try:
            with working(f"reading {self._reader.path}", "messages") as count:
                for message in self._reader.messages(self._wanted):
                    count.add()
                    try:
                        decoded = self._reader.decode(message)
                    except BagError:
                        bad[message.topic] += 1
                        continue
                    scene.take(message.topic, decoded, message.stamp_ns)
        except BagError as error:
            damage = str(error)
        return Shown(dict(scene.counts), dict(scene.bad + bad), scene.without_image, damage)

    def __enter__(self) -> OpenBag:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._reader.close()
