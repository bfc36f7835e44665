# SPDX-License-Identifier: Apache-2.0
"""Moments of the expert's reaches, each also rendered without the cube and with it elsewhere.

The expert drives, so that every policy is asked about the same pictures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.faithfulness.probe import Probe
from pam_ros.sim.errors import SimError
from pam_ros.sim.expert import expert_action
from pam_ros.sim.rollout import observe
from pam_ros.sim.scene import (
    CAMERA_NAMES,
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

    from pam_ros.sim.scene import Scene

MOMENTS = (0, 6)
"""Ticks: the start, and half way of a typical reach. Scenes take them in turn, by their seed."""

FAR_ENOUGH = 0.1
"""The cube moves by at least this, metres: out of its own cells in either camera."""


def scene_fits(spec: Any) -> None:
    """Raises SimError unless a policy (its PolicySpec) reads just what the scene shows."""
    wanted = {
        f"observation.images.{camera}": (IMAGE_HEIGHT, IMAGE_WIDTH) for camera in CAMERA_NAMES
    }
    cameras = {camera.feature: (camera.height, camera.width) for camera in spec.cameras}
    if cameras != wanted or spec.state_dim != len(JOINT_NAMES) or spec.environment_dim:
        raise SimError(
            f"{spec.name} does not read what the simulator shows ({', '.join(wanted)} of "
            f"{IMAGE_HEIGHT} x {IMAGE_WIDTH} pixels and {len(JOINT_NAMES)} joints): "
            "name a LeRobot dataset of its robot"
        )


def probes(scene: Scene, seeds: Iterable[int]) -> Iterator[Probe]:
    """A probe of each seed's episode; the seed is the episode's number.

    One moment of many scenes says more than many moments of a few, which resemble each other.

    Raises SimError when a seed is one that the policy was trained on.
    """
    for seed in seeds:
        if seed in TRAINING_SEEDS or seed < 0:
            raise SimError(
                f"scene {seed} must be from 0 to {TRAINING_SEEDS.start - 1}: the demo policy was "
                "trained on the later ones"
            )
        elsewhere = _elsewhere(seed)
        scene.reset(seed)
        moment = MOMENTS[seed % len(MOMENTS)]
        for _ in range(moment):
            scene.command(expert_action(scene.joint_positions, scene.cube))
            scene.step()
        yield _probe(scene, seed, moment, elsewhere)


def _probe(scene: Scene, seed: int, tick: int, elsewhere: NDArray[np.float64]) -> Probe:
    here = scene.cube
    observation = observe(scene)
    masks = {f"observation.images.{camera}": scene.cube_mask(camera) for camera in CAMERA_NAMES}
    scene.hide_cube()
    removed = observe(scene)
    scene.put_cube(elsewhere)
    moved = observe(scene)
    scene.put_cube(here[:2])
    return Probe(seed, tick, observation, masks, removed, moved)


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
