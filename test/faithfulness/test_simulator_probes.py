# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from pam_ros.faithfulness.simulator_probes import FAR_ENOUGH, MOMENTS, probes, scene_fits
from pam_ros.sim.errors import SimError
from pam_ros.sim.scene import OBJECT_SPACING, TRAINING_SEEDS, Scene, place

SEEDS = (40, 41)


@pytest.fixture(scope="module")
def found():
    with Scene() as scene:
        return list(probes(scene, SEEDS))


def features(probe):
    return [name for name in probe.observation if "images" in name]


def test_scenes_take_the_moments_in_turn(found):
    assert [probe.episode for probe in found] == list(SEEDS)
    assert [probe.moment for probe in found] == list(MOMENTS)
    assert np.allclose(found[0].observation["observation.state"], place(SEEDS[0]).start)
    assert not np.allclose(found[1].observation["observation.state"], place(SEEDS[1]).start)


def test_without_the_cube_only_the_cubes_pixels_differ(found):
    for probe in found:
        for name in features(probe):
            differs = (probe.observation[name] != probe.removed[name]).any(axis=-1)
            assert (differs == probe.cube[name]).mean() > 0.99
        assert probe.cube["observation.images.top"].any()


def test_the_moved_cube_is_gone_here_and_red_elsewhere(found):
    for probe in found:
        name = "observation.images.top"
        here = probe.cube[name]
        red, green, blue = probe.moved[name].astype(int).transpose(2, 0, 1)
        reddish = (red > 2 * green) & (red > 2 * blue) & (red > 60)
        assert reddish[here].mean() < 0.1
        assert reddish[~here].sum() > 200


def test_without_a_distractor_the_cube_stays_and_one_object_is_gone(found):
    name = "observation.images.top"
    for probe in found:
        differs = (probe.observation[name] != probe.undistracted[name]).any(axis=-1)
        assert 200 < differs.sum() < 2000
        assert not (differs & probe.cube[name]).any()


def test_pairs_of_scenes_take_the_distractors_in_turn():
    with Scene() as scene:
        pictures = [next(probes(scene, [seed])) for seed in (40, 42)]
        name = "observation.images.top"
        for probe, channel in zip(pictures, (2, 1), strict=True):  # blue, green
            differs = (probe.observation[name] != probe.undistracted[name]).any(axis=-1)
            assert probe.observation[name][differs].mean(axis=0).argmax() == channel


def test_a_distractor_comes_back_just_where_it_was():
    with Scene() as scene:
        scene.reset(3)
        state, before = scene.data.mocap_pos.copy(), scene.render("top")
        with scene.without("green_cylinder"):
            assert not np.array_equal(scene.render("top"), before)
        assert np.array_equal(scene.data.mocap_pos, state)
        assert np.array_equal(scene.render("top"), before)


def test_a_policy_of_smaller_pictures_gets_them_scaled_as_in_training(found):
    spec = SimpleNamespace(
        name="half",
        cameras=[
            SimpleNamespace(feature=name, height=120, width=160) for name in features(found[0])
        ],
        state_dim=6,
        environment_dim=0,
    )
    size = scene_fits(spec)
    assert size == (120, 160)
    with Scene() as scene:
        (half,) = probes(scene, SEEDS[:1], size)
    name = "observation.images.top"
    for kind in ("observation", "removed", "moved", "undistracted"):
        whole = getattr(found[0], kind)[name]
        small = cv2.resize(whole, (160, 120), interpolation=cv2.INTER_AREA)
        assert np.array_equal(getattr(half, kind)[name], small)
    whole = found[0].cube[name].reshape(120, 2, 160, 2).sum(axis=(1, 3))
    assert np.array_equal(half.cube[name], whole >= 2)
    assert np.array_equal(
        half.observation["observation.state"], found[0].observation["observation.state"]
    )


def test_the_arm_is_the_same_in_all_renderings(found):
    for probe in found:
        for other in (probe.removed, probe.moved, probe.undistracted):
            assert np.array_equal(
                probe.observation["observation.state"], other["observation.state"]
            )


def test_the_same_seeds_give_the_same_probes(found):
    with Scene() as scene:
        again = list(probes(scene, SEEDS))
    for one, two in zip(found, again, strict=True):
        for name in one.observation:
            assert np.array_equal(one.observation[name], two.observation[name])
            assert np.array_equal(one.moved[name], two.moved[name])


def test_the_cube_moves_to_a_free_place_far_enough_away():
    from pam_ros.faithfulness.simulator_probes import _elsewhere

    for seed in range(100):
        xy, (red, blue, green) = _elsewhere(seed), place(seed).positions
        assert np.linalg.norm(xy - red) >= FAR_ENOUGH
        assert min(np.linalg.norm(xy - blue), np.linalg.norm(xy - green)) >= OBJECT_SPACING


def test_a_scene_of_the_training_is_refused():
    with Scene() as scene, pytest.raises(SimError, match="was trained"):
        next(probes(scene, [TRAINING_SEEDS[0]]))


def test_the_cube_can_be_put_somewhere_and_back():
    with Scene() as scene:
        scene.reset(3)
        before, cube = scene.render("top"), scene.cube
        scene.hide_cube()
        scene.put_cube(cube[:2])
        assert np.array_equal(scene.render("top"), before)


def test_a_policy_with_other_eyes_is_told_to_bring_a_dataset():
    spec = SimpleNamespace(name="act_so101", cameras=(), state_dim=6, environment_dim=0)
    with pytest.raises(SimError, match="name a LeRobot dataset"):
        scene_fits(spec)
