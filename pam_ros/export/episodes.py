# SPDX-License-Identifier: Apache-2.0
"""A recording's frames by episode, the same whenever they are asked for."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pam_ros.export.features import picture_sizes, same_sizes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pam_ros.export.frames import BagFrames, Frame

LEAST = 2
"""Frames of an episode: of one alone lerobot makes no statistics."""


@dataclass(frozen=True, eq=False)
class Episode:
    """One episode. frames: all of it, to be read before the next one is asked for."""

    number: int
    first: Frame
    frames: Iterator[Frame]


def episodes(source: BagFrames) -> Iterator[Episode]:
    """The episodes of a recording; what is left out is added to its counts.

    Raises:
        ExportError: as BagFrames.frames.
    """
    number = 0
    for _, group in itertools.groupby(source.frames(), key=lambda frame: frame.episode):
        first = list(itertools.islice(group, LEAST))
        if len(first) < LEAST:
            source.counts["too_short"] += 1
            continue
        rest = itertools.chain(first, group)  # noqa: B031  (goes on where `first` ended)
        frames = _of_one_size(source, rest, first[0])
        yield Episode(number, first[0], frames)
        number += 1


def _of_one_size(source: BagFrames, frames: Iterable[Frame], first: Frame) -> Iterator[Frame]:
    """A camera that changes its size within a recording: what differs is left out."""
    sizes = picture_sizes(source.contract, first)
    for frame in frames:
        if same_sizes(sizes, picture_sizes(source.contract, frame)) is None:
            yield frame
        else:
            source.counts["other_size"] += 1
