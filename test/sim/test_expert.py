# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from pam_ros.sim.errors import SimError
from pam_ros.sim.expert import (
    MAX_STEP,
    expert_action,
    forward_kinematics,
    inverse_kinematics,
)
from pam_ros.sim.scene import CUBE_HALF_SIZE, VALIDATION_SEEDS, Placement, Scene, place
from pam_ros.sim.task import EPISODE_TICKS, ReachTask


def reach(scene):
    task = ReachTask()
    lowest = np.inf
    while not task.done:
        scene.command(expert_action(scene.joint_positions, scene.cube))
        scene.step()
        task.update(scene.tip, scene.cube)
        lowest = min(lowest, scene.tip[2])
    return task, lowest


def test_forward_kinematics_is_the_simulators():
    scene = Scene()
    rng = np.random.default_rng(0)
    for _ in range(50):
        pose = rng.uniform(-1.5, 1.5, 6)
        scene.set_placement(Placement(place(0).positions, np.zeros(3), pose))
        assert np.allclose(scene.tip, forward_kinematics(pose), atol=1e-6)


def test_inverse_kinematics_brings_the_tip_to_the_point_with_the_hand_straight_down():
    rng = np.random.default_rng(1)
    for _ in range(200):
        radius, angle, height = rng.uniform([0.1, -1.2, 0.04], [0.25, 1.2, 0.12])
        point = np.array([radius * np.cos(angle), radius * np.sin(angle), height])
        joints = inverse_kinematics(point)
        assert np.allclose(forward_kinematics(joints), point, atol=1e-12)
        _, lift, elbow, flex, _, _ = joints
        assert lift + np.pi / 2 + elbow + flex == pytest.approx(np.pi)


def test_a_point_out_of_reach_is_an_error_that_names_it():
    with pytest.raises(SimError, match=r"0\.600.*out of the arm's reach"):
        inverse_kinematics(np.array([0.6, 0.0, 0.05]))


def test_the_expert_reaches_the_cube_in_every_scene():
    scene = Scene()
    for seed in VALIDATION_SEEDS[:300]:
        scene.reset(seed)
        task, lowest = reach(scene)
        assert task.success, seed
        assert task.ticks < EPISODE_TICKS / 3
        # The finger tips never dip into an object.
        assert lowest > 2 * CUBE_HALF_SIZE


def test_the_expert_stays_at_the_goal_once_it_is_there():
    scene = Scene()
    scene.reset(0)
    reach(scene)
    joints = scene.joint_positions
    assert np.abs(expert_action(joints, scene.cube) - joints).max() < 0.01


def test_no_command_asks_a_joint_for_more_than_a_step():
    rng = np.random.default_rng(2)
    for _ in range(100):
        joints = rng.uniform(-1.5, 1.5, 6)
        cube = np.array([*place(int(rng.integers(1000))).positions[0], CUBE_HALF_SIZE])
        step = expert_action(joints, cube) - joints
        assert np.abs(step).max() <= MAX_STEP + 1e-12
