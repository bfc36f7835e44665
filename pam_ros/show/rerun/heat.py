# SPDX-License-Identifier: Apache-2.0
"""Overlays drawn from AttentionMaps and the images that they explain."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pam_ros.attention.overlay import Overlay
from pam_ros.attention.scale import RunningScale
from pam_ros.attention.word_strip import draw_words
from pam_ros.attention.words import language_words
from pam_ros.bags.canvas import DIMMED, age_text, write
from pam_ros.show.message_maps import maps_of
from pam_ros.show.report.held import HELD_S

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from numpy.typing import NDArray

    from pam_ros.attention.maps import AttentionMaps
    from pam_ros.message_types.builtin_interfaces import Time
    from pam_ros.message_types.pam_ros import AttentionMap, CameraAttention

_STRIP = 18
_KEPT = 30
"""Images per camera that wait for their map."""


class HeatDrawing:
    """Keeps the last images, and draws a map on the one with its stamp.

    It draws as the node does by default. Ticks without a map get the last one, dimmed.
    """

    def __init__(self) -> None:
        self._overlay = Overlay()
        self._scale = RunningScale()
        self._images: dict[str, OrderedDict[int, NDArray[np.uint8]]] = {}
        self._last: _LastMap | None = None
        self.without_image = 0

    def keep(self, camera: str, stamp_ns: int, image: NDArray[np.uint8]) -> None:
        """Take a camera's source image, (H, W, 3) uint8 RGB."""
        images = self._images.setdefault(camera, OrderedDict())
        images[stamp_ns] = image
        while len(images) > _KEPT:
            images.popitem(last=False)

    def draw(
        self, message: AttentionMap, leave_out: Collection[str] = ()
    ) -> Iterator[tuple[str, int, NDArray[np.uint8]]]:
        """Camera, stamp [ns] and picture of each camera of a valid AttentionMap, but for some.

        Raises:
            AttentionError: the message's cells cannot be drawn.
        """
        maps = maps_of(message)
        full_scale = self._scale.scale(maps)
        self._last = _LastMap(message, maps, full_scale)
        for camera, placed in zip(message.cameras, maps.cameras, strict=True):
            if camera.name in leave_out:
                continue
            stamp_ns, image = self._image(camera)
            if image is None:
                self.without_image += 1
                continue
            share = float(message.joint_state_share)
            grid = (placed.x0, placed.y0, placed.dx, placed.dy)
            yield (
                camera.name,
                stamp_ns,
                self._overlay.draw(image, placed.cells, *grid, full_scale, share),
            )

    def draw_words(self, message: AttentionMap) -> NDArray[np.uint8] | None:
        """The words of a valid message that was drawn last, as a strip (H, W, 3) uint8 RGB.

        None where there are no words.
        """
        words = language_words(message.groups)
        if self._last is None or self._last.message is not message or not words:
            return None
        return draw_words(words, self._last.full_scale)

    def draw_held(self, message: AttentionMap) -> Iterator[tuple[str, int, NDArray[np.uint8]]]:
        """The same for a tick without a map: the last one of its episode, dimmed, with its age."""
        last = self._last
        if last is None or int(last.message.episode) != int(message.episode):
            return
        age_s = (_nanoseconds(message.header.stamp) - _nanoseconds(last.message.header.stamp)) / 1e9
        if not 0 < age_s <= HELD_S:
            return
        placed = {camera.feature: camera for camera in last.maps.cameras}
        share = float(last.message.joint_state_share)
        for camera in message.cameras:
            stamp_ns, image = self._image(camera)
            held = placed.get(camera.name)
            if image is None or held is None:
                continue
            grid = (held.x0, held.y0, held.dx, held.dy)
            drawn = self._overlay.draw(image, held.cells, *grid, last.full_scale, share)
            picture = np.asarray(cv2.addWeighted(image, 1 - DIMMED, drawn, DIMMED, 0), np.uint8)
            write(picture, age_text(age_s), 0, 0, picture.shape[1] // 2, _STRIP)
            yield camera.name, stamp_ns, picture

    def _image(self, camera: CameraAttention) -> tuple[int, NDArray[np.uint8] | None]:
        """The stamp of a camera's image [ns], and the image if it is there."""
        stamp_ns = _nanoseconds(camera.header.stamp)
        return stamp_ns, self._images.get(camera.name, OrderedDict()).get(stamp_ns)


@dataclass(frozen=True)
class _LastMap:
    message: AttentionMap
    maps: AttentionMaps
    full_scale: float


def _nanoseconds(stamp: Time) -> int:
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)
