# SPDX-License-Identifier: Apache-2.0
"""Against a policy that reads one cell, where every curve has a closed form."""

from __future__ import annotations

import numpy as np
import pytest

from pam_ros.attention.errors import AttentionError
from pam_ros.faithfulness.cells import ranked
from pam_ros.faithfulness.curves import FRACTIONS, area, curves


@pytest.fixture
def found(toy):
    observation = toy.observation()
    rng = np.random.default_rng(0)
    orders = {
        "oracle": ranked(toy.one_hot(), rng),
        "anti": ranked(-toy.one_hot(), rng),
        **{f"random {draw}": rng.permutation(toy.cells.size) for draw in range(400)},
    }
    return curves(toy.chunks, toy.cells, observation, toy.black(observation), orders)


def test_all_cells_replaced_is_the_distance_of_the_two_chunks(toy, found):
    observation = toy.observation()
    a, b = toy.chunks([observation, toy.black(observation)])
    assert found["oracle"].full == pytest.approx(float(np.abs(a - b).mean()))
    assert found["oracle"].deletion[-1] == found["oracle"].insertion[0] == found["oracle"].full
    assert found["oracle"].deletion[0] == found["oracle"].insertion[-1] == 0.0


def test_the_oracle_is_there_after_the_first_step_and_its_opposite_at_the_last(found):
    oracle, anti = found["oracle"], found["anti"]
    assert oracle.deletion[1:] / oracle.full == pytest.approx(1.0)
    assert oracle.insertion[1:] == pytest.approx(0.0, abs=1e-9)
    assert anti.deletion[:-1] == pytest.approx(0.0, abs=1e-9)
    assert anti.insertion[:-1] / anti.full == pytest.approx(1.0)
    assert area(oracle.deletion) / oracle.full == pytest.approx(1 - FRACTIONS[1] / 2)
    assert area(anti.deletion) / anti.full == pytest.approx((1 - FRACTIONS[-2]) / 2)


def test_random_order_lies_in_between_at_the_chance_of_meeting_the_cell(found, toy):
    draws = [curve for name, curve in found.items() if name.startswith("random")]
    mean = np.mean([draw.deletion / draw.full for draw in draws], axis=0)
    counts = np.array([round(fraction * toy.cells.size) for fraction in FRACTIONS])
    assert mean == pytest.approx(counts / toy.cells.size, abs=0.08)
    assert area(mean) == pytest.approx(0.5, abs=0.05)


def test_a_toy_in_one_camera_is_untouched_by_the_other_cameras_cells(toy):
    observation = toy.observation()
    order = np.concatenate([np.arange(20, 40), np.arange(20)])
    result = curves(toy.chunks, toy.cells, observation, toy.black(observation), {"wrist": order})
    assert result["wrist"].deletion[:-1] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("bad", [(0.0,), (0.1, 1.0), (0.0, 0.5), (0.0, 0.5, 0.5, 1.0)])
def test_fractions_that_do_not_rise_from_0_to_1_are_refused(toy, bad):
    observation = toy.observation()
    with pytest.raises(AttentionError, match="rise from 0 to 1"):
        curves(toy.chunks, toy.cells, observation, observation, {}, bad)


def test_the_area_under_a_straight_line_is_one_half():
    assert area(np.array(FRACTIONS)) == pytest.approx(0.5)
