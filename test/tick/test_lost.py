# SPDX-License-Identifier: Apache-2.0
"""Ticks are lost where their numbers are left out, and not where they come late."""

import pytest

from pam_ros.tick.lost import LostTicks


def totals(*ticks: int, late_stamps: bool = True) -> list[int]:
    lost, found = LostTicks(), []
    for place, tick in enumerate(ticks):
        lost.note(tick, tick if late_stamps else place)
        found.append(lost.total)
    return found


@pytest.mark.parametrize(
    ("ticks", "expected"),
    [
        ((10, 11, 15, 16), [0, 0, 3, 3]),
        ((5, 7, 6, 8), [0, 1, 0, 0]),
        ((5, 9, 7, 10), [0, 3, 2, 2]),
        ((5, 6, 5, 7), [0, 0, 0, 1]),  # once more is no tick that was missing
        ((0, 3, 2, 1, 4), [0, 2, 1, 0, 0]),
        # Whoever began to listen while a pass was under way: its tick is from before.
        ((12, 10, 13, 14), [0, 0, 0, 0]),
        ((12, 10, 13, 11, 15, 14), [0, 0, 0, 0, 1, 0]),
        # Time went back with the policy, as in a simulation: known by the second tick.
        ((12, 13, 0, 1, 3), [0, 0, 0, 0, 1]),
        ((12, 13, 0, 2, 3), [0, 0, 0, 1, 1]),
        ((12, 13, 0, 14, 16, 2, 15), [0, 0, 0, 0, 1, 1, 0]),
    ],
)
def test_a_tick_that_comes_late_is_taken_off_again(ticks, expected):
    assert totals(*ticks) == expected


def test_a_policy_that_began_anew_is_not_late():
    lost = LostTicks()
    for tick in (0, 1, 4):
        lost.note(tick, tick)
    assert (lost.total, lost.late) == (2, False)
    # Number 2 is missing, but this one is of a newer observation.
    assert lost.note(2, 100) == 0
    assert (lost.total, lost.late) == (2, False)
    assert lost.note(4, 102) == 1
    assert lost.note(3, 101) == 0
    assert (lost.total, lost.late) == (2, True)


def test_a_huge_gap_is_counted_in_no_time():
    lost = LostTicks()
    lost.note(0)
    assert lost.note(2**60) == 2**60 - 1
    lost.note(2**60 - 1)
    assert lost.total == 2**60 - 2
