# SPDX-License-Identifier: Apache-2.0
"""A distractor taken away must change nothing for a policy that ignores it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pam_ros.faithfulness.measure import CENTRE, RANDOM, measure
from pam_ros.faithfulness.objects import changed, heat
from pam_ros.faithfulness.perturbation import replacements
from pam_ros.faithfulness.rows import facts_of, rows_of

DISTRACTOR = 27
"""A cell of the other camera, which the policy does not read."""


def measured(toy, distractor, values):
    probe = toy.probe()
    gone = np.zeros(toy.cells.size, bool)
    gone[distractor] = True
    black = toy.black(probe.observation)
    undistracted = toy.cells.mix(probe.observation, black, gone)
    probe = replace(probe, undistracted=undistracted)
    by_word = replacements(("blur",), toy.cells, {})
    return measure(probe, toy.chunks, values, toy.cells, by_word)


def test_a_distractor_that_the_policy_ignores_changes_nothing(toy):
    moment = measured(toy, DISTRACTOR, lambda _: {"oracle": toy.one_hot()})
    assert moment.facts["distractor_change"] == (0.0, 1.0)
    assert moment.facts["cube_change"][0] > 0.1
    facts = facts_of([moment])
    assert facts["distractor_share"].mean == 0.0
    assert facts["cube_change"].mean == moment.facts["cube_change"][0]


def test_one_that_it_reads_is_seen_to_matter(toy):
    moment = measured(toy, toy.read, lambda _: {"oracle": toy.one_hot()})
    assert facts_of([moment])["distractor_share"].mean == pytest.approx(1.0)


def test_heat_is_by_how_much_it_exceeds_that_of_any_cells(toy):
    def values(_):
        even = np.ones(toy.cells.size)
        half = even.copy()
        half[DISTRACTOR] = 0.5
        return {"oracle": toy.one_hot(), "even": even, "half": half}

    moment = measured(toy, DISTRACTOR, values)
    rows = {row.method: row for row in rows_of([moment], {}, {})}
    on_cube = {name: rows[name].measures["heat_cube"].mean for name in ("oracle", "even")}
    # One of 40 cells is the cube's.
    assert on_cube == {"oracle": pytest.approx(40.0), "even": pytest.approx(1.0)}
    on_distractor = {
        name: rows[name].measures["heat_distractor"].mean for name in ("oracle", "even", "half")
    }
    assert on_distractor == {
        "oracle": 0.0, "even": pytest.approx(1.0), "half": pytest.approx(0.5 * 40 / 39.5),
    }  # fmt: skip
    for name in (RANDOM, CENTRE):
        assert not {"heat_cube", "heat_distractor"} & set(rows[name].measures)


def test_what_no_camera_sees_has_no_heat(toy):
    probe = toy.probe()
    unchanged = replace(probe, undistracted=probe.observation)
    by_word = replacements(("blur",), toy.cells, {})
    moment = measure(unchanged, toy.chunks, lambda _: {"oracle": toy.one_hot()}, toy.cells, by_word)
    assert "heat_distractor" not in moment.pairs["oracle"]
    assert not changed(toy.cells, probe.observation, probe.observation).any()


def test_a_map_without_heat_has_no_share():
    there = np.array([True, False])
    assert heat(np.zeros(2), there) == (0.0, 0.0)
    assert heat(np.array([3.0, 1.0]), there) == (3.0, 2.0)
