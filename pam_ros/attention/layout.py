# SPDX-License-Identifier: Apache-2.0
"""Where each encoder token comes from.

ACT's encoder reads one row of tokens: the latent, the joint state, the environment state, then each
camera's feature map, cell by cell in row-major order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pam_ros.attention.errors import AttentionError

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class CameraTokens:
    """The tokens of one camera: a block of `rows * cols` tokens that begins at token `start`.

    Cell (row, col) looks at pixel (x0 + col * dx, y0 + row * dy) of the image that the policy
    reads, `height` by `width` pixels. For a ResNet of stride 32 that is pixel (32 col, 32 row): its
    strided layers align the middle of a cell's receptive field with that pixel, not with the tile's
    middle.
    """

    feature: str
    start: int
    rows: int
    cols: int
    height: int
    width: int
    x0: float
    y0: float
    dx: float
    dy: float

    @property
    def stop(self) -> int:
        """The first token after this camera's."""
        return self.start + self.rows * self.cols


@dataclass(frozen=True)
class TokenLayout:
    """All tokens: `size` of them; an index, or None where the policy has no such token."""

    size: int
    latent: int | None
    joint_state: int | None
    environment: int | None
    cameras: tuple[CameraTokens, ...]

    def __post_init__(self) -> None:
        tokens = [t for t in (self.latent, self.joint_state, self.environment) if t is not None]
        for camera in self.cameras:
            tokens.extend(range(camera.start, camera.stop))
        if sorted(tokens) != list(range(self.size)):
            message = f"the layout's tokens must cover 0 to {self.size - 1}, each of them once"
            raise AttentionError(message)


def lay_out(
    cameras: Iterable[CameraTokens], *, joint_state: bool, environment: bool, latent: bool = True
) -> TokenLayout:
    """The layout of ACT: the single tokens first, then the cameras; their `start` is set here."""
    size = 0

    def single(present: bool) -> int | None:
        nonlocal size
        size += present
        return size - 1 if present else None

    latent_token, joint_token, environment_token = (
        single(latent),
        single(joint_state),
        single(environment),
    )
    placed = []
    for c in cameras:
        placed.append(
            CameraTokens(c.feature, size, c.rows, c.cols, c.height, c.width, c.x0, c.y0, c.dx, c.dy)
        )
        size = placed[-1].stop
    return TokenLayout(size, latent_token, joint_token, environment_token, tuple(placed))
