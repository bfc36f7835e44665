# SPDX-License-Identifier: Apache-2.0
"""The maps that an AttentionMap message holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pam_ros.attention.maps import AttentionMaps, CameraMap
from pam_ros.show.groups import tokens

if TYPE_CHECKING:
    from pam_ros.message_types.pam_ros import AttentionMap


def maps_of(message: AttentionMap) -> AttentionMaps:
    """The maps in a valid message, placed in source images.

    Raises:
        ValueError: it has another number of cells than its grids say.
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
    return AttentionMaps(
        message.method,
        message.layer,
        message.head,
        message.query,
        cameras,
        float(message.latent_share),
        float(message.joint_state_share),
        float(message.environment_share),
        float(message.entropy),
        float(message.total),
        tokens(message),
    )
