# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from pam_ros.sim.errors import SimError
from pam_ros.sim.scene import TRAINING_SEEDS, Scene
from pam_ros.sim.training.dataset import CORRECTION_FRAMES, REACH_FRAMES, frames
from pam_ros.sim.training.samples import RESTING, Episodes
from pam_ros.sim.training.stats import Stats


@pytest.fixture(scope="module")
def episodes(recorded):
    return Episodes(recorded)


def test_episodes_of_all_datasets_are_numbered_through(episodes):
    lengths = [REACH_FRAMES, REACH_FRAMES, CORRECTION_FRAMES, CORRECTION_FRAMES]
    assert np.bincount(episodes.episode).tolist() == lengths


def test_a_sample_is_the_recorded_frame(episodes):
    with Scene() as scene:
        wanted = list(frames(scene, TRAINING_SEEDS[501]))[3]
    batch = episodes.batch(np.array([REACH_FRAMES + 3]), 5, 320)
    assert np.array_equal(batch.images[0, 0], wanted["observation.images.top"])
    assert np.array_equal(batch.images[0, 1], wanted["observation.images.wrist"])
    assert np.array_equal(batch.state[0], wanted["observation.state"])
    assert np.array_equal(batch.actions[0, 0], wanted["action"])
    assert np.array_equal(batch.cube[0, 1], wanted["cube_in_wrist"])


def test_a_chunk_stays_in_its_episode_and_repeats_its_last_action(episodes):
    batch = episodes.batch(np.array([REACH_FRAMES - 2]), 4, 160)
    last = episodes.action[REACH_FRAMES - 1]
    assert np.array_equal(batch.actions[0, 0], episodes.action[REACH_FRAMES - 2])
    assert (batch.actions[0, 1:] == last).all()
    assert not np.array_equal(last, episodes.action[REACH_FRAMES])


def test_half_size_pictures_keep_the_cube_where_it_is_marked(episodes):
    batch = episodes.batch(np.array([0]), 1, 160)
    assert batch.images.shape == (1, 2, 120, 160, 3)
    red, green, blue = batch.images[0, 0].astype(int).transpose(2, 0, 1)
    rows, columns = np.nonzero((red > 2 * green) & (red > 2 * blue))
    assert abs(columns.mean() - batch.cube[0, 0, 0]) < 1.0
    assert abs(rows.mean() - batch.cube[0, 0, 1]) < 1.0


def test_an_arm_on_its_way_is_drawn_twice_as_often_as_one_at_rest(recorded):
    episodes = Episodes(recorded)
    moving = np.arange(len(episodes)) < 5
    step = np.where(moving, 1.1 * RESTING, 0.9 * RESTING)
    episodes.action = episodes.state + step[:, None].astype(np.float32) * np.eye(6)[2]
    weights = episodes.sampling_weights()
    assert weights.sum() == pytest.approx(1.0)
    assert weights[moving].sum() == pytest.approx(2 / 3)


def test_a_folder_without_episodes_is_an_error_that_names_it(tmp_path):
    with pytest.raises(SimError, match="holds no LeRobotDataset"):
        Episodes([tmp_path])


def test_statistics_are_those_of_all_pixels(episodes):
    stats = Stats.of(episodes, pictures=len(episodes))
    pixels = np.stack([episodes.images(index) for index in range(len(episodes))]) / 255.0
    assert stats.image_mean == pytest.approx(pixels.mean((0, 2, 3)), abs=1e-6)
    assert stats.image_std == pytest.approx(pixels.std((0, 2, 3)), abs=1e-5)
    assert stats.state_std[:4] == pytest.approx(episodes.state.std(0)[:4])
    assert stats.mean_images.shape == (2, 240, 320, 3)
    assert np.abs(stats.mean_images / 255.0 - pixels.mean(0)).max() <= 0.5 / 255 + 1e-9
