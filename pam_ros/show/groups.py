# SPDX-License-Identifier: Apache-2.0
"""What an AttentionMap says of cameras as a whole, and of tokens that are no image cells."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.attention.attribution import CONTRIBUTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pam_ros.message_types.pam_ros import AttentionMap, CameraAttention, TokenGroup

NAMED = ("joint_state", "latent", "environment")
"""The kinds that have a share of their own in the message, which also old releases have."""


def shares(message: AttentionMap) -> dict[str, float]:
    """The share of each kind of NAMED, NaN if there is none, then of each other group by name."""
    found = {kind: float(getattr(message, f"{kind}_share")) for kind in NAMED}
    found.update((str(group.name), float(group.share)) for group in others(message))
    return found


def camera_share(message: AttentionMap, camera: CameraAttention) -> float:
    """A camera's share beside those of `shares`: of what was done, for contributions, or of mass.

    The shares of a contribution's cells make 1 without the joint state, so they do not say it.
    """
    return float(camera.part_share if message.method in CONTRIBUTIONS else camera.share)


def others(message: AttentionMap) -> Iterator[TokenGroup]:
    """The groups of other kinds than NAMED."""
    return (group for group in message.groups if group.kind not in NAMED)


def tokens(message: AttentionMap) -> int:
    """How many tokens the map is spread over: cells, and the other tokens that can be read.

    Of a message from before there were groups: those that have a share, which stand for all.
    """
    cells = sum(np.asarray(camera.cells).size for camera in message.cameras)
    beside = sum(len(group.mass) for group in message.groups)
    if not message.groups:
        beside = sum(math.isfinite(getattr(message, f"{kind}_share")) for kind in NAMED)
    return max(cells + beside, 1)
