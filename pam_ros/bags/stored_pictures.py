# SPDX-License-Identifier: Apache-2.0
"""Cameras that a bag holds compressed, read under the names of their raw pictures.

image_transport's names: `X/compressed` (CompressedImage) and `X/ffmpeg` (FFMPEGPacket) beside a raw
`X`. Whoever asks a bag for an `X` that only lies there compressed gets sensor_msgs/Image, rgb8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from pam_ros.bags.errors import BagError
from pam_ros.robot.contract import COMPRESSED_IMAGE, FFMPEG_PACKET
from pam_ros.robot.errors import MessageError
from pam_ros.robot.images import compressed_to_rgb
from pam_ros.robot.video import VideoDecoder, read_packet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy as np
    import numpy.typing as npt

    from pam_ros.robot.video import Shown

ENDINGS = {COMPRESSED_IMAGE: "/compressed", FFMPEG_PACKET: "/ffmpeg"}
"""What stands behind a raw topic's name, by the type of what is stored there."""


class _Topic(Protocol):
    """What is asked of a bag's topic."""

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...


def stored_as(topics: Iterable[_Topic]) -> dict[str, str]:
    """Raw topics that are not in a bag, and where their pictures lie; H.264 before JPEG."""
    given = {topic.name: topic.type for topic in topics}
    found: dict[str, str] = {}
    for name, kind in given.items():
        ending = ENDINGS.get(kind)
        if ending is None or not name.endswith(ending) or "/attention/" in name:
            continue
        raw = name.removesuffix(ending)
        if raw and raw not in given and (raw not in found or kind == FFMPEG_PACKET):
            found[raw] = name
    return found


class StoredPictures:
    """One camera's stored messages, decoded in the order of the bag.

    `unreadable`: how many gave no picture.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        # Beside each packet go what was put in and the picture's size, which may be odd.
        self._decoder: VideoDecoder[tuple[Any, tuple[int, int]]] = VideoDecoder()
        self.unreadable = 0

    def take(self, message: Any, beside: Any) -> Iterator[tuple[Any, npt.NDArray[np.uint8]]]:
        """Pictures (H, W, 3) uint8 RGB that this message completes, and what was put in beside.

        Args:
            message: a CompressedImage or an FFMPEGPacket, decoded.
            beside: comes out with the message's picture.
        """
        try:
            if self._kind == COMPRESSED_IMAGE:
                yield beside, compressed_to_rgb(message)
                return
            size = (int(message.height), int(message.width))
            packet = read_packet(self._kind, message)
            yield from self._shown(self._decoder.take(packet, (beside, size)))
        except (BagError, MessageError):
            self.unreadable += 1

    def end(self) -> Iterator[tuple[Any, npt.NDArray[np.uint8]]]:
        """Pictures that waited for later packets."""
        if self._kind == FFMPEG_PACKET:
            yield from self._shown(self._decoder.end())

    def _shown(
        self, done: Shown[tuple[Any, tuple[int, int]]]
    ) -> Iterator[tuple[Any, npt.NDArray[np.uint8]]]:
        for (beside, (height, width)), rgb in done:
            if rgb is None:
                self.unreadable += 1
            else:
                yield beside, rgb[:height, :width]
