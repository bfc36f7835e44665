# SPDX-License-Identifier: Apache-2.0
"""Observations to train on, drawn from the simulator while the training runs.

Nothing is recorded, since drawing an observation costs a tenth of learning from it; so hardly any
picture is seen twice. Each observation is one instant of an expert episode
(`training.dataset.moves`) towards one of the objects, with what the expert would do from there for
each of the three. So every picture teaches all three instructions, and the words alone tell them
apart.

SEEDS are for training alone: they overlap neither with the validation and evaluation scenes nor
with what demo_act was trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pam_ros.sim.expert import expert_action
from pam_ros.sim.scene import CAMERA_NAMES, IMAGE_HEIGHT, IMAGE_WIDTH, JOINT_NAMES, OBJECTS, Scene
from pam_ros.sim.training.dataset import CORRECTION_FRAMES, REACH_FRAMES, moves

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEEDS = range(200_000, 300_000)
"""Of TRAINING_SEEDS; demo_act's stand below."""

CORRECTIONS = 0.25
"""Share of the observations that stem from corrections of a near miss."""

CHUNK = 10
"""Actions in a plan: one second."""

WIDTH = IMAGE_WIDTH // 2
HEIGHT = IMAGE_HEIGHT // 2


@dataclass(frozen=True)
class Batch:
    """What one training step sees; B observations, C cameras, O objects, in their names' orders.

    images: (B, C, HEIGHT, WIDTH, 3) uint8 RGB. state: (B, 6) float32, radians.
    plans: (B, O, CHUNK, 6) float32, radians: the expert's, for each object that may be asked for.
    objects: (B, C, O, 3) float32: column and row in pixels of `images`, depth in metres.
    """

    images: NDArray[np.uint8]
    state: NDArray[np.float32]
    plans: NDArray[np.float32]
    objects: NDArray[np.float32]


class Draws:
    """Draws batches; the same numbers give the same batch. For use in one thread: it renders."""

    def __init__(self) -> None:
        self._scene = Scene()

    def batch(self, count: int, *numbers: int) -> Batch:
        """`count` observations, drawn by `numbers`."""
        rng = np.random.default_rng(numbers)
        parts = [self._draw(rng) for _ in range(count)]
        return Batch(*(np.stack(part) for part in zip(*parts, strict=True)))

    def close(self) -> None:
        """Free the renderer."""
        self._scene.close()

    def _draw(
        self, rng: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        seed = int(rng.choice(len(SEEDS))) + SEEDS.start
        target = OBJECTS[rng.integers(len(OBJECTS))]
        correction = bool(rng.random() < CORRECTIONS)
        tick = int(rng.integers(CORRECTION_FRAMES if correction else REACH_FRAMES))
        episode = moves(self._scene, seed, correction, target)
        next(islice(episode, tick, None))
        images = np.stack([half(self._scene.render(camera)) for camera in CAMERA_NAMES])
        objects = np.stack([seen(self._scene, camera) for camera in CAMERA_NAMES])
        # Numbers are pixel centres: column 0 of the half-size picture is 0.5 of the full size.
        objects[..., :2] = (objects[..., :2] + 0.5) / 2 - 0.5
        state = self._scene.joint_positions
        drawn = plans(self._scene)
        return (
            images,
            state.astype(np.float32),
            drawn.astype(np.float32),
            objects.astype(np.float32),
        )


def half(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture (height, width, 3) at half its size: each pixel the mean of four.

    That is what LeRobot's bilinear resizing to WIDTH gives too, but for the rounding.
    """
    return np.asarray(cv2.resize(image, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA))


def seen(scene: Scene, camera: str) -> NDArray[np.float64]:
    """Column, row [px] and depth [m] of each of OBJECTS in a camera, (3, 3); see Scene.project."""
    return scene.project(camera, np.stack([scene.position(name) for name in OBJECTS]))


def plans(scene: Scene) -> NDArray[np.float64]:
    """The expert's next CHUNK commands towards each of OBJECTS, (3, CHUNK, 6), radians.

    The scene stands afterwards as it did.
    """
    found = np.empty((len(OBJECTS), CHUNK, len(JOINT_NAMES)))
    for index, name in enumerate(OBJECTS):
        place = scene.position(name)
        with scene.imagined():
            for step in range(CHUNK):
                found[index, step] = expert_action(scene.joint_positions, place)
                scene.command(found[index, step])
                scene.step()
    return found
