# SPDX-License-Identifier: Apache-2.0
"""Medians and rates, against numbers from elsewhere and second routes."""

import math

import numpy as np
import pytest

from pam_ros.ablation.intervals import _weighted_medians, medians, paired_difference, rate


def test_wilsons_interval_is_that_of_the_closed_form():
    # Of none and of all, z^2 / (n + z^2).
    edge = 1.959964**2 / (10 + 1.959964**2)
    assert rate(0, 10) == pytest.approx((0.0, 0.0, edge))
    assert rate(10, 10) == pytest.approx((1.0, 1 - edge, 1.0))
    # Newcombe, Statistics in Medicine 17 (1998) 857, table I, method 3: 81 of 263, 15 of 148.
    assert rate(81, 263)[1:] == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert rate(15, 148)[1:] == pytest.approx((0.0624, 0.1605), abs=5e-5)


def test_rates_of_nothing_are_unknown():
    assert math.isnan(rate(0, 0).value)
    assert math.isnan(paired_difference([], []).value)


def test_a_paired_difference_contains_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(400):
        first = rng.random(40) < 0.8
        second = np.where(rng.random(40) < 0.6, first, rng.random(40) < 0.3)
        found = paired_difference(first.tolist(), second.tolist())
        truth = 0.8 - (0.6 * 0.8 + 0.4 * 0.3)
        inside += found.low <= truth <= found.high
    assert 0.92 <= inside / 400 <= 0.99


def test_a_paired_difference_turns_round_with_its_sides():
    one, two = [True] * 9 + [False], [True] * 4 + [False] * 6
    there, back = paired_difference(one, two), paired_difference(two, one)
    assert there == pytest.approx((-back.value, -back.high, -back.low))
    assert there.value == 0.5
    assert there.low > 0
    same = paired_difference(one, one)
    assert same.low <= 0 <= same.high


def test_weighted_medians_are_those_of_repeated_values():
    rng = np.random.default_rng(1)
    values, weights = rng.normal(size=7), rng.integers(0, 4, (50, 7))
    weights[:, 0] += 1
    expected = [np.median(np.repeat(values, row)) for row in weights]
    assert _weighted_medians(values, weights) == pytest.approx(np.array(expected))


def test_intervals_of_medians_widen_where_moments_of_an_episode_are_alike():
    rng = np.random.default_rng(2)
    alike = np.repeat(rng.normal(size=10), 10)[:, None]
    by_episode = medians(alike, np.repeat(np.arange(10), 10).tolist())[0]
    as_if_free = medians(alike, list(range(100)))[0]
    assert by_episode.value == as_if_free.value == pytest.approx(np.median(alike))
    assert by_episode.high - by_episode.low > 1.5 * (as_if_free.high - as_if_free.low)


def test_of_one_moment_there_is_a_value_and_of_none_nothing():
    (found,) = medians(np.array([[3.0], [np.nan]]), [0, 1])
    assert found.value == 3.0
    assert math.isnan(found.low)
    (nothing,) = medians(np.array([[np.nan]]), [0])
    assert math.isnan(nothing.value)
