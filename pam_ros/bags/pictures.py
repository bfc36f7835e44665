# SPDX-License-Identifier: Apache-2.0
"""The pictures of a bag, camera by camera, in the order of their header stamps."""

from __future__ import annotations

import heapq
import logging
import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pam_ros.bags.errors import BagError
from pam_ros.bags.video_topics import VideoTopics
from pam_ros.robot.contract import CAMERA_TYPES, COMPRESSED_IMAGE, VIDEO_TYPES
from pam_ros.robot.errors import MessageError
from pam_ros.robot.images import any_image_to_rgb, compressed_to_rgb

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    import numpy as np
    import numpy.typing as npt

    from pam_ros.bags.reader import BagMessage, BagReader, BagTopic

_LOG = logging.getLogger(__name__)
_OVERLAY = re.compile(r".*/attention/([a-z][a-z0-9_]*)/image(?:/compressed)?")
_SECOND = 1_000_000_000
# Messages are put into the order of their header stamps within this much of the bag's own time:
# an overlay is recorded later than the image that it explains.
_LOOK_AHEAD_NS = _SECOND
# A stamp this much older than the newest one means that the clock began anew.
_RESET_NS = _SECOND
# A stamp that leaps ahead by more than this, and this many times what the bag's own time did (a
# simulation may run faster than the recorder's clock), belongs to another clock.
_LEAP_S = 2.0
_FASTEST = 50.0


@dataclass(frozen=True)
class CameraTopics:
    """One camera in a bag: its overlays, and its own images where the bag has them."""

    name: str
    overlay: str
    raw: str | None


@dataclass(frozen=True)
class Picture:
    """One picture, still serialised, at ``time_s`` seconds after the first one."""

    time_s: float
    message: BagMessage


def find_cameras(
    reader: BagReader, raw_topics: Mapping[str, str] | None = None
) -> tuple[CameraTopics, ...]:
    """The cameras whose overlays are in the bag, by name.

    A camera's own images are those of the topic given in ``raw_topics``, or of an image topic with
    the camera's name in its path.

    Raises:
        BagError: the bag has no overlays, or lacks a topic of ``raw_topics``.
    """
    images = {name: topic for name, topic in reader.readable.items() if topic.type in CAMERA_TYPES}
    images = {name: topic for name, topic in images.items() if topic.count}
    overlays: dict[str, str] = {}
    for topic in sorted(images, key=len, reverse=True):  # the uncompressed one is shorter and wins
        match = _OVERLAY.fullmatch(topic)
        if match:
            overlays[match.group(1)] = topic
    if not overlays:
        names = ", ".join(sorted(reader.topics)) or "no topic at all"
        raise BagError(
            f"bag {reader.path} has no pictures on ~/attention/<camera>/image (its topics: "
            f"{names}); record these topics, or replay the bag through the policy first"
        )
    given = dict(raw_topics or {})
    for name, topic in given.items():
        if topic not in images:
            raise BagError(f"bag {reader.path} has no images on {topic}, given for camera '{name}'")
    return tuple(
        CameraTopics(name, overlays[name], given.get(name) or _raw_topic(name, images))
        for name in sorted(overlays)
    )


def _raw_topic(camera: str, images: Mapping[str, BagTopic]) -> str | None:
    candidates = [
        topic
        for topic in images
        if camera in topic.split("/") and "/attention/" not in topic and "depth" not in topic
    ]
    return min(candidates, key=lambda topic: (len(topic), topic), default=None)


def pictures(reader: BagReader, topics: Collection[str]) -> Iterator[Picture]:
    """Every message of these image topics in the order of header stamps.

    Where the stamps' clock begins anew (a simulation that restarts, a second run in one bag), time
    goes on from where it was.

    Raises:
        BagError: the bag is damaged.
    """
    timeline = _Timeline()
    waiting: list[tuple[int, int, BagMessage]] = []
    floor = None
    videos = VideoTopics(reader.decode)
    for order, message in enumerate(videos.all(reader.messages(topics))):
        stamp = header_stamp_ns(message)
        if floor is not None and stamp < floor - _RESET_NS:
            # What waits belongs to the time before the clock began anew.
            while waiting:
                yield timeline.place(*heapq.heappop(waiting))
            floor = None
        floor = stamp if floor is None else max(floor, stamp)
        heapq.heappush(waiting, (stamp, order, message))
        while message.stamp_ns - waiting[0][2].stamp_ns > _LOOK_AHEAD_NS:
            yield timeline.place(*heapq.heappop(waiting))
    while waiting:
        yield timeline.place(*heapq.heappop(waiting))
    for note in videos.notes:
        _LOG.warning("%s: %s", reader.path, note)


class _Timeline:
    """Header stamps to seconds that never go back.

    A clock that begins anew, and a stamp that leaps far beyond what the bag's own time allows, go
    on from the newest time. After such a leap the clock before it is tried first, so that a single
    absurd stamp costs nothing.
    """

    def __init__(self) -> None:
        self._origins: tuple[int, ...] = ()
        self._newest = 0.0
        self._received = 0

    def place(self, stamp: int, _order: int, message: BagMessage) -> Picture:
        passed = max(0, message.stamp_ns - self._received) / _SECOND
        latest = self._newest + _LEAP_S + _FASTEST * passed
        for origin in self._origins:
            time_s = (stamp - origin) / _SECOND
            if self._newest - _RESET_NS / _SECOND <= time_s <= latest:
                others = tuple(other for other in self._origins if other != origin)
                self._origins = (origin, *others)
                break
        else:
            time_s = self._newest
            self._origins = (stamp - round(time_s * _SECOND), *self._origins[:1])
        self._received = max(self._received, message.stamp_ns)
        self._newest = max(self._newest, time_s)
        return Picture(self._newest, message)


def header_stamp_ns(message: BagMessage) -> int:
    """The stamp of a message that begins with a std_msgs/msg/Header [ns], read without decoding.

    Raises:
        BagError: the message is too short.
    """
    data = message.data
    if len(data) < 12:
        raise BagError(f"message on {message.topic} is cut short: {len(data)} bytes")
    seconds, nanoseconds = struct.unpack_from("<iI" if data[1] == 1 else ">iI", data, 4)
    return int(seconds) * _SECOND + int(nanoseconds)


def decode_picture(
    reader: BagReader, message: BagMessage, encoding: str | None = None
) -> npt.NDArray[np.uint8]:
    """The message's picture: (H, W, 3) uint8 RGB. A video's packets go through VideoTopics first.

    Args:
        reader: of its bag.
        message: of an image topic.
        encoding: what a raw image that tells only its type is, 8UC3 for one.

    Raises:
        BagError: it cannot be read.
    """
    if message.type in VIDEO_TYPES:
        raise BagError(f"a packet of video on {message.topic} in {reader.path} gave no picture")
    decoded = reader.decode(message)
    try:
        if message.type == COMPRESSED_IMAGE:
            return compressed_to_rgb(decoded)
        return any_image_to_rgb(decoded, encoding)
    except MessageError as error:
        raise BagError(f"picture on {message.topic} in {reader.path}: {error}") from None
