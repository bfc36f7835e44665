# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from pam_ros.faithfulness.cost import Costs
from pam_ros.faithfulness.curves import FRACTIONS
from pam_ros.faithfulness.perturbation import OWN
from pam_ros.faithfulness.plan import (
    MOMENT_SECONDS,
    PLANS,
    Plan,
    Progress,
    choose,
    passes,
    seconds,
    spoken,
)

LOAD = {"orders": 13, "swaps": 1, "maps": 1}


def costs(pass_seconds):
    return Costs(pass_seconds, pass_seconds, {"rollout": 1.1, "integrated_gradients": 40.0})


def test_passes_are_counted_as_the_measure_makes_them(toy):
    from pam_ros.faithfulness.measure import measure
    from pam_ros.faithfulness.perturbation import replacements

    counted = 0

    def chunks(observations):
        nonlocal counted
        results = toy.chunks(observations)
        counted += len(results)
        return results

    by_word = replacements(("blur", "inpaint"), toy.cells, {})
    measure(toy.probe(), chunks, lambda _: {"oracle": toy.one_hot()}, toy.cells, by_word)
    # The oracle, the centre, the cube itself and two random draws; the cube's removal.
    assert counted == passes(Plan(("blur", "inpaint")), orders=5, swaps=1)


def test_a_quick_policy_is_measured_with_all_of_them():
    assert choose(costs(0.02), **LOAD) == Plan(OWN, FRACTIONS)


def test_a_slower_one_with_as_much_as_fits_into_ten_minutes_of_twenty_moments():
    for pass_seconds in (0.02, 0.05, 0.1, 0.15):
        plan = choose(costs(pass_seconds), **LOAD)
        assert 20 * seconds(plan, costs(pass_seconds), **LOAD) <= 600
    assert choose(costs(0.1), **LOAD).replace == OWN[:1]


def test_the_slowest_gets_the_least():
    assert choose(costs(60.0), **LOAD) == PLANS[-1]
    assert seconds(PLANS[-1], costs(60.0), **LOAD) > MOMENT_SECONDS


def test_plans_ask_for_less_and_less():
    each = [passes(plan, 13, 1) for plan in PLANS]
    assert each == sorted(each, reverse=True)


@pytest.mark.parametrize(
    ("duration", "said"),
    [(0.4, "0 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
)
def test_durations_are_spoken(duration, said):
    assert spoken(duration) == said


def test_progress_says_what_is_done_and_what_is_left():
    progress = Progress(total=20, done=5, expected=10.0)
    assert progress.line(5, 0.0) == "5 of 20 moments, about 2 min 30 s left"
    # This run did two in 40 s; what an earlier run did says nothing about this machine.
    assert progress.line(7, 40.0) == "7 of 20 moments, about 4 min 20 s left"
    assert progress.line(20, 300.0) == "20 of 20 moments"
