# SPDX-License-Identifier: Apache-2.0
"""Draws a map on its camera image.

Heat is centred where each cell looks, interpolated linearly between cell centres and held constant
beyond the outermost ones. Opacity follows the mass, so a pixel without attention is left exactly as
it was; the colour follows it too. The joint-state token has no place in the image: its share is a
magenta border whose opacity is that share.

Both colour and opacity depend on one 8-bit level alone, so a table of 256 packed entries holds
(opacity * colour, 1 - opacity), and a picture is one look-up, one product and one sum in uint8.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pam_ros.attention.errors import AttentionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PREFIX = "COLORMAP_"
COLORMAPS = tuple(
    sorted(name.removeprefix(_PREFIX).lower() for name in dir(cv2) if name.startswith(_PREFIX))
)
MAGENTA = (255.0, 0.0, 255.0)  # the same in RGB and BGR


class Overlay:
    """Draws maps with one look.

    It keeps its buffers from picture to picture: one thread per Overlay.

    Args:
        colormap: one of OpenCV's, by its lower-case name, see COLORMAPS.
        alpha: opacity of a cell at full scale, 0 to 1.
        border: width of the joint-state border in pixels, 0 for none; at most an eighth of the
            picture.

    Raises:
        AttentionError: an unknown colour map, or a number out of range.
    """

    def __init__(self, colormap: str = "turbo", alpha: float = 0.6, border: int = 8) -> None:
        if colormap not in COLORMAPS:
            message = f"colormap {colormap!r} is unknown: it must be one of {', '.join(COLORMAPS)}"
            raise AttentionError(message)
        if not 0 <= alpha <= 1:
            message = f"alpha {alpha} must be from 0 to 1"
            raise AttentionError(message)
        if border < 0:
            message = f"border {border} must be 0 pixels or more"
            raise AttentionError(message)
        self.colormap = colormap
        self.alpha = alpha
        self.border = border
        self._buffers: dict[tuple[int, int], _Buffers] = {}

    def draw(
        self,
        image: NDArray[np.uint8],
        cells: NDArray[np.float32],
        x0: float,
        y0: float,
        dx: float,
        dy: float,
        full_scale: float,
        joint_state_share: float = 0.0,
        *,
        bgr: bool = False,
        out: NDArray[np.uint8] | None = None,
    ) -> NDArray[np.uint8]:
        """Draw `cells` on `image` and return the picture; the image itself is not changed.

        Args:
            image: (H, W, 3) uint8.
            cells: (rows, cols) mass per cell; cell (row, col) is centred on pixel
                (x0 + col * dx, y0 + row * dy) of this image.
            x0: column of the first cell's centre, in pixels.
            y0: row of the first cell's centre, in pixels.
            dx: pixels from one cell to the next to its right, above 0.
            dy: pixels from one cell to the next below, above 0.
            full_scale: the mass drawn at full opacity, see scale.py.
            joint_state_share: opacity of the border, 0 to 1; NaN where the policy has no joint
                state.
            bgr: whether the image's channels are blue, green, red.
            out: (H, W, 3) uint8, C-contiguous, to draw into; may be the image itself.

        Raises:
            AttentionError: an array of another shape or type, a cell that is not finite, a grid
                without extent.
        """
        _check_image("image", image)
        _check_grid(cells, dx, dy, full_scale)
        if out is None:
            out = np.empty(image.shape, np.uint8)
        else:
            _check_out(out, image)
        height, width = image.shape[:2]
        buffers = self._buffers.get((height, width))
        if buffers is None:
            buffers = self._buffers.setdefault((height, width), _Buffers(height, width))

        levels = np.clip(np.asarray(cells, np.float32) * np.float32(255.0 / full_scale), 0, 255)
        _interpolate(levels, (x0, y0, dx, dy), buffers)
        cv2.convertScaleAbs(buffers.heat, dst=buffers.level)  # rounds to the nearest level
        np.take(
            _table(self.colormap, self.alpha, bgr), buffers.level, out=buffers.packed, mode="clip"
        )
        packed = buffers.packed.view(np.uint8).reshape(height, width, 4)
        cv2.cvtColor(packed, cv2.COLOR_BGRA2BGR, dst=buffers.colour)
        cv2.extractChannel(packed, 3, dst=buffers.level)
        cv2.cvtColor(buffers.level, cv2.COLOR_GRAY2BGR, dst=buffers.kept)
        cv2.multiply(np.ascontiguousarray(image), buffers.kept, dst=out, scale=1 / 255)
        cv2.add(out, buffers.colour, dst=out)
        self._draw_border(out, joint_state_share)
        return out

    def _draw_border(self, picture: NDArray[np.uint8], share: float) -> None:
        height, width = picture.shape[:2]
        border = min(self.border, height // 8, width // 8)
        if border == 0 or math.isnan(share) or share <= 0:
            return
        opacity = min(share, 1.0)
        shades = np.arange(256.0)[:, None, None] * (1 - opacity) + opacity * np.array(MAGENTA)
        table = np.rint(shades).astype(np.uint8)
        inner = slice(border, height - border)
        for rows, cols in (
            (slice(0, border), slice(0, width)),
            (slice(height - border, height), slice(0, width)),
            (inner, slice(0, border)),
            (inner, slice(width - border, width)),
        ):
            picture[rows, cols] = cv2.LUT(picture[rows, cols], table)


class _Buffers:
    """What one image size needs while it is drawn."""

    def __init__(self, height: int, width: int) -> None:
        self.heat = np.empty((height, width), np.float32)
        self.upper = np.empty((height, width), np.float32)
        self.level = np.empty((height, width), np.uint8)
        self.packed = np.empty((height, width), np.uint32)
        self.colour = np.empty((height, width, 3), np.uint8)
        self.kept = np.empty((height, width, 3), np.uint8)


@lru_cache(maxsize=64)
def _table(colormap: str, alpha: float, bgr: bool) -> NDArray[np.uint32]:
    """256 packed entries: opacity * colour in the image's channel order, 255 * (1 - opacity).

    OpenCV's applyColorMap builds its table anew at every call; this one is built once.
    """
    ramp = np.arange(256, dtype=np.uint8)
    colours = cv2.applyColorMap(ramp, getattr(cv2, f"COLORMAP_{colormap.upper()}"))[:, 0]
    if not bgr:
        colours = colours[:, ::-1]
    opacity = alpha * ramp[:, None].astype(np.float64) / 255
    entries = np.empty((256, 4), np.uint8)
    entries[:, :3] = np.rint(opacity * colours)
    entries[:, 3:] = np.rint(255 * (1 - opacity))
    packed: NDArray[np.uint32] = entries.view(np.uint32)[:, 0]
    return packed


def _interpolate(
    levels: NDArray[np.float32], grid: tuple[float, float, float, float], buffers: _Buffers
) -> None:
    """Fill buffers.heat with the levels, linear between cell centres, held beyond the outermost.

    Without a matrix product: BLAS would start threads, which on a busy machine wait for each other
    far longer than the product takes.
    """
    x0, y0, dx, dy = grid
    height, width = buffers.heat.shape
    left, right_part = _between(width, levels.shape[1], x0, dx)
    top, lower_part = _between(height, levels.shape[0], y0, dy)
    levels = np.pad(levels, ((0, 1), (0, 1)), mode="edge")  # a neighbour for the last cell too
    rows = levels[:, left] + right_part * np.diff(levels, axis=1)[:, left]
    np.take(np.diff(rows, axis=0), top, axis=0, out=buffers.heat, mode="clip")
    np.take(rows, top, axis=0, out=buffers.upper, mode="clip")
    np.multiply(buffers.heat, lower_part[:, None], out=buffers.heat)
    np.add(buffers.heat, buffers.upper, out=buffers.heat)


@lru_cache(maxsize=64)
def _between(
    size: int, cells: int, first: float, step: float
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """For each of `size` pixels: the cell before it, and how far it is on the way to the next."""
    position = np.clip((np.arange(size) - first) / step, 0, cells - 1)
    before = position.astype(np.intp)
    return before, (position - before).astype(np.float32)


def _check_image(name: str, image: NDArray[np.uint8]) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        message = f"{name} of shape {image.shape}, {image.dtype} must be (height, width, 3), uint8"
        raise AttentionError(message)


def _check_out(out: NDArray[np.uint8], image: NDArray[np.uint8]) -> None:
    _check_image("out", out)
    if out.shape != image.shape or not out.flags.c_contiguous or not out.flags.writeable:
        message = f"out of shape {out.shape} must be C-contiguous, writable, and {image.shape}"
        raise AttentionError(message)


def _check_grid(cells: NDArray[np.float32], dx: float, dy: float, full_scale: float) -> None:
    if cells.ndim != 2 or cells.size == 0 or not np.isfinite(cells).all():
        message = f"cells of shape {cells.shape} must be (rows, cols) and all finite"
        raise AttentionError(message)
    if not (dx > 0 and dy > 0 and full_scale > 0 and math.isfinite(full_scale)):
        message = f"dx {dx}, dy {dy} and full scale {full_scale} must be above 0"
        raise AttentionError(message)
