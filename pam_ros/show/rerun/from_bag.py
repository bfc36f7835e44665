# SPDX-License-Identifier: Apache-2.0
"""A bag shown as it was recorded."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pam_ros.bags import BagError, BagReader
from pam_ros.show.rerun.errors import ViewError
from pam_ros.show.rerun.scene import Scene

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from pam_ros.robot.contract import Contract
    from pam_ros.robot.topics import Topics


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
        self._contract, self._topics = contract, topics
        self._reader = BagReader(path)
        present = {topic.name for topic in self._reader.topics.values() if topic.count}
        self._drawn = {
            camera.name: camera.overlay if camera.overlay in present else camera.compressed_overlay
            for camera in topics.cameras
            if {camera.overlay, camera.compressed_overlay} & present
        }
        wanted = {topics.attention, topics.state, topics.command, topics.chunk, topics.features}
        wanted |= {camera.image for camera in topics.cameras} | set(self._drawn.values())
        if not wanted & present:
            self._reader.close()
            raise ViewError(
                f"bag {path} has none of the contract's topics ({', '.join(sorted(wanted))}): "
                f"it has {', '.join(sorted(present)) or 'none at all'}"
            )
        self._wanted = (wanted | {topics.diagnostics}) & present

    def show(self, recording: Any) -> Shown:
        """Show all of the bag; of one that is damaged, all before the damage."""
        scene = Scene(recording, self._contract, self._topics, self._drawn)
        bad: Counter[str] = Counter()
        damage = ""
        try:
            for message in self._reader.messages(self._wanted):
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
