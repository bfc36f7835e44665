# SPDX-License-Identifier: Apache-2.0
"""Moments of episodes, with what of the past and the future a measurement needs beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.observations.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from pam_ros.observations.source import Frame, RecordedSource

    Observation = Mapping[str, NDArray[Any]]
    History = tuple[Observation, ...]


@dataclass(frozen=True, eq=False)
class Moment:
    """One frame that is looked at.

    Attributes:
        episode: its episode's number.
        frame: its number in the episode.
        history: the observations that a pass reads, the oldest first, its own the last; fewer than
            the policy's where the episode has just begun.
        following: the same one frame later; None at an episode's end.
        first: the episode's first observation; None if this is the first.
        task: what the robot was told; empty where nothing says.
    """

    episode: int
    frame: int
    history: History
    following: History | None
    first: Observation | None
    task: str = ""

    @property
    def place(self) -> tuple[int, int]:
        """Episode and frame."""
        return self.episode, self.frame

    @property
    def observation(self) -> Observation:
        """Its own."""
        return self.history[-1]


def spread_out(length: int, count: int) -> list[int]:
    """`count` frames of an episode or fewer, evenly spread, rising.

    Neither the first, which is what frozen inputs are frozen at, nor the last, which none follows;
    where an episode is too short for that, those that are left.
    """
    inner = range(1, length - 1) or range(max(length - 1, min(length, 1)))
    count = min(count, len(inner))
    return [inner[(2 * place + 1) * len(inner) // (2 * count)] for place in range(count)]


def moments_of(
    frames: Iterable[Frame], wanted: Mapping[int, Sequence[int]], past: int
) -> list[Moment]:
    """The moments at these frames.

    Args:
        frames: at least those that `needed` names, episode after episode, each in order.
        wanted: frames by episode.
        past: observations that a pass reads.

    Raises:
        SourceError: one of them does not come.
    """
    found: list[Moment] = []
    # Without the source pictures, which may be large.
    have = {(one.episode, one.frame): (one.observation, one.task) for one in frames}
    for episode, numbers in wanted.items():
        for number in numbers:
            if (episode, number) not in have:
                raise SourceError(f"frame {number} of episode {episode} is not there any more")
            found.append(_moment(have, episode, number, past))
    return found


def needed(
    wanted: Mapping[int, Sequence[int]], lengths: Mapping[int, int], past: int
) -> set[tuple[int, int]]:
    """Episode and frame of all frames that moments at these places need."""
    places = set()
    for episode, numbers in wanted.items():
        for number in numbers:
            last = min(number + 1, lengths[episode] - 1)
            places |= {(episode, n) for n in range(max(0, number - past + 1), last + 1)}
            places.add((episode, 0))
    return places


def recorded_moments(
    source: RecordedSource, first: int, episodes: int, frames: int, past: int
) -> list[Moment]:
    """Moments of a recording, spread over its episodes.

    Args:
        source: what was recorded.
        first: number of the first episode.
        episodes: how many, at most.
        frames: how many moments of all of them together, about; at least one of each.
        past: observations that a pass reads.

    Raises:
        SourceError: there is no episode of that number or no frame in any, or one cannot be read.
    """
    lengths = source.lengths()
    chosen = [number for number in sorted(lengths) if number >= first][:episodes]
    if not chosen:
        raise SourceError(
            f"{source.dataset}: it has {len(lengths)} episodes, and none from number {first} on"
        )
    whole = [number for number in chosen if lengths[number]]
    if not whole:
        # A bag without a tick has a reason, which reading it tells.
        for _ in source.frames(None):
            break
        raise SourceError(f"{source.dataset}: there is no frame in it")
    each = -(-frames // len(whole))
    wanted = {number: spread_out(lengths[number], each) for number in whole}
    return moments_of(source.chosen(needed(wanted, lengths, past)), wanted, past)


def others(moments: Sequence[Moment], seed: int = 0) -> list[Moment | None]:
    """For each moment another one, whose inputs stand in for its own; None if there is only one.

    One of another episode, drawn by chance; of a single episode the one half of it away, since
    neighbours resemble each other.
    """
    rng = np.random.default_rng(seed)
    episodes = {moment.episode for moment in moments}
    found: list[Moment | None] = []
    for place, moment in enumerate(moments):
        if len(episodes) > 1:
            strangers = [one for one in moments if one.episode != moment.episode]
            found.append(strangers[int(rng.integers(len(strangers)))])
        elif len(moments) > 1:
            found.append(moments[(place + len(moments) // 2) % len(moments)])
        else:
            found.append(None)
    return found


def _moment(
    have: Mapping[tuple[int, int], tuple[Observation, str]], episode: int, number: int, past: int
) -> Moment:
    def history(last: int) -> History:
        numbers = range(max(0, last - past + 1), last + 1)
        return tuple(have[episode, n][0] for n in numbers if (episode, n) in have)

    return Moment(
        episode=episode,
        frame=number,
        history=history(number),
        following=history(number + 1) if (episode, number + 1) in have else None,
        first=have[episode, 0][0] if number and (episode, 0) in have else None,
        task=have[episode, number][1],
    )
