# SPDX-License-Identifier: Apache-2.0
"""Overlays drawn from AttentionMaps and the images that they explain."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.attention.maps import AttentionMaps, CameraMap
from pam_ros.attention.overlay import Overlay
from pam_ros.attention.scale import RunningScale

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from numpy.typing import NDArray

    from pam_ros.message_types.pam_ros import AttentionMap

_KEPT = 30
"""Images per camera that wait for their map."""


class Heat:
    """Keeps the last images, and draws a map on the one with its stamp.

    It draws as the node does by default.
    """

    def __init__(self) -> None:
        self._overlay = Overlay()
        self._scale = RunningScale()
        self._images: dict[str, OrderedDict[int, NDArray[np.uint8]]] = {}
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
        maps = _maps(message)
        full_scale = self._scale.scale(maps)
        for camera, placed in zip(message.cameras, maps.cameras, strict=True):
            if camera.name in leave_out:
                continue
            stamp = camera.header.stamp
            stamp_ns = int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)
            images = self._images.get(camera.name)
            image = None if images is None else images.get(stamp_ns)
            if image is None:
                self.without_image += 1
                continue
            grid = (placed.x0, placed.y0, placed.dx, placed.dy)
            share = float(message.joint_state_share)
            yield (
                camera.name,
                stamp_ns,
                self._overlay.draw(image, placed.cells, *grid, full_scale, share),
            )


def _maps(message: AttentionMap) -> AttentionMaps:
    """The maps in a message, placed in source images.

    It does not say how many tokens the policy has: those that it names stand for all, short of the
    few without a share.
    """
    cameras = tuple(
        CameraMap(
            camera.name,
            np.asarray(camera.cells, np.float32).reshape(int(camera.rows), int(camera.cols)),
            float(camera.share),
            (int(camera.peak_row), int(camera.peak_col)),
            float(camera.x0),
            float(camera.y0),
            float(camera.dx),
            float(camera.dy),
        )
        for camera in message.cameras
    )
    shares = [
        float(getattr(message, f"{kind}_share"))
        for kind in ("latent", "joint_state", "environment")
    ]
    tokens = sum(camera.cells.size for camera in cameras) + int(np.isfinite(shares).sum())
    return AttentionMaps(
        message.method,
        message.layer,
        message.head,
        message.query,
        cameras,
        shares[0],
        shares[1],
        shares[2],
        float(message.entropy),
        float(message.total),
        max(tokens, 1),
    )
