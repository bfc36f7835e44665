# SPDX-License-Identifier: Apache-2.0
"""A tick's overlays, drawn alike for the topics of the live node and for a replay's bag."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pam_ros.tick.attention_map import source_grid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pam_ros.attention.maps import AttentionMaps
    from pam_ros.attention.overlay import Overlay
    from pam_ros.robot.contract import CameraContract
    from pam_ros.robot.observation import Observation


class TickPictures:
    """Draws each camera into memory of its own, which the next tick's picture overwrites."""

    def __init__(self) -> None:
        self._pictures: dict[str, NDArray[np.uint8]] = {}

    def draw(
        self,
        camera: CameraContract,
        observation: Observation,
        maps: AttentionMaps,
        overlay: Overlay,
        full_scale: float,
    ) -> NDArray[np.uint8]:
        """The camera's source image (H, W, 3) uint8 RGB with its map; valid until the next call.

        Args:
            camera: one that the maps have.
            observation: what the tick looked at.
            maps: of the tick.
            overlay: draws; for one thread.
            full_scale: the mass at full opacity.
        """
        (camera_map,) = (each for each in maps.cameras if each.feature == camera.feature)
        source = observation.sources[camera.name]
        picture = self._pictures.get(camera.name)
        if picture is None or picture.shape != source.shape:
            picture = self._pictures[camera.name] = np.empty(source.shape, np.uint8)
        return overlay.draw(
            source,
            camera_map.cells,
            *source_grid(camera_map, observation.regions[camera.name]),
            full_scale,
            maps.joint_state_share,
            out=picture,
        )
