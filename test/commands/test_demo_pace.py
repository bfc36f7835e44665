# SPDX-License-Identifier: Apache-2.0
"""Another method where a machine has no time for contributions beside the commands."""

import pytest

from pam_ros.commands.demo_pace import JUDGED_AFTER_S, Pace


@pytest.fixture
def pace():
    told = []
    made = Pace(told.append, told.append)
    made.told = told
    return made


def test_few_maps_are_replaced_once_and_it_is_said(pace):
    pace.look(JUDGED_AFTER_S / 2, 30, 0)
    assert pace.told == []
    pace.look(JUDGED_AFTER_S, 0, 0)
    assert pace.told == []
    pace.look(JUDGED_AFTER_S + 1, 40, 9)
    line, method = pace.told
    assert "--method contribution keeps them" in line
    assert method == "rollout"
    pace.look(JUDGED_AFTER_S + 2, 50, 0)
    assert len(pace.told) == 2


def test_enough_maps_are_left_alone(pace):
    pace.look(JUDGED_AFTER_S, 40, 10)
    pace.look(JUDGED_AFTER_S + 1, 50, 0)
    assert pace.told == []


def test_a_machine_that_gets_other_work_later_is_seen_too(pace):
    pace.look(JUDGED_AFTER_S, 40, 40)
    pace.look(2 * JUDGED_AFTER_S, 80, 50)
    assert pace.told == []
    pace.look(3 * JUDGED_AFTER_S, 120, 59)
    assert pace.told[1:] == ["rollout"]
