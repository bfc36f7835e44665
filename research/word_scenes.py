# SPDX-License-Identifier: Apache-2.0
"""Pictures of unseen scenes, each with where its objects are, to ask for one object or another."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.sim.expert import expert_action
from pam_ros.sim.rollout import observe
from pam_ros.sim.scene import CAMERA_NAMES, IMAGE_HEIGHT, IMAGE_WIDTH, OBJECTS, Scene
from pam_ros.sim.words.trials import CHANGE_TICK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

MOMENTS = (0, CHANGE_TICK)
"""Ticks of an episode: the first, and about half of the expert's way."""


@dataclass(frozen=True, eq=False)
class Picture:
    """One moment of a scene.

    Attributes:
        scene: its place among the scenes.
        moment: its place in MOMENTS.
        observation: what the policy sees.
        pixels: by camera (3, 2), column and row of the middles of OBJECTS; None if the camera does
            not see them all.
    """

    scene: int
    moment: int
    observation: dict[str, NDArray[Any]]
    pixels: dict[str, NDArray[np.float64] | None]


def pictures(scene: Scene, first_seed: int, scenes: int) -> Iterator[Picture]:
    """The moments of some scenes; the expert goes to each of OBJECTS in turn."""
    for index in range(scenes):
        scene.reset(first_seed + index)
        towards = OBJECTS[index % len(OBJECTS)]
        for tick in range(max(MOMENTS) + 1):
            if tick in MOMENTS:
                pixels = {camera: seen(scene, camera) for camera in CAMERA_NAMES}
                yield Picture(index, MOMENTS.index(tick), observe(scene), pixels)
            scene.command(expert_action(scene.joint_positions, scene.position(towards)))
            scene.step()


def seen(scene: Scene, camera: str) -> NDArray[np.float64] | None:
    """(3, 2), column and row of the middles of OBJECTS, if all lie in the camera's picture."""
    found = scene.project(camera, np.stack([scene.position(name) for name in OBJECTS]))
    column, row, depth = found.T
    inside = (column >= 0) & (column < IMAGE_WIDTH) & (row >= 0) & (row < IMAGE_HEIGHT)
    return found[:, :2] if bool((inside & (depth > 0)).all()) else None


def first_apart(scene: Scene, first_seed: int, pixels: float) -> int:
    """The first seed from there on whose objects are this far apart, for every camera; reset to it.

    Args:
        scene: to look in.
        first_seed: where to begin.
        pixels: least distance between two middles in any camera's picture, all of them seen.
    """
    for seed in count(first_seed):
        scene.reset(seed)
        found = [seen(scene, camera) for camera in CAMERA_NAMES]
        if all(each is not None and _gap(each) >= pixels for each in found):
            return seed
    raise AssertionError  # count() does not end


def _gap(points: NDArray[np.float64]) -> float:
    gaps = np.linalg.norm(points[:, None] - points[None], axis=2)
    return float(gaps[np.triu_indices(len(points), 1)].min())
