# SPDX-License-Identifier: Apache-2.0
"""Pictures to ask for one object or another: which moments, and where the objects are in them."""

import numpy as np
import pytest

from pam_ros.sim.scene import CAMERA_NAMES, OBJECTS, Scene
from research.word_scenes import MOMENTS, first_apart, pictures, seen


@pytest.fixture(scope="module")
def scene():
    with Scene() as opened:
        yield opened


def test_each_scene_has_its_first_tick_and_one_on_the_way(scene):
    found = list(pictures(scene, 40_000, 2))
    assert [(each.scene, each.moment) for each in found] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    start, way = found[:2]
    moved = np.abs(start.observation["observation.state"] - way.observation["observation.state"])
    assert len(MOMENTS) == 2 and moved.max() > 0.1
    scene.reset(40_000)
    assert start.observation["observation.state"] == pytest.approx(scene.joint_positions)


def test_an_object_is_where_its_colour_is_in_the_picture(scene):
    start = next(pictures(scene, 40_000, 1))
    picture, pixels = start.observation["observation.images.top"], start.pixels["top"]
    for channel, (column, row) in zip((0, 2, 1), pixels, strict=True):
        around = picture[round(row) - 2 : round(row) + 3, round(column) - 2 : round(column) + 3]
        assert around.mean(axis=(0, 1)).argmax() == channel


def test_a_camera_that_misses_an_object_gives_no_places(scene):
    scene.reset(40_002)
    assert seen(scene, "top").shape == (len(OBJECTS), 2)
    assert seen(scene, "wrist") is None


def test_the_scene_of_the_picture_is_the_first_whose_objects_are_apart(scene):
    seed = first_apart(scene, 45_000, 60.0)
    for tried in range(45_000, seed + 1):
        scene.reset(tried)
        places = [seen(scene, camera) for camera in CAMERA_NAMES]
        apart = all(
            each is not None
            and min(np.linalg.norm(each[a] - each[b]) for a, b in ((0, 1), (0, 2), (1, 2))) >= 60
            for each in places
        )
        assert apart == (tried == seed)
