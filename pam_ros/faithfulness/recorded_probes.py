# SPDX-License-Identifier: Apache-2.0
"""Moments of recorded episodes, for a policy that the simulator does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pam_ros.faithfulness.probe import Probe
from pam_ros.observations.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pam_ros.observations.source import RecordedSource

MOMENTS = (25, 50)
"""Percent of an episode's frames."""


def recorded_probes(source: RecordedSource, first: int, episodes: int) -> Iterator[Probe]:
    """Two probes of each of `episodes` episodes, from number `first` on.

    Raises:
        SourceError: the source has too few episodes, an episode has no frame, or one cannot be
            read.
    """
    lengths = source.lengths()
    wanted = range(first, first + episodes)
    if not set(wanted) <= set(lengths):
        raise SourceError(
            f"{source.dataset}: it has {len(lengths)} episodes: {episodes} from number {first} on "
            "are too many"
        )
    empty = [episode for episode in wanted if not lengths[episode]]
    if empty:
        raise SourceError(f"{source.dataset}: episode {empty[0]} has no frame")
    # Both moments of an episode of one frame are that frame.
    moments: dict[tuple[int, int], list[int]] = {}
    for episode in wanted:
        for percent in MOMENTS:
            place = episode, lengths[episode] * percent // 100
            moments.setdefault(place, []).append(percent)
    for frame in source.chosen(moments):
        for percent in moments[frame.episode, frame.frame]:
            yield Probe(frame.episode, percent, frame.observation, task=frame.task)
