# SPDX-License-Identifier: Apache-2.0
"""What policy.look gives: where a policy looked in one observation, as arrays and as a picture."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from pam_ros.attention.drawing import DRAWING, Drawing
from pam_ros.attention.overlay import Overlay
from pam_ros.attention.scale import make_scale
from pam_ros.attention.word_strip import draw_words
from pam_ros.attention.words import language_words
from pam_ros.policy.notebook.encoded import png, short
from pam_ros.policy.notebook.html import page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pam_ros.attention.attribution import Attribution
    from pam_ros.attention.maps import AttentionMaps, CameraMap

_BOARD, _LETTERS = 24, (230, 230, 230)
_CAPTION, _GAP = 24, 8


@dataclass(frozen=True, eq=False, repr=False)
class Glance:
    """Where a policy looked. The last line of a notebook's cell shows it.

    Attributes:
        policy: its name.
        attention: the maps with all their labels.
        pictures: (H, W, 3) uint8 RGB by feature, of the size that they came in.
        sizes: (height, width) by feature, as the policy reads them.
        chunk: (chunk_size, action_dim) float32, un-normalised, what the policy would do.
        joints: their names; empty where nobody said.
        instruction: the words that it read; empty if it reads none.
        drawing: colours and scale of the overlays.
        notes: a sentence for each thing that may not be as it was in the training.
        attribution: of a gradient method, with its values per pixel; else None.
    """

    policy: str
    attention: AttentionMaps
    pictures: Mapping[str, NDArray[np.uint8]]
    sizes: Mapping[str, tuple[int, int]]
    chunk: NDArray[np.float32]
    joints: tuple[str, ...] = ()
    instruction: str = ""
    drawing: Drawing = DRAWING
    notes: tuple[str, ...] = ()
    attribution: Attribution | None = None

    @property
    def method(self) -> str:
        """What the heat is: one of attention.METHODS or a gradient method."""
        return self.attention.method

    @property
    def maps(self) -> dict[str, NDArray[np.float32]]:
        """(rows, cols) float32 by feature: each cell's share, in all cameras together."""
        return {camera.feature: camera.cells for camera in self.attention.cameras}

    @property
    def signed(self) -> dict[str, NDArray[np.float32]]:
        """(rows, cols) float32 by feature: each cell's part of the change, in the target's unit.

        Empty where the method has no signs.
        """
        cameras = self.attention.cameras
        return {each.feature: each.signed for each in cameras if each.signed is not None}

    @property
    def shares(self) -> dict[str, float]:
        """Of each camera, by its feature, and of each other group of tokens, by its kind.

        Of attention they sum to 1. Of contributions they are those of the absolute parts, and a
        group that the method leaves out has none.
        """
        shares: dict[str, float] = {}
        for camera in self.attention.cameras:
            by_part = not math.isnan(camera.part_share)
            shares[camera.feature] = camera.part_share if by_part else camera.share
        parts = {
            "joint_state": self.attention.joint_state_share,
            "environment": self.attention.environment_share,
            "latent": self.attention.latent_share,
        }
        for group in self.attention.groups:
            share = parts.get(group.kind, group.share)
            if not math.isnan(share):
                several = group.kind not in parts
                shares[group.kind] = share + (shares.get(group.kind, 0.0) if several else 0.0)
        return shares

    @property
    def words(self) -> dict[str, float]:
        """The share of each word of the instruction, of attention; a repeated one has the sum."""
        shares: dict[str, float] = {}
        for word in language_words(self.attention.groups):
            shares[word.text] = shares.get(word.text, 0.0) + word.share
        return shares

    @cached_property
    def full_scale(self) -> float:
        """The share of a cell that is drawn at full opacity, as on an episode's first tick."""
        return make_scale(self.drawing).scale(self.attention)

    @cached_property
    def overlays(self) -> dict[str, NDArray[np.uint8]]:
        """(H, W, 3) uint8 RGB by feature: the pictures as they came, with the heat on them."""
        drawing = self.drawing
        overlay = Overlay(drawing.colormap, drawing.alpha, drawing.border)
        return {
            camera.feature: overlay.draw(
                self.pictures[camera.feature],
                camera.cells,
                *self._grid(camera),
                self.full_scale,
                self.attention.joint_state_share,
            )
            for camera in self.attention.cameras
        }

    def drawn(self, **changes: Any) -> Glance:
        """The same with another drawing: `glance.drawn(alpha=0.8, colormap="viridis")`."""
        return replace(self, drawing=replace(self.drawing, **changes))

    def picture(self, height: int = 240) -> NDArray[np.uint8]:
        """The overlays side by side with their names and shares, (H, W, 3) uint8 RGB.

        Args:
            height: of each overlay [pixels].
        """
        parts = []
        for feature, overlay in self.overlays.items():
            width = max(round(overlay.shape[1] * height / overlay.shape[0]), 1)
            shrinks = height < overlay.shape[0]
            way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
            shown = cv2.resize(overlay, (width, height), interpolation=way)
            board = _captioned(f"{short(feature)} {self.shares[feature]:.0%}", shown)
            parts += [np.full((height + _CAPTION, _GAP, 3), _BOARD, np.uint8), board]
        if not parts:  # of a policy without cameras
            parts = [_captioned("no camera", np.zeros((0, 160, 3), np.uint8))] * 2
        whole: NDArray[np.uint8] = np.concatenate(parts[1:], axis=1)
        strip = self.word_strip(whole.shape[1])
        return whole if strip is None else np.concatenate([whole, strip])

    def word_strip(self, width: int = 640) -> NDArray[np.uint8] | None:
        """The words of the instruction, each on the colour of its share; None without any."""
        words = language_words(self.attention.groups)
        if not words or not any(word.share for word in words):
            return None
        drawing = self.drawing
        return draw_words(words, self.full_scale, width, drawing.colormap, drawing.alpha)

    def save(self, path: str | Path) -> Path:
        """Write picture() as a PNG file."""
        path = Path(path)
        path.write_bytes(self._repr_png_())
        return path

    def _grid(self, camera: CameraMap) -> tuple[float, float, float, float]:
        """Its cells in the picture as it came: outer edges were mapped to outer edges."""
        height, width = self.pictures[camera.feature].shape[:2]
        read_height, read_width = self.sizes[camera.feature]
        down, across = height / read_height, width / read_width
        x0, y0 = (camera.x0 + 0.5) * across - 0.5, (camera.y0 + 0.5) * down - 0.5
        return x0, y0, camera.dx * across, camera.dy * down

    def _repr_png_(self) -> bytes:
        return png(self.picture())

    def _repr_html_(self) -> str:
        return page(self)

    def __repr__(self) -> str:
        found = self.attention
        about = [f"{found.layer} head {found.head} query {found.query}"] if found.head else []
        about += [f"target {found.target}"] if found.target else []
        about += [f"baseline {found.baseline}"] if found.baseline else []
        about += [f"told {self.instruction!r}"] if self.instruction else []
        shares = ", ".join(f"{short(name)} {share:.0%}" for name, share in self.shares.items())
        steps, actions = self.chunk.shape
        return (
            f"<{self.method} of {Path(self.policy).name}: {'; '.join([*about, shares])}; "
            f"chunk {steps} x {actions}>"
        )


def _captioned(text: str, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture below a line of text."""
    caption = np.full((_CAPTION, picture.shape[1], 3), _BOARD, np.uint8)
    cv2.putText(caption, text, (6, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.5, _LETTERS, 1, cv2.LINE_AA)
    return np.concatenate([caption, picture])
