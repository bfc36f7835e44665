# SPDX-License-Identifier: Apache-2.0
"""Packets of video topics, on their way out of a bag, become the pictures that they hold."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pam_ros.bags.errors import BagError
from pam_ros.bags.types import known_types
from pam_ros.robot.contract import IMAGE, VIDEO_TYPES
from pam_ros.robot.errors import MessageError
from pam_ros.robot.video import VideoDecoder, read_packet, stamp_and_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy as np
    import numpy.typing as npt
    from rosbags.typesys.store import Typestore

    from pam_ros.bags.reader import BagMessage


class VideoTopics:
    """One pass over a bag, with a decoder for each topic.

    Args:
        decode: a message of the bag to an object.
    """

    def __init__(self, decode: Callable[[BagMessage], Any]) -> None:
        self._decode = decode
        self._decoders: dict[str, VideoDecoder[BagMessage]] = {}
        self._refused: dict[str, str] = {}

    def all(self, messages: Iterable[BagMessage]) -> Iterator[BagMessage]:
        """The messages, those of video topics as `take` gives them."""
        for message in messages:
            yield from self.take(message)
        yield from self.end()

    def take(self, message: BagMessage) -> list[BagMessage]:
        """What is complete with this message, itself if it is no packet.

        A picture is a sensor_msgs/msg/Image with the header and time of reception of its packet; it
        may come a few packets later. A packet that gives no picture comes as it is.
        """
        if message.type not in VIDEO_TYPES:
            return [message]
        decoder = self._decoders.setdefault(message.topic, VideoDecoder())
        try:
            packet = read_packet(message.type, self._decode(message))
            return self._messages(decoder.take(packet, message))
        except (BagError, MessageError) as error:
            self._refused.setdefault(message.topic, str(error))
            return [message]

    def end(self) -> list[BagMessage]:
        """No message comes any more: what the decoders still hold."""
        return [one for decoder in self._decoders.values() for one in self._messages(decoder.end())]

    @property
    def notes(self) -> list[str]:
        """A sentence for each topic that lost pictures."""
        notes = [f"{topic}: {reason}" for topic, reason in self._refused.items()]
        for topic, decoder in self._decoders.items():
            lost = sum(decoder.counts.values())
            causes = ", ".join(f"{n} {c.replace('_', ' ')}" for c, n in decoder.counts.items())
            if lost:
                notes.append(f"{topic}: {lost} packets of video gave no picture ({causes})")
        return notes

    def _messages(
        self, shown: Iterable[tuple[BagMessage, npt.NDArray[np.uint8] | None]]
    ) -> list[BagMessage]:
        return [
            packet if rgb is None else _image(packet, self._decode(packet), rgb)
            for packet, rgb in shown
        ]


def _image(packet: BagMessage, decoded: Any, rgb: npt.NDArray[np.uint8]) -> BagMessage:
    store = _types()
    stamp, frame_id = stamp_and_frame(packet.type, decoded)
    height, width = rgb.shape[:2]
    image = store.types[IMAGE](
        header=store.types["std_msgs/msg/Header"](stamp=stamp, frame_id=frame_id),
        height=height,
        width=width,
        encoding="rgb8",
        is_bigendian=0,
        step=3 * width,
        data=rgb.reshape(-1),
    )
    return replace(packet, type=IMAGE, data=bytes(store.serialize_cdr(image, IMAGE)))


@lru_cache(maxsize=1)
def _types() -> Typestore:
    return known_types()
