# SPDX-License-Identifier: Apache-2.0
"""A tick's overlays, drawn alike for the topics of the live node and for a replay's bag."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.attention.word_strip import draw_words
from pam_ros.attention.words import language_words
from pam_ros.robot.contract import COMPRESSED_IMAGE, IMAGE
from pam_ros.robot.images import fill_compressed_image, fill_image
from pam_ros.tick.attention_map import source_cells

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from numpy.typing import NDArray

    from pam_ros.attention.maps import AttentionMaps
    from pam_ros.attention.overlay import Overlay
    from pam_ros.attention.scale import Scale
    from pam_ros.message_types.sensor_msgs import CompressedImage, Image
    from pam_ros.message_types.std_msgs import Header
    from pam_ros.robot.contract import CameraContract, Contract
    from pam_ros.robot.observation import Observation
    from pam_ros.tick.explained import ExplainedTick
    from pam_ros.tick.port import MessagePort


WORDS = ""
"""In the place of a camera's name: the strip with the words of the instruction."""


@dataclass(frozen=True, eq=False)
class DrawnOverlay:
    """One camera's source image with its map, or the strip with the words.

    Attributes:
        camera: its name, or WORDS.
        header: of the source image; the strip has that of the first camera's.
        rgb: (H, W, 3) uint8, valid until the camera's next one is drawn.
        port: makes empty messages.
    """

    camera: str
    header: Header
    rgb: NDArray[np.uint8]
    port: MessagePort

    def image(self) -> Any:
        """As a sensor_msgs/msg/Image with the header of its source image."""
        message: Image = self.port.new(IMAGE)
        message.header = self.header
        fill_image(message, self.rgb)
        return message

    def compressed(self, quality: int) -> Any:
        """As a sensor_msgs/msg/CompressedImage, a JPEG of this quality, 1 to 100."""
        message: CompressedImage = self.port.new(COMPRESSED_IMAGE)
        message.header = self.header
        fill_compressed_image(message, self.rgb, quality)
        return message


class OverlayMaker:
    """Draws each camera into memory of its own, which the next tick's picture overwrites.

    Args:
        port: makes empty messages.
        contract: bound to the policy.
    """

    def __init__(self, port: MessagePort, contract: Contract) -> None:
        self._port = port
        self._contract = contract
        self._memory: dict[str, NDArray[np.uint8]] = {}

    def draw(
        self, tick: ExplainedTick, overlay: Overlay, scale: Scale, cameras: Collection[str]
    ) -> Iterator[DrawnOverlay]:
        """Count a tick into the scale, then draw these cameras one after the other.

        Args:
            tick: without maps there is nothing to count or draw.
            overlay: draws; for one thread.
            scale: what full heat means; it counts the tick even if no camera is drawn.
            cameras: names of those that are wanted, and WORDS if the strip is.
        """
        maps = tick.maps
        if maps is None:
            return iter(())
        full_scale = scale.scale(maps)
        wanted = [camera for camera in self._contract.cameras if camera.name in cameras]
        return self._all(wanted, tick, maps, overlay, full_scale, words=WORDS in cameras)

    def _all(
        self,
        wanted: Sequence[CameraContract],
        tick: ExplainedTick,
        maps: AttentionMaps,
        overlay: Overlay,
        full_scale: float,
        *,
        words: bool,
    ) -> Iterator[DrawnOverlay]:
        for camera in wanted:
            yield self._drawn(camera, tick, maps, overlay, full_scale)
        said = language_words(maps.groups) if words and self._contract.cameras else ()
        if said:
            strip = draw_words(said, full_scale, colormap=overlay.colormap, alpha=overlay.alpha)
            header = tick.inputs.messages[self._contract.cameras[0].name].header
            yield DrawnOverlay(WORDS, header, strip, self._port)

    def _drawn(
        self,
        camera: CameraContract,
        tick: ExplainedTick,
        maps: AttentionMaps,
        overlay: Overlay,
        full_scale: float,
    ) -> DrawnOverlay:
        rgb = self._draw(camera, tick.observation, maps, overlay, full_scale)
        header = tick.inputs.messages[camera.name].header
        return DrawnOverlay(camera.name, header, rgb, self._port)

    def _draw(
        self,
        camera: CameraContract,
        observation: Observation,
        maps: AttentionMaps,
        overlay: Overlay,
        full_scale: float,
    ) -> NDArray[np.uint8]:
        (camera_map,) = (each for each in maps.cameras if each.feature == camera.feature)
        source = observation.sources[camera.name]
        picture = self._memory.get(camera.name)
        if picture is None or picture.shape != source.shape:
            picture = self._memory[camera.name] = np.empty(source.shape, np.uint8)
        found = source_cells(camera_map, observation.regions[camera.name])
        return overlay.draw(
            source,
            found.cells,
            *found.grid,
            full_scale,
            maps.joint_state_share,
            out=picture,
        )
