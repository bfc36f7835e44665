# SPDX-License-Identifier: Apache-2.0
"""With every replacement an oracle of a policy that is known scores 1, its opposite does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pam_ros.faithfulness.columns import OWN_SCORES, ROAD_SCORE, SCORE, SCORE_ALL, score_of
from pam_ros.faithfulness.curves import FRACTIONS
from pam_ros.faithfulness.measure import CENTRE, RANDOM, measure
from pam_ros.faithfulness.perturbation import REPLACEMENTS, mean_pictures, replacements
from pam_ros.faithfulness.probe import Probe
from pam_ros.faithfulness.randomisation import rank_correlation
from pam_ros.faithfulness.rows import agreement_of, rows_of

EPISODES = 3


@pytest.fixture
def rows(toy):
    def values(observation):
        return {"oracle": toy.one_hot(), "anti": -toy.one_hot()}

    pictures = mean_pictures([toy.smooth(seed, read=60) for seed in range(4)], toy.cells)
    moments = []
    for episode in range(EPISODES):
        probe = Probe(episode, 0, toy.smooth(episode))
        other = toy.smooth(episode + 1, read=60)
        by_word = replacements(REPLACEMENTS, toy.cells, pictures, other)
        moments.append(measure(probe, toy.chunks, values, toy.cells, by_word))
    return rows_of(moments, {}, {})


def test_an_oracle_has_all_of_it_after_the_first_step_whatever_replaces_cells(rows):
    by_name = {row.method: row for row in rows}
    best = 1 - FRACTIONS[1] / 2  # the curve's first point is none of a map's doing
    for word in REPLACEMENTS:
        score = {name: row.measures[score_of(word)].mean for name, row in by_name.items()}
        assert score["oracle"] == pytest.approx(best, abs=0.03), word
        assert score["anti"] < 0.45 < score["oracle"], word
        assert score["anti"] < score[RANDOM] < score["oracle"], word
    assert by_name["oracle"].above_centre[SCORE_ALL].low > 0
    assert set(by_name["oracle"].above_centre) >= {*OWN_SCORES, SCORE_ALL, ROAD_SCORE}


def test_the_score_of_all_is_the_mean_of_the_four_and_leaves_road_out(rows):
    row = next(row for row in rows if row.method == RANDOM)
    four = [row.measures[score].mean for score in OWN_SCORES]
    assert row.measures[SCORE_ALL].mean == pytest.approx(np.mean(four))


def test_the_order_of_the_methods_agrees_with_roads(rows):
    found = agreement_of(rows)
    assert set(found) == {*OWN_SCORES, SCORE_ALL}
    assert found[SCORE].mean == pytest.approx(1.0, abs=0.21)  # four methods: one swap at most
    assert agreement_of([row for row in rows if row.method == RANDOM]) == {}


def test_agreement_is_by_rank_alone(rows):
    def scored(method, ours, road):
        known = next(row for row in rows if row.method == RANDOM)
        values = {SCORE: (ours,) * EPISODES, ROAD_SCORE: (road,) * EPISODES}
        measures = {name: known.measures[name] for name in values}
        return replace(known, method=method, measures=measures, episodes=values)

    # Ranks 1 2 3 against 1 3 2: 1 - 6 * 2 / (3 * 8).
    three = [scored("a", 0.1, 0.2), scored("b", 0.2, 0.9), scored(CENTRE, 0.3, 0.8)]
    assert agreement_of(three)[SCORE].mean == pytest.approx(0.5)
    # Ranks 1.5 1.5 3 against 1 2 3, as by rank_correlation.
    tied = [scored("a", 0.1, 0.2), scored("b", 0.1, 0.3), scored(CENTRE, 0.3, 0.8)]
    expected = rank_correlation(np.array([0.1, 0.1, 0.3]), np.array([0.2, 0.3, 0.8]))
    assert agreement_of(tied)[SCORE].mean == pytest.approx(expected)


def test_patches_come_from_the_other_episode_at_the_same_place(toy):
    here, there = toy.observation(0), toy.observation(1)
    found = replacements(("patches",), toy.cells, {}, there)["patches"]
    taken = np.zeros(toy.cells.size, bool)
    taken[toy.read] = True
    mixed = found.some(here, found(here), taken)
    chosen = toy.mask()["front"]
    assert np.array_equal(mixed["front"][chosen], there["front"][chosen])
    assert np.array_equal(mixed["front"][~chosen], here["front"][~chosen])
    assert np.array_equal(mixed["wrist"], here["wrist"])
