# SPDX-License-Identifier: Apache-2.0
"""How far the joints have moved since each camera's picture last changed.

Tokens that no attention has mixed (layer encoder_input) are the same to the last bit for the same
picture, and for no two pictures of a scene that moves. So a picture that stays the same while the
joint state's token moves is a fault, however little of the arm the camera sees, and it stays one
when the arm comes to rest. Where nothing moves, nothing is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.sae.store.tokens import KIND_JOINT_STATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pam_ros.sae.store.tokens import RowTable

LEAST_MOTION = 0.1
"""Of the joint state's token, in units of its usual distance from its mean: what lies below is no
sign of a fault, and no scale of one either."""

_LEAST_SHARED = 4
"""Cells that two ticks must share for a camera to be compared."""

_SAME = 1e-6
"""Mean squared change of a camera's tokens, relative to what is usual, that is none: rounding."""


@dataclass(eq=False)
class _Anchor:
    """A camera's tokens when they last changed, and where the joints were."""

    token: NDArray[np.integer]
    rows: NDArray[np.float32]
    joint: NDArray[np.float32]
    moved: float = 0.0


class StillCameras:
    """Watches the cameras of one episode.

    Args:
        cameras: how many.
        spread: (T,), mean square of a token about its position's mean.
    """

    def __init__(self, cameras: int, spread: NDArray[np.floating]) -> None:
        self._spread = spread
        self._anchors: list[_Anchor | None] = [None] * cameras

    def reset(self) -> None:
        """Forget the pictures: an episode begins."""
        self._anchors = [None] * len(self._anchors)

    def update(self, rows: NDArray[np.float32], table: RowTable) -> NDArray[np.float64]:
        """The motion (cameras,) since each picture changed, the largest on the way.

        0 where it changed in this tick; NaN for a camera without tokens, and for all of a policy
        that reads no joints.
        """
        found = np.full(len(self._anchors), np.nan)
        (joints,) = np.nonzero(table.kind == KIND_JOINT_STATE)
        if not len(joints):
            return found
        joint = rows[joints[0]]
        usual = float(self._spread[table.token[joints[0]]])
        for camera, anchor in enumerate(self._anchors):
            (cells,) = np.nonzero(table.camera == camera)
            if not len(cells):
                continue
            token, values = table.token[cells], rows[cells]
            if anchor is None or self._changed(token, values, anchor):
                self._anchors[camera] = _Anchor(token, values, joint.copy())
                found[camera] = 0.0
            else:
                gap = float(np.square(joint - anchor.joint).sum(dtype=np.float64))
                anchor.moved = max(anchor.moved, float(np.sqrt(gap / usual)))
                found[camera] = anchor.moved
        return found

    def _changed(
        self, token: NDArray[np.integer], values: NDArray[np.float32], anchor: _Anchor
    ) -> bool:
        """A sampler that draws anew gives other cells each time: those of both are compared."""
        if np.array_equal(token, anchor.token):
            now, before = values, anchor.rows
        else:
            token, ours, theirs = np.intersect1d(
                token, anchor.token, assume_unique=True, return_indices=True
            )
            now, before = values[ours], anchor.rows[theirs]
        if len(now) < min(_LEAST_SHARED, len(values)):
            return True
        if np.array_equal(now, before):
            return False
        squares = np.square(now - before).sum(axis=1, dtype=np.float64)
        return bool((squares / self._spread[token]).mean() > _SAME)
