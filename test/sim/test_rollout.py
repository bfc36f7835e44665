# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from pam_ros.sim.expert import expert_action
from pam_ros.sim.rollout import observe, run_episode, run_episodes
from pam_ros.sim.scene import CUBE_HALF_SIZE, OBJECTS, Scene, place


class ExpertActor:
    """Sees the joints, and knows where the target is."""

    def __init__(self, seeds, target=OBJECTS[0]):
        self._seeds = iter(seeds)
        self._index = OBJECTS.index(target)
        self.seen = []

    def reset(self):
        positions = place(next(self._seeds)).positions
        self._cube = np.array([*positions[self._index], CUBE_HALF_SIZE])

    def act(self, observation):
        self.seen.append(observation["observation.images.top"])
        return expert_action(observation["observation.state"], self._cube)


class IdleActor:
    def reset(self):
        self.first = None

    def act(self, observation):
        if self.first is None:
            self.first = observation["observation.state"]
        return self.first


def test_an_actor_that_reaches_succeeds_and_one_that_idles_fails():
    scene = Scene(24, 32)
    seeds = range(1000, 1003)
    reached = list(run_episodes(scene, ExpertActor(seeds), seeds))
    assert [episode.seed for episode in reached] == list(seeds)
    assert all(episode.success and episode.distance < 0.02 for episode in reached)
    missed = run_episode(scene, IdleActor(), 1000)
    assert not missed.success
    assert missed.ticks == 100


@pytest.mark.parametrize("target", OBJECTS)
def test_the_expert_reaches_each_of_the_three_objects_and_that_alone_counts(target):
    scene = Scene(24, 32)
    seeds = range(1000, 1008)
    actor = ExpertActor(seeds, target)
    reached = [run_episode(scene, actor, seed, target=target) for seed in seeds]
    assert all(episode.success and episode.distance < 0.02 for episode in reached)
    other = next(name for name in OBJECTS if name != target)
    assert not run_episode(scene, ExpertActor([1000], target), 1000, target=other).success


def test_an_episode_repeats_exactly():
    scene = Scene(24, 32)
    first, again = (run_episode(scene, ExpertActor([1009]), 1009) for _ in range(2))
    assert first == again


def test_a_blind_actor_sees_the_same_picture_all_along():
    scene = Scene(24, 32)
    blank = {camera: np.full((24, 32, 3), 50, np.uint8) for camera in ("top", "wrist")}
    actor = ExpertActor([1000])
    run_episode(scene, actor, 1000, blank)
    assert all((image == 50).all() for image in actor.seen)
    assert not (observe(scene)["observation.images.top"] == 50).all()
