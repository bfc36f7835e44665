# SPDX-License-Identifier: Apache-2.0
"""Ratios of medians, paired changes and their intervals."""

import numpy as np
import pytest

from benchmarks.estimates import paired_change, ratio_of_medians, ratio_of_percentiles


def noisy(median, rounds, seed, spread=0.05):
    return median * np.exp(np.random.default_rng(seed).normal(0, spread, rounds))


def test_the_ratio_is_that_of_the_medians_and_lies_in_its_interval():
    row, reference = [1.0, 9.0, 2.0], [4.0, 4.0, 5.0]
    ratio = ratio_of_medians(row, reference)
    assert ratio.value == pytest.approx(2.0 / 4.0)
    assert ratio.low <= ratio.value <= ratio.high


def test_the_ratio_of_a_percentile_sees_the_slow_rounds_that_medians_do_not():
    reference = noisy(1.0, 400, seed=7, spread=0.01)
    row = reference.copy()
    row[::20] *= 3.0
    assert ratio_of_medians(list(row), list(reference)).value == pytest.approx(1.0, abs=0.01)
    slow = ratio_of_percentiles(list(row), list(reference), 99)
    assert slow.value == pytest.approx(3.0, abs=0.1)
    assert slow.low <= slow.value <= slow.high


def test_equal_rows_have_a_ratio_of_one_without_any_doubt():
    row = noisy(1.0, 30, seed=0)
    ratio = ratio_of_medians(list(row), list(row))
    assert (ratio.value, ratio.low, ratio.high) == (1.0, 1.0, 1.0)


def test_what_disturbs_a_round_for_both_rows_does_not_widen_the_interval():
    disturbance = noisy(1.0, 40, seed=1, spread=0.5)
    reference = disturbance * noisy(1.0, 40, seed=2, spread=0.01)
    row = 0.7 * disturbance * noisy(1.0, 40, seed=3, spread=0.01)
    together = ratio_of_medians(list(row), list(reference))
    apart = ratio_of_medians(list(row), list(reference[::-1]))
    assert together.high - together.low < 0.5 * (apart.high - apart.low)


def test_the_interval_holds_the_true_ratio_about_as_often_as_it_says():
    held = 0
    for seed in range(60):
        row, reference = noisy(0.8, 50, 2 * seed), noisy(1.0, 50, 2 * seed + 1)
        ratio = ratio_of_medians(list(row), list(reference), seed)
        held += ratio.low <= 0.8 <= ratio.high
    # Binomial(60, 0.95): 50 or fewer has a chance below 0.1%.
    assert held > 50


def test_a_paired_change_is_a_part_of_what_is_without_it():
    off = noisy(10.0, 120, seed=4, spread=0.2)
    change = paired_change(list(off + 0.1), list(off))
    assert change.value == pytest.approx(0.1 / np.median(off))
    assert change.low == pytest.approx(change.high)
    same = paired_change(list(off), list(off))
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)


def test_a_change_that_is_not_there_has_zero_in_its_interval():
    off, on = noisy(1.0, 100, seed=5), noisy(1.0, 100, seed=6)
    change = paired_change(list(on), list(off))
    assert change.low < 0 < change.high


@pytest.mark.parametrize("estimate", [ratio_of_medians, paired_change])
def test_rows_of_different_rounds_are_refused(estimate):
    with pytest.raises(ValueError, match="2 and 1 rounds"):
        estimate([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="0 and 0 rounds"):
        estimate([], [])
