# SPDX-License-Identifier: Apache-2.0
"""What one moment of an episode gives the measurements."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Observation = Mapping[str, NDArray[Any]]
"""One array per feature that the policy reads; pictures are (height, width, 3) uint8 RGB."""

Chunks = Callable[[Iterable[Observation]], NDArray[np.float32]]
"""A policy: observations to their chunks, (observations, chunk, actions), normalised units."""


@dataclass(frozen=True, eq=False)
class Probe:
    """One moment. What only a simulator knows is empty where there is none.

    episode: a number that the moments of one episode share. moment: its tick.
    observation: what the policy saw.
    cube: by camera feature, (height, width) bool, where the picture shows the red cube.
    removed: the same moment rendered without the cube. moved: with the cube elsewhere.
    undistracted: without one of the distractors, the cube where it was.
    elsewhere: pictures, by feature, of patches of other episodes (see patches).
    task: what the robot was told; empty where nothing says.
    """

    episode: int
    moment: int
    observation: Observation
    cube: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    removed: Observation | None = None
    moved: Observation | None = None
    undistracted: Observation | None = None
    elsewhere: Observation | None = None
    task: str = ""


def distance(a: NDArray[np.floating[Any]], b: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Root of the mean squared difference over a chunk's steps and joints, (..., C, A) -> (...)."""
    difference = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    return np.asarray(np.sqrt(np.square(difference).mean(axis=(-2, -1))))
