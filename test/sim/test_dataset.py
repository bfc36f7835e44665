# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from pam_ros.sim.errors import SimError
from pam_ros.sim.expert import expert_action, forward_kinematics
from pam_ros.sim.scene import (
    CUBE_HALF_SIZE,
    EVALUATION_SEEDS,
    JOINT_NAMES,
    TRAINING_SEEDS,
    Scene,
    place,
)
from pam_ros.sim.task import TOLERANCE, goal_point
from pam_ros.sim.training.dataset import CORRECTION_FRAMES, REACH_FRAMES, TASK, frames, record
from pam_ros.sim.training.lerobot_api import LeRobotDataset


def cube_of(seed):
    return np.array([*place(seed).positions[0], CUBE_HALF_SIZE])


@pytest.fixture(scope="module")
def scene():
    with Scene(24, 32) as opened:
        yield opened


def test_lerobot_reads_what_was_recorded(recorded):
    dataset = LeRobotDataset("pam_ros/reaches", root=recorded[0])
    assert dataset.num_episodes == 2
    assert len(dataset) == 2 * REACH_FRAMES
    assert dataset.fps == 10
    assert dataset.features["action"]["names"] == list(JOINT_NAMES)
    assert dataset.features["observation.state"]["names"] == list(JOINT_NAMES)
    frame = dataset[0]
    assert frame["task"] == TASK
    assert frame["observation.images.top"].shape == (3, 240, 320)
    assert frame["observation.images.wrist"].shape == (3, 240, 320)
    # LeRobot's own statistics of the pictures are there for its own trainer.
    assert set(dataset.meta.stats["observation.images.top"]) >= {"mean", "std"}


def test_pictures_are_stored_without_loss(recorded):
    dataset = LeRobotDataset("pam_ros/reaches", root=recorded[0])
    with Scene() as scene:
        first = next(frames(scene, TRAINING_SEEDS[500]))
    stored = (dataset[0]["observation.images.top"] * 255).round().numpy().astype(np.uint8)
    assert np.array_equal(stored.transpose(1, 2, 0), first["observation.images.top"])


@pytest.mark.parametrize("correction", [False, True])
def test_every_label_is_what_the_expert_would_do_from_the_measured_joints(scene, correction):
    for seed in TRAINING_SEEDS[:6]:
        for frame in frames(scene, seed, correction):
            wanted = expert_action(frame["observation.state"], cube_of(seed))
            assert np.allclose(frame["action"], wanted, atol=1e-5)


def test_what_is_executed_is_disturbed_in_most_episodes(scene):
    strayed = 0
    for seed in TRAINING_SEEDS[:20]:
        states = np.array([frame["observation.state"] for frame in frames(scene, seed)])
        rest = states[-6:, :4]
        strayed += np.ptp(rest, axis=0).max() > 0.02
    assert 8 <= strayed <= 19


def test_reaches_start_in_many_places_and_end_at_the_goal(scene):
    starts, misses = [], []
    for seed in TRAINING_SEEDS[:20]:
        states = [frame["observation.state"] for frame in frames(scene, seed)]
        starts.append(forward_kinematics(states[0]))
        misses.append(np.linalg.norm(forward_kinematics(states[-1]) - goal_point(cube_of(seed))))
    assert np.std(starts, axis=0).max() > 0.05
    assert np.median(misses) < TOLERANCE


@pytest.mark.parametrize("seed", [103_532, 109_232])
def test_a_start_that_the_arm_cannot_reach_is_drawn_again(scene, seed):
    recorded = list(frames(scene, seed))
    assert len(recorded) == REACH_FRAMES
    assert all(np.isfinite(frame["action"]).all() for frame in recorded)


def test_a_correction_starts_close_to_the_goal_but_not_there(scene):
    for seed in TRAINING_SEEDS[:20]:
        recorded = list(frames(scene, seed, correction=True))
        assert len(recorded) == CORRECTION_FRAMES
        tip = forward_kinematics(recorded[0]["observation.state"])
        sideways = np.linalg.norm((tip - goal_point(cube_of(seed)))[:2])
        assert 0.002 < sideways < 0.12


def test_the_cubes_pixel_is_recorded_for_both_cameras(scene):
    seed = TRAINING_SEEDS[3]
    frame = next(frames(scene, seed))
    rows, columns = np.nonzero(scene.cube_mask("top"))
    column, row, depth = frame["cube_in_top"]
    assert abs(column - columns.mean()) < 1.0
    assert abs(row - rows.mean()) < 1.0
    assert depth == pytest.approx(0.8 - CUBE_HALF_SIZE)
    assert frame["cube_in_wrist"].shape == (3,)


def test_evaluation_scenes_are_never_recorded(tmp_path):
    with pytest.raises(SimError, match="not one for training"):
        record(tmp_path / "episodes", [EVALUATION_SEEDS.start])


def test_an_existing_folder_is_not_overwritten(tmp_path):
    with pytest.raises(SimError, match="exists already"):
        record(tmp_path, [TRAINING_SEEDS.start])
