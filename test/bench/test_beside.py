# SPDX-License-Identifier: Apache-2.0
"""What the benchmark of maps beside commands makes of what it hears."""

from __future__ import annotations

import numpy as np
import pytest

from bench.beside_robot import stretch_of

PERIOD = 0.1


def test_late_commands_are_told_apart_by_what_they_waited_for():
    # A chunk that took 0.25 s, then queued actions after 10 ms; the third one 20 ms late.
    maps = [(0.0, True, True), (0.3, False, False), (0.4, True, False), (0.5, False, False)]
    commands = [
        (-0.1, (1.0,)),
        (0.12, (1.0,)),  # held meanwhile
        (0.25, (2.0,)),
        (0.31, (3.0,)),
        (0.41, (4.0,)),
        (0.53, (5.0,)),
    ]
    found = stretch_of(maps[::-1], commands, 0.5, PERIOD)
    assert found.maps_per_s == pytest.approx(4.0)
    np.testing.assert_allclose(found.refill_s, [0.25])
    np.testing.assert_allclose(found.command_s, [0.01, 0.01, 0.03])
    np.testing.assert_allclose(found.jitter_s, [0.04, 0.0, 0.02], atol=1e-12)


def test_a_command_that_comes_after_the_next_observation_answers_one_tick():
    maps = [(0.0, False, False), (0.1, False, False), (0.2, False, False)]
    commands = [(-1.0, (1.0,)), (0.12, (2.0,)), (0.14, (3.0,)), (0.21, (4.0,))]
    found = stretch_of(maps, commands, 0.3, PERIOD)
    np.testing.assert_allclose(found.command_s, [0.12, 0.04, 0.01])


def test_ticks_that_no_command_answered_do_not_count():
    found = stretch_of([(0.0, True, False), (0.1, True, False)], [(0.0, (1.0,))], 1.0, PERIOD)
    assert len(found.command_s) == len(found.jitter_s) == 0
