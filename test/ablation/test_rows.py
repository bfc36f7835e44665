# SPDX-License-Identifier: Apache-2.0
"""From moments to rows."""

import math

import numpy as np
import pytest
from linear_policy import make_spec

from pam_ros.ablation.closed_loop import INTACT, Ending
from pam_ros.ablation.measure import EVERYTHING, NEXT, NOISE, Measured
from pam_ros.ablation.rows import CHUNKS, TRAINING_ACTIONS, Rows, action_spreads, closed


def measured(frame=0, **ways):
    return Measured(0, frame, ways, mean=(1.0, 2.0), square=(5.0, 4.0))


def test_spreads_are_those_of_training_or_else_of_the_chunks():
    assert action_spreads(make_spec(), [measured()]) == ((0.5, 5.0), TRAINING_ACTIONS)
    spreads, source = action_spreads(make_spec(statistics={}), [measured(), measured(1)])
    # The second joint never changes.
    assert spreads == (pytest.approx(2.0), 0.0)
    assert source == CHUNKS


def test_a_joint_that_never_changes_counts_for_nothing_in_the_whole():
    rows = Rows([measured(next=(0.2, 0.0), everything=(2.0, 1e-12))], (2.0, 0.0))
    floor, everything = rows.references()
    assert (floor.replacement, everything.replacement) == (NEXT, EVERYTHING)
    assert floor.chunk.value == pytest.approx(0.1)
    assert floor.of_everything == pytest.approx(0.1)
    assert everything.chunk.value == pytest.approx(1.0)


def test_the_whole_is_the_root_mean_square_in_spreads():
    (row,) = Rows([measured(everything=(3.0, 8.0))], (1.0, 2.0)).references()
    assert row.chunk.value == pytest.approx(np.sqrt((9 + 16) / 2))


def test_noise_belongs_to_the_floor_only_if_it_is_drawn_anew():
    one = measured(next=(0.1, 0.0), noise=(0.3, 0.0), everything=(1.0, 0.0))
    assert Rows([one], (1.0, 0.0)).floor == pytest.approx([0.1])
    assert Rows([one], (1.0, 0.0), stochastic=True).floor == pytest.approx([0.3])
    assert [row.replacement for row in Rows([one], (1.0, 0.0)).references()] == [
        NEXT, NOISE, EVERYTHING,
    ]  # fmt: skip


def test_moments_without_a_way_are_left_out_and_stay_in_place():
    row = Rows([measured(0), measured(1, next=(0.1, 0.0))], (1.0, 1.0)).references()[0]
    assert row.moments == 1
    assert row.ways == (None, (0.1, 0.0))


def test_only_scenes_that_both_drove_are_compared():
    ends = [Ending(INTACT, seed, True, 9, 0.0) for seed in range(4)]
    ends += [Ending("left:other", seed, seed == 1, 9, 0.0) for seed in (1, 2)]
    found = closed(ends, "left:other")
    assert (found.episodes, found.successes, found.lost.value) == (2, 1, 0.5)
    assert math.isnan(closed(ends, INTACT).lost.value)
    assert closed(ends, "right:other") is None
