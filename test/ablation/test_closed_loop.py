# SPDX-License-Identifier: Apache-2.0
"""Driving with an input replaced, in a scene of one joint."""

from types import SimpleNamespace

import numpy as np
import pytest
from linear_policy import HEIGHT, LEFT, RIGHT, STATE, WIDTH, Linear, Reading

from pam_ros.ablation.closed_loop import _of_another, intact_run, simulated_moments, spoilt_runs
from pam_ros.ablation.inputs import inputs_of
from pam_ros.ablation.replacements import Ablation, Replacer, means_of
from pam_ros.policy.interface import QueuedAction
from pam_ros.sim.scene import CUBE_HALF_SIZE
from pam_ros.sim.task import GOAL_HEIGHT


class Scene:
    """The tip goes where it is told; the left picture's brightness says where the cube is."""

    def reset(self, seed):
        self.cube = np.array([0.1 * (seed % 9 + 1), 0.0, 0.0])
        self.joint_positions = np.zeros(1)
        self._target = 0.0

    @property
    def tip(self):
        return np.array([self.joint_positions[0], 0.0, CUBE_HALF_SIZE + GOAL_HEIGHT])

    def position(self, _name):
        return self.cube

    def render(self, camera):
        level = round(255 * self.cube[0]) if camera == "left" else 0
        return np.full((HEIGHT, WIDTH, 3), level, np.uint8)

    def command(self, positions):
        self._target = float(positions[0])

    def step(self):
        self.joint_positions = np.array([self._target])


class Driver(Linear):
    """It goes where the left picture says; what the joint is does not matter to it."""

    def chunk(self):
        return np.tile(np.float32(self.seen[-1][LEFT].mean() / 255), (3, 2))


@pytest.fixture(autouse=True)
def two_cameras(monkeypatch):
    monkeypatch.setattr("pam_ros.sim.rollout.CAMERA_NAMES", ("left", "right"))


def runs_of(policy, seeds=(1, 5, 8)):
    scene = Scene()
    return scene, [intact_run(scene, policy, seed) for seed in seeds]


def spoilt(policy, name, word, done=lambda seed: False):
    scene, runs = runs_of(policy)
    replacer = Replacer(policy.spec, means_of(policy.spec, [runs[0].observations[0]]))
    one = next(one for one in inputs_of(policy.spec) if one.name == name)
    return list(spoilt_runs(scene, policy, Ablation(one, word), replacer, runs, done))


def test_intact_episodes_reach_and_keep_what_was_seen():
    _, runs = runs_of(Driver())
    assert [run.ending.success for run in runs] == [True] * 3
    assert [len(run.observations) for run in runs] == [run.ending.ticks for run in runs]
    assert set(runs[0].observations[0]) == {LEFT, RIGHT, STATE}


def test_with_another_scenes_picture_it_goes_to_that_scenes_cube():
    ends = spoilt(Driver(), "left", "other")
    assert [end.key for end in ends] == ["left:other"] * 3
    assert [end.success for end in ends] == [False] * 3
    # From the next scene's cube to its own: 0.6 to 0.2, 0.9 to 0.6, 0.2 to 0.9.
    assert [end.distance for end in ends] == pytest.approx([0.4, 0.3, 0.7], abs=0.01)


def test_a_scene_alone_gets_its_own_pictures_of_half_an_episode_away():
    own = [{"tick": number} for number in range(5)]
    other = _of_another([SimpleNamespace(observations=own)], 0)
    assert [observation["tick"] for observation in other] == [2, 3, 4, 0, 1]


def test_what_it_does_not_read_changes_nothing_and_done_scenes_are_left_out():
    for name, word in (("right", "mean"), ("state", "other"), ("left", "first")):
        assert all(end.success for end in spoilt(Driver(), name, word))
    assert [end.seed for end in spoilt(Driver(), "right", "blur", lambda seed: seed != 5)] == [5]


def test_a_queue_is_used_up_before_the_next_pass():
    class Queueing(Driver):
        passes = 0

        def reset(self):
            super().reset()
            self.left = []

        def pop_action(self):
            return QueuedAction(self.left.pop(), 0) if self.left else None

        def step(self, observation):
            Queueing.passes += 1
            output = super().step(observation)
            self.left = list(output.chunk[1:])
            return output

    policy = Queueing()
    _, (run,) = runs_of(policy, (3,))
    assert run.ending.success
    assert Queueing.passes == -(-run.ending.ticks // 3)


def test_words_are_taken_away_while_it_drives_and_given_back():
    class Obeying(Reading):
        def chunk(self):
            goes = float(self.seen[-1][LEFT].mean() / 255) if self.instruction else 0.0
            return np.tile(np.float32(goes), (3, 2))

    policy = Obeying()
    assert not any(end.success for end in spoilt(policy, "words", "empty"))
    assert policy.instruction == "go there"


def test_moments_of_runs_are_spread_over_them():
    _, runs = runs_of(Driver())
    moments = simulated_moments(runs, 6, past=2)
    assert sorted({moment.episode for moment in moments}) == [1, 5, 8]
    assert len(moments) == 6
    assert all(len(moment.history) == 2 for moment in moments)
    assert all(moment.following is not None for moment in moments)
