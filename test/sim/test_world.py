# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from pam_ros.sim.errors import SimError
from pam_ros.sim.expert import expert_action
from pam_ros.sim.scene import CAMERA_NAMES, JOINT_NAMES
from pam_ros.sim.task import goal_point
from pam_ros.sim.world import HOLD_AFTER_TICKS, PERIOD_NS, World


def drive(world):
    while True:
        world.command(JOINT_NAMES, expert_action(world.scene.joint_positions, world.scene.cube))
        ended = world.step()
        if ended is not None:
            return ended


def test_an_episode_ends_with_its_result_and_the_next_has_the_next_seed():
    world = World(first_seed=1005)
    ended = drive(world)
    assert (ended.seed, ended.success) == (1005, True)
    assert ended.distance < 0.02
    assert world.reset() == 1006
    assert drive(world).seed == 1006


def test_an_arm_without_commands_misses_after_ten_seconds():
    world = World()
    results = [world.step() for _ in range(100)]
    assert results[:99] == [None] * 99
    assert results[99].success is False
    assert results[99].ticks == 100


def test_time_counts_periods_and_survives_a_reset():
    world = World()
    world.step()
    world.reset(1234)
    world.step()
    assert world.observe().time_ns == 2 * PERIOD_NS == 200_000_000


def test_joints_of_a_command_may_come_in_any_order():
    world = World()
    target = {name: 0.1 * index for index, name in enumerate(JOINT_NAMES)}
    shuffled = list(reversed(JOINT_NAMES))
    world.command(shuffled, [target[name] for name in shuffled])
    assert np.allclose(world.scene.data.ctrl, [target[name] for name in JOINT_NAMES])


@pytest.mark.parametrize(
    ("names", "positions"),
    [
        (JOINT_NAMES[:5], [0.0] * 5),
        (("elbow", *JOINT_NAMES[1:]), [0.0] * 6),
        (JOINT_NAMES, [0.0] * 5),
        (JOINT_NAMES, [0.0, 0.0, float("inf"), 0.0, 0.0, 0.0]),
    ],
)
def test_a_command_that_is_incomplete_or_not_finite_is_refused(names, positions):
    world = World()
    before = world.scene.data.ctrl.copy()
    with pytest.raises(SimError, match="command"):
        world.command(names, positions)
    assert np.array_equal(world.scene.data.ctrl, before)


def test_the_arm_holds_where_it_is_when_commands_stop():
    world = World()
    start = world.scene.joint_positions
    world.command(JOINT_NAMES, start + 0.3)
    world.step()
    # The arm has reached that target long since when the hold begins; a nudge shows the difference.
    for _ in range(HOLD_AFTER_TICKS - 1):
        world.step()
    world.scene.data.qpos[0] += 0.2
    held = world.scene.joint_positions
    world.step()
    for _ in range(10):
        world.step()
    assert world.scene.joint_positions[0] == pytest.approx(held[0], abs=0.02)
    assert held[0] == pytest.approx(start[0] + 0.5, abs=0.01)


def test_a_blind_world_shows_the_given_pictures():
    blank = {camera: np.full((240, 320, 3), 7, np.uint8) for camera in CAMERA_NAMES}
    world = World(blind=blank)
    observation = world.observe()
    assert observation.images == blank
    assert np.array_equal(observation.positions, world.scene.joint_positions)


def test_a_world_is_about_its_target_and_can_be_given_another():
    world = World(first_seed=1000, target="blue_cube")
    assert world.target == "blue_cube"
    task = world.task
    for _ in range(3):
        world.step()
    distance = np.linalg.norm(world.scene.tip - goal_point(world.scene.position("blue_cube")))
    assert world.task.distance == pytest.approx(distance)
    world.aim("green_cylinder")
    assert world.task is not task
    assert world.task.ticks == 0
    world.step()
    distance = np.linalg.norm(world.scene.tip - goal_point(world.scene.position("green_cylinder")))
    assert world.task.distance == pytest.approx(distance)
    world.close()


def test_a_world_cannot_be_about_what_is_not_there():
    with pytest.raises(SimError, match="there is no 'teapot'"):
        World(target="teapot")
