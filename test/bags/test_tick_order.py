# SPDX-License-Identifier: Apache-2.0
"""Messages that came late are put where their tick belongs; a node that began anew is not late."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pam_ros.bags.tick_order import LATEST_NS, Arrived, in_tick_order

PERIOD = 100_000_000


def arrived(*ticks: int, start: int = 0, begin_ns: int = 0) -> list[Arrived]:
    """These ticks, one each period from reception `start` on; stamps by their numbers."""
    return [
        Arrived(tick, begin_ns + tick * PERIOD, begin_ns + (start + place) * PERIOD + 5)
        for place, tick in enumerate(ticks)
    ]


def order(messages: list[Arrived]) -> list[int]:
    return [messages[placed.place].tick for placed in in_tick_order(messages)]


def test_what_is_in_order_stays_as_it_is():
    messages = arrived(3, 4, 5, 9)
    assert in_tick_order(messages) == [(k, one.received_ns) for k, one in enumerate(messages)]
    assert in_tick_order([]) == []


def test_a_late_one_is_put_in_its_place_and_had_run_before_what_came_before_it():
    messages = arrived(0, 2, 3, 1, 4)
    assert order(messages) == [0, 1, 2, 3, 4]
    received = [placed.ran_by_ns for placed in in_tick_order(messages)]
    assert received == [5, PERIOD + 5, PERIOD + 5, 2 * PERIOD + 5, 4 * PERIOD + 5]


def test_the_first_of_a_recording_may_be_late():
    assert order(arrived(8, 7, 9)) == [7, 8, 9]


def test_a_node_that_began_anew_comes_after_all_before():
    later = [one._replace(stamp_ns=one.stamp_ns + 10**12) for one in arrived(0, 2, 1, 3, start=5)]
    messages = arrived(5, 7, 8, 6) + later
    assert order(messages) == [5, 6, 7, 8, 0, 1, 2, 3]


def test_a_simulation_that_begins_anew_repeats_numbers_or_goes_far_back():
    assert order(arrived(0, 1, 2, 3) + arrived(0, 1, 3, 2, start=9)) == [0, 1, 2, 3, 0, 1, 2, 3]
    far = arrived(5, 6, begin_ns=2 * LATEST_NS) + arrived(0, 1, start=3)
    assert order(far) == [5, 6, 0, 1]


def test_a_clock_that_is_set_back_while_ticks_go_on_changes_nothing():
    messages = [Arrived(k, (k % 5) * PERIOD, k * PERIOD) for k in range(10)]
    assert order(messages) == list(range(10))


@given(st.permutations(range(12)))
def test_any_order_within_a_run_is_undone(ticks):
    messages = arrived(*ticks)
    placed = in_tick_order(messages)
    assert [messages[one.place].tick for one in placed] == list(range(12))
    received = [one.ran_by_ns for one in placed]
    assert received == sorted(received)
    assert all(one.ran_by_ns <= messages[one.place].received_ns for one in placed)
