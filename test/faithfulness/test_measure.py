# SPDX-License-Identifier: Apache-2.0
"""The whole set of measurements, on the policy whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from pam_ros.faithfulness.columns import SCORE
from pam_ros.faithfulness.measure import CENTRE, CUBE, RANDOM, measure
from pam_ros.faithfulness.perturbation import mean_pictures, replacements
from pam_ros.faithfulness.rows import rows_of

EPISODES = 12


def blur(toy):
    return replacements(("blur",), toy.cells, {})


@pytest.fixture
def moments(toy):
    probes = [toy.probe(episode) for episode in range(EPISODES)]
    pictures = mean_pictures((probe.observation for probe in probes), toy.cells)

    def values(observation):
        return {"oracle": toy.one_hot(), "anti": -toy.one_hot(), "shy": toy.one_hot(READ_NEXT)}

    by_word = replacements(("blur", "mean"), toy.cells, pictures)
    return [measure(p, toy.chunks, values, toy.cells, by_word) for p in probes]


READ_NEXT = 8
"""The cell beside the one that is read."""


@pytest.fixture
def rows(moments):
    return {row.method: row for row in rows_of(moments, {}, {})}


def test_the_oracle_is_best_the_opposite_worst_and_random_in_between(rows):
    for measure_name in ("deletion_blur", "insertion_blur", "deletion_mean", "insertion_mean"):
        score = {name: rows[name].measures[measure_name].mean for name in rows}
        assert score["oracle"] == pytest.approx(0.975, abs=0.01)
        assert score["anti"] == pytest.approx(0.25, abs=0.01)
        assert score["anti"] + 0.05 < score[RANDOM] < score["oracle"] - 0.05
    assert rows["oracle"].beats_both
    assert not rows["anti"].beats_both


def test_swapping_in_the_read_cell_explains_the_whole_change(rows):
    assert rows["oracle"].measures["removed"].mean == pytest.approx(1.0)
    assert rows[CUBE].measures["removed"].mean == pytest.approx(1.0)
    assert rows["anti"].measures["removed"].mean == pytest.approx(0.0, abs=1e-6)
    assert "moved" not in rows["oracle"].measures


def test_pointing_counts_the_neighbour_and_gives_random_order_its_chance(rows):
    assert rows["oracle"].measures["pointing"].mean == 1.0
    assert rows["shy"].measures["pointing"].mean == 1.0
    # -one_hot has all other 39 cells tied at its top: 8 of them within a cell of the object.
    assert rows["anti"].measures["pointing"].mean == pytest.approx(8 / 39)
    assert rows[RANDOM].measures["pointing"].mean == pytest.approx(9 / 40)
    assert "pointing" not in rows[CUBE].measures


def test_the_score_is_the_mean_of_the_two_areas_under_blur(rows):
    for row in rows.values():
        parts = [row.measures[f"{kind}_blur"].mean for kind in ("deletion", "insertion")]
        assert row.measures[SCORE].mean == pytest.approx(np.mean(parts))


def test_differences_are_paired_by_episode(rows):
    score, other = (np.array(rows[name].episodes[SCORE]) for name in ("oracle", RANDOM))
    difference = rows["oracle"].above_random[SCORE]
    assert difference.mean == pytest.approx(np.mean(score - other))
    assert difference.episodes == EPISODES
    assert rows["oracle"].above_centre[SCORE].mean == pytest.approx(
        rows["oracle"].measures[SCORE].mean - rows[CENTRE].measures[SCORE].mean
    )


def test_the_same_seed_gives_the_same_figures(toy):
    def values(observation):
        return {"oracle": toy.one_hot()}

    first, again, other = (
        measure(toy.probe(3), toy.chunks, values, toy.cells, blur(toy), seed=seed)
        for seed in (0, 0, 1)
    )
    assert first.pairs == again.pairs
    assert first.pairs[RANDOM] != other.pairs[RANDOM]
    assert "deletion_mean" not in first.pairs["oracle"]


def test_a_moment_in_which_the_pictures_do_not_matter_weighs_nothing(toy):
    def values(observation):
        return {"oracle": toy.one_hot()}

    still = measure(toy.probe(0), lambda o: 0 * toy.chunks(o), values, toy.cells, blur(toy))
    (row,) = [r for r in rows_of([still], {}, {}) if r.method == "oracle"]
    assert SCORE not in row.measures
    alive = measure(toy.probe(1), toy.chunks, values, toy.cells, blur(toy))
    (row,) = [r for r in rows_of([still, alive], {}, {}) if r.method == "oracle"]
    assert row.measures[SCORE].episodes == 1


def test_a_methods_figures_do_not_depend_on_its_company(toy):
    def alone(observation):
        return {"oracle": toy.one_hot()}

    def crowd(observation):
        return {"shy": toy.one_hot(READ_NEXT), "oracle": toy.one_hot()}

    first, second = (
        measure(toy.probe(3), toy.chunks, values, toy.cells, blur(toy)) for values in (alone, crowd)
    )
    for name in ("oracle", RANDOM, CENTRE, CUBE):
        assert first.pairs[name] == second.pairs[name]


def test_baselines_can_be_left_to_an_earlier_report(toy):
    def values(observation):
        return {"oracle": toy.one_hot()}

    whole, part = (
        measure(toy.probe(3), toy.chunks, values, toy.cells, blur(toy), baselines=wanted)
        for wanted in (True, False)
    )
    assert list(part.pairs) == ["oracle"]
    assert part.pairs["oracle"] == whole.pairs["oracle"]
