# SPDX-License-Identifier: Apache-2.0
"""Which picture of a bag belongs to which tick and camera."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pam_ros.bags.pictures import header_stamp_ns
from pam_ros.robot.contract import CAMERA_TYPES, COMPRESSED_IMAGE
from pam_ros.robot.video import stamp_and_frame

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pam_ros.bags import BagMessage, BagReader
    from pam_ros.show.report.tick import CameraTick, Tick

# A picture this much older than the one that is missing does not stand in for it.
_STALE_NS = 1_000_000_000


@dataclass(frozen=True)
class PictureAt:
    """Where a picture is in the bag, and whether its stamp is the one that the map names."""

    topic: str
    received_ns: int
    stamp_ns: int
    exact: bool


class Pictures:
    """The stamps of all pictures in a bag.

    `candidates`: topics that have images. given: camera name to its topic, where that is known.
    """

    def __init__(self, reader: BagReader, given: Mapping[str, str]) -> None:
        self._reader = reader
        self._given = given
        # JPEGs are read where they lie, a video under the name of its raw pictures.
        kinds = {name: topic.type for name, topic in reader.topics.items()}
        twice = {raw if kinds[at] == COMPRESSED_IMAGE else at for raw, at in reader.stored.items()}
        self.candidates = {
            name
            for name, info in reader.readable.items()
            if info.type in CAMERA_TYPES and info.count and name not in twice
        }
        # Per topic and header stamp [ns]: when the pictures with it were received [ns].
        self._images: dict[str, dict[int, list[int]]] = defaultdict(dict)
        self._frames: dict[str, str] = {}

    def take(self, message: BagMessage) -> None:
        """One picture, which stays in the bag.

        Raises:
            BagError: it is damaged.
        """
        stamp = header_stamp_ns(message)
        self._images[message.topic].setdefault(stamp, []).append(message.stamp_ns)
        if message.topic not in self._frames:
            _, frame_id = stamp_and_frame(message.type, self._reader.decode(message))
            self._frames[message.topic] = frame_id

    def topics(self, ticks: Sequence[Tick]) -> dict[str, str]:
        """Camera name to the topic whose pictures are shown."""
        found = {}
        for camera in {camera.name: camera for tick in ticks for camera in tick.cameras}.values():
            topic = self._given.get(camera.name) or self._raw_topic(camera)
            if topic is not None:
                found[camera.name] = topic
        return found

    def of(self, tick: Tick, topics: Mapping[str, str]) -> dict[str, PictureAt]:
        """The picture that each camera's map explains, or the last one before it."""
        found = {}
        for camera in tick.cameras:
            topic = topics.get(camera.name)
            if topic is None:
                continue
            stamps = self._images[topic]
            stamp = camera.stamp_ns
            if stamp not in stamps:
                earlier = [other for other in stamps if stamp - _STALE_NS < other < stamp]
                if not earlier:
                    continue
                stamp = max(earlier)
            received = min(stamps[stamp], key=lambda at: abs(at - tick.received_ns))
            found[camera.name] = PictureAt(topic, received, stamp, stamp == camera.stamp_ns)
        return found

    def _raw_topic(self, camera: CameraTick) -> str | None:
        """By the name in its path, else by its frame where only one topic has it."""
        raw = [name for name in self.candidates if "/attention/" not in name]
        raw = [name for name in raw if "/explanation/" not in name and "depth" not in name]
        named = [name for name in raw if camera.name in name.split("/")]
        if named:
            return min(named, key=lambda name: (len(name), name))
        framed = [name for name in raw if self._frames.get(name) == camera.frame_id != ""]
        return framed[0] if len(framed) == 1 else None


def missing_pictures(
    ticks: Sequence[Tick],
    topics: Mapping[str, str],
    pictures: Sequence[Mapping[str, PictureAt]],
) -> Iterator[str]:
    """A sentence for each camera that lacks some, or all."""
    for camera in dict.fromkeys(camera.name for tick in ticks for camera in tick.cameras):
        if camera not in topics:
            yield (
                f"the bag has no pictures of camera '{camera}': its heat is drawn on grey "
                "(name a topic with --camera)"
            )
            continue
        absent = sum(camera not in found for found in pictures)
        stale = sum(camera in found and not found[camera].exact for found in pictures)
        if stale:
            yield (
                f"{stale} ticks of camera '{camera}' lack their own picture and show the last "
                "one before it"
            )
        if absent:
            yield f"{absent} ticks of camera '{camera}' have no picture"
