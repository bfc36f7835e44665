# SPDX-License-Identifier: Apache-2.0
"""Which frames of a recording are looked at, and what comes with them."""

import numpy as np
import pytest

from pam_ros.ablation.moments import others, recorded_moments, spread_out
from pam_ros.observations.errors import SourceError
from pam_ros.observations.source import Frame


class Recorded:
    """Episodes of some frames, which say where they are from."""

    dataset = "recorded"
    contract = None

    def __init__(self, *lengths):
        self._lengths = dict(enumerate(lengths))

    def lengths(self):
        return self._lengths

    def frames(self, after):
        return iter(())

    def chosen(self, places):
        for episode, frame in sorted(places):
            yield Frame(episode, frame, {"where": np.array([episode, frame])}, task=f"t{episode}")


def where(observation):
    return observation["where"].tolist()


def test_frames_are_spread_evenly_between_the_first_and_the_last():
    assert spread_out(12, 5) == [2, 4, 6, 8, 10]
    assert spread_out(100, 1) == [50]
    assert spread_out(5, 10) == [1, 2, 3]


def test_of_a_short_episode_what_there_is():
    assert spread_out(2, 3) == [0]
    assert spread_out(1, 3) == [0]
    assert spread_out(0, 3) == []


def test_a_moment_has_its_past_what_follows_and_the_first():
    moments = recorded_moments(Recorded(3, 5), 0, 9, 2, past=3)
    assert [moment.place for moment in moments] == [(0, 1), (1, 2)]
    late = moments[1]
    assert [where(one) for one in late.history] == [[1, 0], [1, 1], [1, 2]]
    assert [where(one) for one in late.following] == [[1, 1], [1, 2], [1, 3]]
    assert where(late.first) == [1, 0]
    assert late.task == "t1"
    # An episode that has just begun has less of a past.
    assert [where(one) for one in moments[0].history] == [[0, 0], [0, 1]]


def test_the_only_frame_of_an_episode_has_neither():
    (moment,) = recorded_moments(Recorded(1), 0, 1, 5, past=1)
    assert moment.first is None
    assert moment.following is None


def test_episodes_begin_where_asked_and_are_no_more_than_asked():
    moments = recorded_moments(Recorded(5, 5, 5, 5), 1, 2, 4, past=1)
    assert sorted({moment.episode for moment in moments}) == [1, 2]
    assert len(moments) == 4
    with pytest.raises(SourceError, match="it has 4 episodes, and none from number 4 on"):
        recorded_moments(Recorded(5, 5, 5, 5), 4, 2, 4, past=1)


def test_empty_episodes_are_passed_over_unless_all_are():
    moments = recorded_moments(Recorded(0, 3), 0, 9, 1, past=1)
    assert [moment.place for moment in moments] == [(1, 1)]
    with pytest.raises(SourceError, match="recorded: there is no frame in it"):
        recorded_moments(Recorded(0), 0, 9, 1, past=1)


def test_another_frame_is_of_another_episode_if_there_is_one():
    moments = recorded_moments(Recorded(9, 9, 9), 0, 9, 12, past=1)
    found = others(moments)
    assert all(one.episode != moment.episode for one, moment in zip(found, moments, strict=True))
    assert [one.place for one in found] == [one.place for one in others(moments)]


def test_of_one_episode_it_is_half_of_it_away_and_of_one_frame_there_is_none():
    moments = recorded_moments(Recorded(20), 0, 1, 8, past=1)
    found = [one.frame - moment.frame for one, moment in zip(others(moments), moments, strict=True)]
    assert min(map(abs, found)) >= 8
    assert others(moments[:1]) == [None]
