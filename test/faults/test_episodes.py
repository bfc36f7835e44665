# SPDX-License-Identifier: Apache-2.0
"""Where episodes change, whatever order their maps come in."""

from .episodes import Episodes


def changes(*maps):
    episodes = Episodes(0.1, 0.0)
    for episode, stamp, now in maps:
        episodes.take_map(episode, stamp, now)
    return [end for _, end in episodes.between]


def test_an_episode_begins_with_its_first_map():
    assert changes((0, 10, 1.0), (0, 20, 2.0), (1, 30, 3.0), (1, 40, 4.0)) == [1.0, 3.0]


def test_a_late_map_of_the_episode_before_changes_nothing():
    assert changes((0, 10, 1.0), (1, 30, 3.0), (0, 20, 3.1), (1, 40, 4.0)) == [1.0, 3.0]


def test_a_node_that_was_started_again_begins_an_episode():
    assert changes((0, 10, 1.0), (3, 30, 3.0), (0, 50, 5.0), (0, 60, 6.0)) == [1.0, 3.0, 5.0]


def test_the_newest_stamp_is_that_of_the_newest_observation():
    episodes = Episodes(0.1, 0.0)
    assert episodes.newest_s < 0
    for stamp_ns in (2_000_000_000, 3_000_000_000, 2_500_000_000):
        episodes.take_map(0, stamp_ns, 9.0)
    assert episodes.newest_s == 3.0


def test_what_lies_between_begins_with_the_result():
    episodes = Episodes(0.1, 0.0)
    episodes.take_map(0, 10, 1.0)
    episodes.take_result(7.0)
    episodes.take_map(1, 80, 8.0)
    assert episodes.between == [(0.0, 1.0), (7.0, 8.0)]
