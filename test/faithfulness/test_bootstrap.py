# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import numpy as np
import pytest

from pam_ros.faithfulness.bootstrap import interval, proportion


def test_the_interval_has_the_width_that_the_normal_law_gives():
    values = np.random.default_rng(0).normal(3.0, 2.0, 400)
    found = interval(values)
    half = 1.96 * values.std() / math.sqrt(400)
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(found.mean - half, abs=0.1 * half)
    assert found.high == pytest.approx(found.mean + half, abs=0.1 * half)


def test_it_covers_the_true_mean_about_95_times_in_100():
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(200):
        found = interval(rng.exponential(1.0, 60))
        covered += found.low <= 1.0 <= found.high
    assert 0.88 <= covered / 200 <= 0.99


def test_pairing_removes_what_episodes_have_in_common():
    rng = np.random.default_rng(2)
    episode = rng.normal(0.0, 5.0, 50)
    a, b = episode + rng.normal(0.3, 0.1, 50), episode + rng.normal(0.0, 0.1, 50)
    paired = interval(a - b)
    assert paired.low > 0.2
    assert paired.high < 0.4
    assert interval(a).low < interval(b).high


def test_constant_values_have_no_width_and_missing_ones_are_left_out():
    assert interval(np.array([2.0, 2.0, math.nan])) == (2.0, 2.0, 2.0, 2)


def test_no_value_at_all_is_not_a_number():
    found = interval(np.array([math.nan]))
    assert math.isnan(found.mean)
    assert found.episodes == 0


def test_the_same_seed_draws_the_same():
    values = np.random.default_rng(3).random(30)
    assert interval(values, 5) == interval(values, 5)
    assert interval(values, 5) != interval(values, 6)


def test_hits_alone_say_no_more_than_their_number_allows():
    # Wilson's interval of 24 of 24 and of 7 of 10, from Brown, Cai and DasGupta's formula.
    assert proportion(np.ones(24))[:3] == pytest.approx((1.0, 0.8620, 1.0), abs=1e-4)
    assert proportion(np.array([1.0] * 7 + [0.0] * 3))[:3] == pytest.approx(
        (0.7, 0.3968, 0.8922), abs=1e-4
    )
    assert proportion(np.zeros(5)).high == pytest.approx(0.4345, abs=1e-4)


def test_chances_and_nothing_are_no_hits():
    chances = np.array([0.1, 0.2, 0.4])
    assert proportion(chances) == interval(chances)
    assert proportion(np.array([np.nan])).episodes == 0
    assert proportion(np.array([1.0, np.nan, 0.0])).episodes == 2
