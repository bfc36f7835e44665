# SPDX-License-Identifier: Apache-2.0
"""Frames and clips with a feature's heat on them, all cameras side by side."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image

from pam_ros.attention.overlay import Overlay

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pam_ros.sae.browser.book import FeatureBook, Peak

_HEIGHT = 180
_GAP = 3
_FRAME_MS = 120
_MARK = (255, 255, 255)


class Drawer:
    """Draws one feature's ticks; full opacity is its largest activation anywhere."""

    def __init__(self, book: FeatureBook, feature: int) -> None:
        self._book = book
        self._heat: Mapping[int, tuple[NDArray[np.float32], ...]] = book.heat(feature)
        self._full = max(float(book.maximum[feature]), 1e-12)
        self._overlay = Overlay(alpha=0.65, border=0)

    def frame(self, tick: int, *, marked: bool = False) -> NDArray[np.uint8]:
        """(180, W, 3) uint8 RGB; `marked` puts a line under it."""
        heat = self._heat.get(tick) or self._book.no_heat()
        shown = []
        for number, camera in enumerate(self._book.about.cameras):
            data = np.frombuffer(self._book.picture(tick, number), np.uint8)
            rgb = cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
            scale = _HEIGHT / rgb.shape[0]
            small = cv2.resize(
                rgb, (max(1, round(rgb.shape[1] * scale)), _HEIGHT), interpolation=cv2.INTER_AREA
            )
            across, down = small.shape[1] / rgb.shape[1], small.shape[0] / rgb.shape[0]
            # Pixel coordinates name pixel middles.
            x0, y0 = (camera.x0 + 0.5) * across - 0.5, (camera.y0 + 0.5) * down - 0.5
            grid = (x0, y0, camera.dx * across, camera.dy * down)
            shown.append(
                self._overlay.draw(np.asarray(small, np.uint8), heat[number], *grid, self._full)
            )
            shown.append(np.full((_HEIGHT, _GAP, 3), 255, np.uint8))
        picture = np.concatenate(shown[:-1], axis=1)
        if marked:
            picture[-4:] = (255, 0, 255)
        return picture

    def still(self, tick: int) -> bytes:
        """A frame as JPEG."""
        stream = io.BytesIO()
        Image.fromarray(self.frame(tick)).save(stream, "JPEG", quality=85)
        return stream.getvalue()

    def clip(self, peak: Peak, ticks: Sequence[int]) -> bytes:
        """Ticks as a WebP that plays over and over; the strongest one is underlined."""
        frames = [Image.fromarray(self.frame(t, marked=t == peak.tick)) for t in ticks]
        durations = [_FRAME_MS * (4 if tick == ticks[-1] else 1) for tick in ticks]
        stream = io.BytesIO()
        frames[0].save(
            stream,
            "WEBP",
            save_all=True,
            append_images=frames[1:],
            duration=durations,
            loop=0,
            quality=70,
            method=0,
        )
        return stream.getvalue()
