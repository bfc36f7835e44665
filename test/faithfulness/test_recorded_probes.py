# SPDX-License-Identifier: Apache-2.0
"""Moments of recorded episodes, whatever they were recorded as."""

import numpy as np
import pytest

from pam_ros.faithfulness.recorded_probes import recorded_probes
from pam_ros.observations.errors import SourceError
from pam_ros.observations.source import Frame


class Recorded:
    """Episodes of some frames, which say where they are from."""

    dataset = "recorded"

    def __init__(self, *lengths):
        self._lengths = dict(enumerate(lengths))

    def lengths(self):
        return self._lengths

    def chosen(self, places):
        for episode, frame in sorted(places):
            yield Frame(episode, frame, {"where": np.array([episode, frame])})


def found(source, first, episodes):
    return [
        (probe.episode, probe.moment, probe.observation["where"].tolist())
        for probe in recorded_probes(source, first, episodes)
    ]


def test_each_episode_is_looked_at_after_a_quarter_and_half_of_it():
    assert found(Recorded(9, 40, 100), 1, 2) == [
        (1, 25, [1, 10]), (1, 50, [1, 20]), (2, 25, [2, 25]), (2, 50, [2, 50]),
    ]  # fmt: skip


def test_an_episode_of_one_frame_has_its_two_moments_too():
    assert found(Recorded(1), 0, 1) == [(0, 25, [0, 0]), (0, 50, [0, 0])]


def test_episodes_that_are_not_there_or_have_no_frame_are_told():
    with pytest.raises(SourceError, match="it has 3 episodes: 2 from number 2 on are too many"):
        found(Recorded(1, 2, 3), 2, 2)
    with pytest.raises(SourceError, match="recorded: episode 1 has no frame"):
        found(Recorded(4, 0), 0, 2)
