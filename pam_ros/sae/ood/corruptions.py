# SPDX-License-Identifier: Apache-2.0
"""Episodes whose cameras went wrong: the pictures change, the joints stay as they were.

noise    every pixel drawn anew in every tick
black    no light at all
frozen   the picture of the episode's first tick, for good
half     one half of the picture black: left, right, top or bottom, one per episode
swapped  each camera shows the next one's picture
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.observations.names import short_names
from pam_ros.observations.source import Frame
from pam_ros.sae.errors import SaeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from pam_ros.sae.store.token_store import TokenStore

    Observation = Mapping[str, NDArray[Any]]

KINDS = ("noise", "black", "frozen", "half", "swapped")


@dataclass(frozen=True)
class Corruption:
    """One kind of fault of some cameras.

    kind: one of KINDS. cameras: the image features that it befalls; `swapped` befalls at least two,
    all of one size.

    Raises:
        SaeError: an unknown kind, or no camera, or one camera to swap.
    """

    kind: str
    cameras: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise SaeError(f"corruption {self.kind!r} must be one of {', '.join(KINDS)}")
        if len(self.cameras) < 1 + (self.kind == "swapped"):
            raise SaeError(f"{self.kind} needs more cameras than {len(self.cameras)}")

    def apply(self, observation: Observation, first: Observation, seed: int) -> Observation:
        """The observation as the broken cameras would give it; the caller's stays as it is.

        Args:
            observation: images (H, W, 3) uint8, and vectors.
            first: the episode's first one.
            seed: of this tick's noise and, without its tick, of the episode's half.
        """
        changed = dict(observation)
        for number, camera in enumerate(self.cameras):
            image = observation[camera]
            if self.kind == "swapped":
                changed[camera] = observation[self.cameras[(number + 1) % len(self.cameras)]]
            elif self.kind == "frozen":
                changed[camera] = first[camera]
            elif self.kind == "black":
                changed[camera] = np.zeros_like(image)
            elif self.kind == "noise":
                rng = np.random.default_rng([seed, number])
                changed[camera] = rng.integers(0, 256, image.shape, dtype=np.uint8)
            else:
                changed[camera] = _half_black(image, (seed >> _TICK_BITS) % 4)
        return changed


_TICK_BITS = 16


@dataclass(frozen=True)
class CorruptedSource:
    """A store's kept observations with a corruption, as a source for `collect`.

    episodes: how many of the store's, from its first.
    """

    store: TokenStore
    corruption: Corruption
    episodes: int

    @property
    def dataset(self) -> str:
        """For the provenance."""
        known = self.store.info.camera_names
        short = dict(zip(known, short_names(known), strict=True))
        cameras = " and ".join(short[camera] for camera in self.corruption.cameras)
        what = f"{self.corruption.kind} {cameras}"
        return f"{what}: first {self.episodes} episodes of {self.store.info.dataset}"

    def frames(self, after: tuple[int, int] | None) -> Iterator[Frame]:
        """See sources.Source."""
        seen: set[int] = set()
        first: Observation = {}
        for stored in self.store.observations():
            if stored.episode not in seen:
                if len(seen) == self.episodes:
                    return
                seen.add(stored.episode)
                first = stored.observation
            if after is not None and (stored.episode, stored.frame) <= after:
                continue
            seed = (stored.episode << _TICK_BITS) + stored.frame
            changed = self.corruption.apply(stored.observation, first, seed)
            yield Frame(stored.episode, stored.frame, changed, task=stored.task)


def _half_black(image: NDArray[Any], side: int) -> NDArray[Any]:
    image = image.copy()
    height, width = image.shape[:2]
    rows, cols = (
        (slice(None), slice(0, width // 2)),
        (slice(None), slice(width // 2, None)),
        (slice(0, height // 2), slice(None)),
        (slice(height // 2, None), slice(None)),
    )[side]
    image[rows, cols] = 0
    return image
