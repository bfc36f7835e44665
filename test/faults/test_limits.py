# SPDX-License-Identifier: Apache-2.0
"""The suite's own judge of commands, which must not believe the node."""

import math
from dataclasses import replace

import pytest

from .limits import Limits
from .witness import Command

LIMITS = Limits({"pan": (-1.0, 1.0), "lift": (-1.0, 1.0)}, 0.1, 0.5, 0.1)


def command(pan, lift=0.0, stamp=0.0, names=("pan", "lift")):
    return Command(stamp, stamp, names, (pan, lift))


def test_commands_within_all_limits_are_no_breach():
    steady = [command(0.05 * place, stamp=0.1 * place) for place in range(8)]
    assert LIMITS.breaches(steady) == []


@pytest.mark.parametrize("value", [1.01, -1.01, math.nan, math.inf])
def test_a_position_outside_or_no_number_is_a_breach(value):
    (breach,) = LIMITS.breaches([command(value)])
    assert "pan commanded to" in breach


def test_a_step_that_is_too_long_is_a_breach_however_long_the_pause():
    (breach,) = LIMITS.breaches([command(0.0), command(0.2, stamp=60.0)])
    assert "pan moved by 0.2000" in breach


def test_a_flood_of_small_steps_breaks_the_speed():
    quick = [command(0.02 * place, stamp=0.01 * place) for place in range(9)]
    assert any("pan moved by 0.1600 rad within 80 ms" in text for text in LIMITS.breaches(quick))


def test_a_command_that_is_sent_late_is_no_breach():
    late = [command(0.0), command(0.05, stamp=0.18), command(0.1, stamp=0.2)]
    assert LIMITS.breaches(late) == []


def test_the_command_before_the_first_one_counts():
    assert LIMITS.breaches([command(0.5, stamp=0.1)], command(0.0))


def test_other_joints_are_a_breach():
    (breach,) = LIMITS.breaches([command(0.0, names=("pan", "lyft"))])
    assert "a command names pan, lyft" in breach


def test_a_clock_that_was_reset_says_nothing_of_the_speed():
    assert LIMITS.breaches([command(0.0, stamp=50.0), command(0.1, stamp=10.0)]) == []


def test_a_clock_that_was_set_back_a_little_says_nothing_of_the_speed():
    """Three seconds later the stamps are what they were when it was set."""
    places = ((10.0, 50.0, 0.0), (11.5, 48.5, 0.1), (13.0, 50.0, 0.2))
    commands = [Command(at, stamp, ("pan", "lift"), (pan, 0.0)) for at, stamp, pan in places]
    assert LIMITS.breaches(commands) == []
    soon = [replace(command, at=10.0) for command in commands]
    assert any("pan moved by 0.2000 rad within 0 ms" in text for text in LIMITS.breaches(soon))
