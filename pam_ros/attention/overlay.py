# SPDX-License-Identifier: Apache-2.0
"""Draws a map on its camera image.

Heat is centred where each cell looks, interpolated linearly between cell centres and held constant
beyond the outermost ones. Opacity follows the mass, so a pixel without attention is left exactly as
it was; the colour follows it too. The joint-state token has no place in the image: its share is a
magenta border whose opacity is that share.

Both colour and opacity depend on one 8-bit level alone: opacity * colour comes from a table, built
once, and a picture is one look-up, one product and one sum in uint8, all in buffers that are kept.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pam_ros.attention.drawing import DRAWING
from pam_ros.attention.errors import AttentionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PREFIX = "COLORMAP_"
COLORMAPS = tuple(
    sorted(name.removeprefix(_PREFIX).lower() for name in dir(cv2) if name.startswith(_PREFIX))
)
MAGENTA = (255, 0, 255)  # the same in RGB and BGR


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

    def __init__(
        self,
        colormap: str = DRAWING.colormap,
        alpha: float = DRAWING.alpha,
        border: int = DRAWING.border,
    ) -> None:
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
        tables = _tables(self.colormap, self.alpha, bgr)
        for channel, table in zip(buffers.channels, tables, strict=True):
            cv2.LUT(buffers.level, table, dst=channel)
        cv2.merge(buffers.channels, dst=buffers.colour)
        cv2.convertScaleAbs(buffers.level, dst=buffers.clear, alpha=-self.alpha, beta=255)
        cv2.cvtColor(buffers.clear, cv2.COLOR_GRAY2BGR, dst=buffers.kept)
        cv2.multiply(np.ascontiguousarray(image), buffers.kept, dst=out, scale=1 / 255)
        cv2.add(out, buffers.colour, dst=out)
        self._draw_border(out, joint_state_share, buffers.magenta)
        return out

    def _draw_border(
        self, picture: NDArray[np.uint8], share: float, magenta: NDArray[np.uint8]
    ) -> None:
        height, width = picture.shape[:2]
        border = min(self.border, height // 8, width // 8)
        if border == 0 or math.isnan(share) or share <= 0:
            return
        opacity = min(share, 1.0)
        inner = slice(border, height - border)
        for rows, cols in (
            (slice(0, border), slice(0, width)),
            (slice(height - border, height), slice(0, width)),
            (inner, slice(0, border)),
            (inner, slice(width - border, width)),
        ):
            strip = picture[rows, cols]
            cv2.addWeighted(strip, 1 - opacity, magenta[rows, cols], opacity, 0, dst=strip)


class _Buffers:
    """What one image size needs while it is drawn.

    What is needed at different moments shares its memory: little of it is in the processor's cache
    when a picture begins, and every further megabyte has to be fetched.
    """

    def __init__(self, height: int, width: int) -> None:
        shape, pixels = (height, width), height * width
        scratch = np.empty(4 * pixels, np.uint8)
        self.heat = scratch[: 2 * pixels].view(np.uint16).reshape(shape)
        self.rise = scratch[2 * pixels :].view(np.uint16).reshape(shape)
        self.channels = list(scratch[: 3 * pixels].reshape(3, height, width))
        self.kept = scratch[: 3 * pixels].reshape(height, width, 3)
        self.clear = scratch[3 * pixels :].reshape(shape)
        self.level = np.empty(shape, np.uint8)
        self.colour = np.empty((height, width, 3), np.uint8)
        self.magenta = np.full((height, width, 3), MAGENTA, np.uint8)


def heat_colours(colormap: str, alpha: float) -> NDArray[np.uint8]:
    """Opacity * colour at each of the 256 levels, (256, 3) RGB: what a picture gets of the heat."""
    return np.stack(_tables(colormap, alpha, bgr=False), axis=1)


def heat_rgba(
    colormap: str = DRAWING.colormap, alpha: float = DRAWING.alpha
) -> NDArray[np.float64]:
    """Colour and opacity at each of the 256 levels, (256, 4) of 0 to 1: for who draws in space."""
    ramp = np.arange(256, dtype=np.uint8)
    bgr = cv2.applyColorMap(ramp, getattr(cv2, f"COLORMAP_{colormap.upper()}"))[:, 0]
    return np.concatenate([bgr[:, ::-1] / 255, alpha * ramp[:, None] / 255], axis=1)


@lru_cache(maxsize=16)
def _tables(colormap: str, alpha: float, bgr: bool) -> tuple[NDArray[np.uint8], ...]:
    """For each channel, in the image's order: opacity * colour at each of the 256 levels.

    One channel at a time is the fastest that OpenCV has; its applyColorMap builds its table anew at
    every call.
    """
    ramp = np.arange(256, dtype=np.uint8)
    colours = cv2.applyColorMap(ramp, getattr(cv2, f"COLORMAP_{colormap.upper()}"))[:, 0]
    if not bgr:
        colours = colours[:, ::-1]
    entries = np.rint(alpha * ramp[:, None].astype(np.float64) / 255 * colours).astype(np.uint8)
    return tuple(np.ascontiguousarray(entries[:, channel]) for channel in range(3))


def _interpolate(
    levels: NDArray[np.float32], grid: tuple[float, float, float, float], buffers: _Buffers
) -> None:
    """Fill buffers.level: linear between cell centres, held beyond the outermost.

    Along the rows in float32, of which there are few; down the columns in 16-bit fixed point with 8
    fractional bits, so that a level is off by at most two. Sums wrap, and come out right, since
    the result fits. Without a matrix product: BLAS would start threads, which on a busy machine
    wait for each other far longer than the product takes.
    """
    x0, y0, dx, dy = grid
    height, width = buffers.level.shape
    left, right_part = _between(width, levels.shape[1], x0, dx)
    top, lower_part = _fixed_point(height, levels.shape[0], y0, dy)
    rows = levels.take(left, axis=1)
    if levels.shape[1] > 1:
        slope = np.diff(levels, axis=1).take(left, axis=1, mode="clip")
        slope *= right_part
        rows += slope
    rise = np.zeros(rows.shape, np.int16)
    rise[:-1] = np.rint(np.diff(rows, axis=0))
    rows *= 256
    rows += 128  # half a level: what follows cuts off
    np.take(rows.astype(np.uint16), top, axis=0, out=buffers.heat, mode="clip")
    np.take(rise.view(np.uint16), top, axis=0, out=buffers.rise, mode="clip")
    np.multiply(buffers.rise, lower_part, out=buffers.rise)
    np.add(buffers.heat, buffers.rise, out=buffers.heat)
    cv2.convertScaleAbs(buffers.heat, dst=buffers.level, alpha=1 / 256, beta=-127.5 / 256)


@lru_cache(maxsize=64)
def _between(
    size: int, cells: int, first: float, step: float
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """For each of `size` pixels: the cell before it, and how far it is on the way to the next.

    In the last cell the way is 0.
    """
    position = np.clip((np.arange(size) - first) / step, 0, cells - 1)
    before = position.astype(np.intp)
    return before, (position - before).astype(np.float32)


@lru_cache(maxsize=64)
def _fixed_point(
    size: int, cells: int, first: float, step: float
) -> tuple[NDArray[np.intp], NDArray[np.uint16]]:
    """As _between, the second in 256ths, (size, 1). 255 at most, or a sum could overflow."""
    before, part = _between(size, cells, first, step)
    return before, np.minimum(np.rint(part * 256), 255).astype(np.uint16)[:, None]


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
