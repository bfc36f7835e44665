# SPDX-License-Identifier: Apache-2.0
"""A policy whose truth is known: its chunk is the brightness of one cell, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from pam_ros.attention.layout import CameraTokens
from pam_ros.faithfulness.cells import Cells
from pam_ros.faithfulness.probe import Probe
from pam_ros.policy.act.spec import lay_out

ROWS, COLS, STEP = 4, 5, 8
READ = 7


@dataclass
class Toy:
    """READ is the cell that the policy reads: the first camera's row 1, column 2."""

    cells: Cells
    read: int = READ

    def chunks(self, observations):
        results = []
        for observation in observations:
            brightness = 0.0
            for camera in self.cells.cameras:
                chosen = self.cells.of_pixels(camera.feature) == self.read
                if chosen.any():
                    brightness = observation[camera.feature][chosen].mean() / 255
            results.append(np.full((3, 2), brightness))
        return np.array(results, dtype=np.float32)

    def one_hot(self, cell=None):
        values = np.zeros(self.cells.size)
        values[self.read if cell is None else cell] = 1.0
        return values

    def observation(self, seed=0):
        rng = np.random.default_rng(seed)
        return {
            camera.feature: rng.integers(0, 256, (camera.height, camera.width, 3), dtype=np.uint8)
            for camera in self.cells.cameras
        }

    def black(self, observation):
        return {feature: np.zeros_like(picture) for feature, picture in observation.items()}

    def mask(self):
        return {
            camera.feature: self.cells.of_pixels(camera.feature) == self.read
            for camera in self.cells.cameras
        }

    def probe(self, episode=0):
        """The cube fills the cell that is read; removed, that cell is black."""
        observation = self.observation(episode)
        taken = np.zeros(self.cells.size, dtype=bool)
        taken[self.read] = True
        removed = self.cells.mix(observation, self.black(observation), taken)
        return Probe(episode, 0, observation, self.mask(), removed)

    def smooth(self, seed=0, read=255):
        """A picture of slow waves in which the cell that is read stands out."""
        observation = self.observation(seed)
        for camera in self.cells.cameras:
            y, x = np.mgrid[: camera.height, : camera.width] / camera.height
            waves = 60 + 12 * np.sin(3 * x + seed) + 8 * np.cos(4 * y)
            picture = np.repeat(waves[..., None], 3, axis=-1).astype(np.uint8)
            picture[self.cells.of_pixels(camera.feature) == self.read] = read
            observation[camera.feature] = picture
        return observation


def make_layout():
    cameras = [
        CameraTokens(name, 0, ROWS, COLS, ROWS * STEP, COLS * STEP, 0.0, 0.0, STEP, STEP)
        for name in ("front", "wrist")
    ]
    return lay_out(cameras, joint_state=True, environment=False)


@pytest.fixture
def layout():
    return make_layout()


@pytest.fixture
def toy(layout):
    return Toy(Cells(layout.cameras))
