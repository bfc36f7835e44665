# SPDX-License-Identifier: Apache-2.0
"""Moments of the expert's reaches, each also rendered without the cube and with it elsewhere.

Another rendering lacks a distractor, which must not matter. The expert drives, so that every policy
is asked about the same scenes; one that reads smaller pictures gets them scaled down, as the
training's were.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from pam_ros.faithfulness.probe import Probe
from pam_ros.observations.simulator import ExpertDriver, drive
from pam_ros.sim.errors import SimError
from pam_ros.sim.rollout import observe
from pam_ros.sim.scene import (
    CAMERA_NAMES,
    DISTRACTORS,
    IMAGE_HEIGHT,
    IMAGE_WIDTH,
    JOINT_NAMES,
    OBJECT_ANGLE_RANGE,
    OBJECT_RADIUS_RANGE,
    OBJECT_SPACING,
    TRAINING_SEEDS,
    place,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from pam_ros.faithfulness.probe import Observation
    from pam_ros.observations.source import Frame
    from pam_ros.sim.scene import Scene

MOMENTS = (0, 6)
"""Ticks: the start, and half way of a typical reach. Scenes take them in turn, by their seed."""

FAR_ENOUGH = 0.1
"""The cube moves by at least this, metres: out of its own cells in either camera."""


def scene_fits(spec: Any) -> tuple[int, int]:
    """The height and width of the pictures that a policy (its PolicySpec) reads of the scene.

    Raises SimError unless it reads just what the scene shows, at that size or smaller.
    """
    wanted = {f"observation.images.{camera}" for camera in CAMERA_NAMES}
    sizes = {(camera.height, camera.width) for camera in spec.cameras}
    size = next(iter(sizes), (0, 0))
    same_view = len(sizes) == 1 and size[0] * IMAGE_WIDTH == size[1] * IMAGE_HEIGHT
    if (
        {camera.feature for camera in spec.cameras} != wanted
        or not (same_view and size[1] <= IMAGE_WIDTH)
        or spec.state_dim != len(JOINT_NAMES)
        or spec.environment_dim
    ):
        raise SimError(
            f"{spec.name} does not read what the simulator shows ({', '.join(sorted(wanted))} of "
            f"{IMAGE_HEIGHT} x {IMAGE_WIDTH} pixels or smaller and {len(JOINT_NAMES)} joints): "
            "name a LeRobot dataset of its robot, or bags"
        )
    return size


def probes(
    scene: Scene, seeds: Iterable[int], size: tuple[int, int] = (IMAGE_HEIGHT, IMAGE_WIDTH)
) -> Iterator[Probe]:
    """A probe of each seed's episode; the seed is the episode's number.

    One moment of many scenes says more than many moments of a few, which resemble each other.
    size: height and width of the pictures that the policy reads.

    Raises SimError when a seed is one that the policy was trained on.
    """
    for seed in seeds:
        if seed in TRAINING_SEEDS or seed < 0:
            raise SimError(
                f"scene {seed} must be from 0 to {TRAINING_SEEDS.start - 1}: the demo policy was "
                "trained on the later ones"
            )
        elsewhere = _elsewhere(seed)
        moment = MOMENTS[seed % len(MOMENTS)]
        reach = drive(scene, seed, ExpertDriver(), moment.__eq__, over=lambda _: False)
        yield _scaled(_probe(scene, next(reach), elsewhere), size)


def _probe(scene: Scene, frame: Frame, elsewhere: NDArray[np.float64]) -> Probe:
    here = scene.cube
    masks = {f"observation.images.{camera}": scene.cube_mask(camera) for camera in CAMERA_NAMES}
    scene.hide_cube()
    removed = observe(scene)
    scene.put_cube(elsewhere)
    moved = observe(scene)
    scene.put_cube(here[:2])
    # Seeds take the moments in turn, so pairs of them take the distractors in turn.
    with scene.without(DISTRACTORS[frame.episode // len(MOMENTS) % len(DISTRACTORS)]):
        undistracted = observe(scene)
    return Probe(frame.episode, frame.frame, frame.observation, masks, removed, moved, undistracted)


def _scaled(probe: Probe, size: tuple[int, int]) -> Probe:
    if size == (IMAGE_HEIGHT, IMAGE_WIDTH):
        return probe

    def picture(image: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA))

    def observation(whole: Observation) -> Observation:
        return {name: picture(v) if v.ndim == 3 else v for name, v in whole.items()}

    def rendering(whole: Observation | None) -> Observation | None:
        return None if whole is None else observation(whole)

    def mask(whole: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return np.asarray(picture(whole.astype(np.float32)) >= 0.5)

    return replace(
        probe,
        observation=observation(probe.observation),
        cube={feature: mask(whole) for feature, whole in probe.cube.items()},
        removed=rendering(probe.removed),
        moved=rendering(probe.moved),
        undistracted=rendering(probe.undistracted),
    )


def _elsewhere(seed: int) -> NDArray[np.float64]:
    """Another place for the scene's cube, (2,) metres: as `place` draws them, touching nothing."""
    rng = np.random.default_rng([seed, 2])
    red, *others = place(seed).positions
    while True:
        radius, angle = rng.uniform(*OBJECT_RADIUS_RANGE), rng.uniform(*OBJECT_ANGLE_RANGE)
        xy = np.array([radius * np.cos(angle), radius * np.sin(angle)])
        free = all(np.linalg.norm(xy - other) >= OBJECT_SPACING for other in others)
        if free and np.linalg.norm(xy - red) >= FAR_ENOUGH:
            return xy
