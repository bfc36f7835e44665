# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from pam_ros.sim.errors import SimError
from pam_ros.sim.expert import expert_action
from pam_ros.sim.instructions import PHRASINGS
from pam_ros.sim.scene import EVALUATION_SEEDS, OBJECTS, TRAINING_SEEDS, VALIDATION_SEEDS, Scene
from pam_ros.sim.words.draws import CHUNK, SEEDS, Draws, plans
from pam_ros.sim.words.episodes import frames, record

DEMO_ACT = range(100_000, 102_200)
"""What models/demo_act was trained on."""


@pytest.fixture(scope="module")
def scene():
    with Scene(24, 32) as opened:
        yield opened


def test_scenes_to_train_on_are_nobody_elses():
    assert SEEDS.start >= TRAINING_SEEDS.start
    assert SEEDS.stop <= TRAINING_SEEDS.stop
    for other in (VALIDATION_SEEDS, EVALUATION_SEEDS, DEMO_ACT):
        assert max(SEEDS.start, other.start) >= min(SEEDS.stop, other.stop)


def test_a_plan_is_what_the_expert_does_and_leaves_the_scene_as_it_was(scene):
    scene.reset(SEEDS[5])
    for _ in range(3):
        scene.command(expert_action(scene.joint_positions, scene.position("blue_cube")))
        scene.step()
    before = (scene.joint_positions, scene.joint_velocities, scene.time, scene.data.ctrl.copy())
    planned = plans(scene)
    after = (scene.joint_positions, scene.joint_velocities, scene.time, scene.data.ctrl.copy())
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))
    for step in range(CHUNK):
        action = expert_action(scene.joint_positions, scene.position("green_cylinder"))
        assert np.allclose(planned[2, step], action, atol=1e-9)
        scene.command(action)
        scene.step()


def test_plans_for_the_three_objects_part(batch):
    ends = batch.plans[:, :, -1]
    apart = np.linalg.norm(ends[:, :, None] - ends[:, None], axis=-1)
    assert apart[:, [0, 0, 1], [1, 2, 2]].min() > 0.1


def test_the_same_numbers_draw_the_same_batch():
    draws = Draws()
    first, other, again = draws.batch(2, 4, 7), draws.batch(2, 4, 8), draws.batch(2, 4, 7)
    draws.close()
    for name in ("images", "state", "plans", "objects"):
        assert np.array_equal(getattr(first, name), getattr(again, name))
        assert not np.array_equal(getattr(first, name), getattr(other, name))


@pytest.mark.parametrize("target", OBJECTS)
def test_an_episode_goes_to_the_object_that_its_words_ask_for(scene, target):
    for seed in SEEDS[:3]:
        recorded = list(frames(scene, seed, target))
        assert {frame["task"] for frame in recorded} <= set(PHRASINGS[target].training)
        assert len({frame["task"] for frame in recorded}) == 1
        place = scene.position(target)
        for frame in recorded:
            wanted = expert_action(frame["observation.state"], place)
            assert np.allclose(frame["action"], wanted, atol=1e-5)


def test_a_dataset_has_each_scene_with_all_three_instructions(tmp_path):
    from pam_ros.sim.training.lerobot_api import LeRobotDataset

    record(tmp_path / "words", SEEDS[:1], correction=True)
    dataset = LeRobotDataset("pam_ros/words", root=tmp_path / "words")
    assert dataset.num_episodes == 3
    tasks = [dataset[int(first)]["task"] for first in (0, 8, 16)]
    for name, task in zip(OBJECTS, tasks, strict=True):
        assert task in PHRASINGS[name].training
    assert not any(name.startswith("cube_in_") for name in dataset.features)


def test_evaluation_scenes_are_never_recorded(tmp_path):
    with pytest.raises(SimError, match="not one for training"):
        record(tmp_path / "words", [EVALUATION_SEEDS.start])
