# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from pam_ros.attention.layout import CameraTokens
from pam_ros.faithfulness.cells import Cells
from pam_ros.sim.scene import CUBE_HALF_SIZE, Scene
from research.resolution import SIZES, TOP, finds, lines, moments

CELL = 16


@pytest.fixture(scope="module")
def rendered():
    with Scene() as scene:
        found = [probe for _, _, probe in moments(scene, [2])]
        size = scene.model.geom_size[scene.model.geom("red_cube").id].copy()
    return found, size


def test_the_cube_gets_smaller_and_is_whole_again_afterwards(rendered):
    found, size = rendered
    areas = [int(probe.cube[TOP].sum()) for probe in found]
    assert len(found) == len(SIZES)
    assert areas == sorted(areas, reverse=True)
    assert areas[2] == pytest.approx(areas[0] * SIZES[2] ** 2, rel=0.35)
    assert size == pytest.approx([CUBE_HALF_SIZE] * 3)


def test_a_map_of_the_cube_finds_it_and_a_map_of_a_corner_does_not(rendered):
    probe = rendered[0][0]
    features = sorted(probe.cube)
    cells = Cells([_grid(feature, probe.observation[feature].shape) for feature in features])
    policy = SimpleNamespace(chunks=_reads_red)

    def of(images):
        return finds(policy, cells, probe, images, np.random.default_rng(0))

    there = of({feature: probe.cube[feature].astype(float) for feature in features})
    assert there.hit == 1.0
    assert there.explained > 0.9
    corner = {feature: np.zeros(probe.cube[feature].shape) for feature in features}
    corner[TOP][:CELL, :CELL] = 1.0
    elsewhere = of(corner)
    assert elsewhere.hit == 0.0
    assert elsewhere.explained < there.explained
    head, rows = lines({(1.0, CELL): [there, there]}, 3)
    assert len(head) == len(rows[0])
    assert rows[0][0] == "44 mm"
    assert rows[0][3] == "2 of 3"


def test_a_cube_that_the_policy_does_not_heed_is_left_out(rendered):
    probe = rendered[0][0]
    cells = Cells([_grid(TOP, probe.observation[TOP].shape)])
    still = SimpleNamespace(chunks=lambda observations: np.zeros((len(list(observations)), 2, 1)))
    images = {TOP: np.ones(probe.cube[TOP].shape)}
    assert finds(still, cells, probe, images, np.random.default_rng(0)) is None


def _grid(feature, shape):
    height, width = shape[:2]
    middle = (CELL - 1) / 2
    return CameraTokens(
        feature, 0, height // CELL, width // CELL, height, width, middle, middle, CELL, CELL
    )


def _reads_red(observations):
    """A policy that goes by how much red there is."""
    reds = []
    for observation in observations:
        picture = observation[TOP].astype(np.float64)
        reds.append(((picture[..., 0] > 120) & (picture[..., 1] < 60)).sum() / 100.0)
    return np.array(reds)[:, None, None]
