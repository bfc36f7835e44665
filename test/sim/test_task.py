# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from pam_ros.sim.scene import CUBE_HALF_SIZE
from pam_ros.sim.task import EPISODE_TICKS, HOLD_TICKS, ReachTask, goal_point

CUBE = np.array([0.2, 0.1, CUBE_HALF_SIZE])
AT_GOAL = CUBE + np.array([0.0, 0.0, CUBE_HALF_SIZE + 0.01])
FAR = CUBE + np.array([0.1, 0.0, 0.1])


def readings(*tips):
    task = ReachTask()
    for tip in tips:
        task.update(tip, CUBE)
    return task


def test_the_goal_is_a_centimetre_above_the_middle_of_the_top_face():
    assert goal_point(CUBE) == pytest.approx([0.2, 0.1, 0.054])


def test_holding_half_a_second_succeeds_and_a_tick_less_does_not():
    # Six readings, 0.1 s apart, span half a second.
    assert HOLD_TICKS == 5
    assert not readings(*[AT_GOAL] * 5).success
    held = readings(*[AT_GOAL] * 6)
    assert held.success
    assert held.done


def test_leaving_the_goal_starts_the_hold_anew():
    task = readings(*[AT_GOAL] * 5, FAR, *[AT_GOAL] * 5)
    assert not task.success
    task.update(AT_GOAL, CUBE)
    assert task.success


@pytest.mark.parametrize(("offset", "reached"), [(0.0199, True), (0.0201, False)])
def test_the_goal_is_a_ball_of_two_centimetres(offset, reached):
    direction = np.array([2.0, -1.0, 2.0]) / 3.0
    task = readings(*[AT_GOAL + offset * direction] * 6)
    assert task.success is reached
    assert task.distance == pytest.approx(offset)


def test_ten_seconds_without_success_end_the_episode():
    task = readings(*[FAR] * (EPISODE_TICKS - 1))
    assert not task.done
    assert task.update(FAR, CUBE)
    assert not task.success
    assert task.ticks == 100
