# SPDX-License-Identifier: Apache-2.0
"""What all sources of observations have in common: the simulator, a data set, bags.

Every source gives the same frames whenever it is asked, so that a stopped collection goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from pam_ros.robot.contract import Contract
    from pam_ros.robot.observation import Observation
    from pam_ros.robot.sync import MessageSet


@dataclass(frozen=True, eq=False)
class Frame:
    """One tick.

    Attributes:
        episode: its episode's number.
        frame: its number in the episode, from 0.
        observation: what the policy reads, by its names of the features: pictures (H, W, 3) uint8
            RGB of its sizes, vectors float32.
        tokens: (T, D) of the pass that the source made anyway; None where it made none.
        stamp_ns: of its newest part [ns]; in the simulator and a data set, since the episode began.
        task: what the robot was told; empty where nothing says.
        whole: the observation with the whole source pictures and the policy's regions in them; None
            where there is nothing but the observation.
        messages: that it was made of; None where there were none.
    """

    episode: int
    frame: int
    observation: Mapping[str, NDArray[Any]]
    tokens: NDArray[np.float32] | None = None
    stamp_ns: int = 0
    task: str = ""
    whole: Observation | None = None
    messages: MessageSet | None = None


class Source(Protocol):
    """Episodes in a fixed order; `dataset` says in words what they are."""

    @property
    def dataset(self) -> str:
        """For the provenance."""
        ...

    def frames(self, after: tuple[int, int] | None) -> Iterator[Frame]:
        """The frames after (episode, frame), or all.

        Raises:
            SourceError: the source cannot be read, or has no such episode.
        """
        ...


class RecordedSource(Source, Protocol):
    """Episodes that are over: one can know how long they are, and pick moments of them."""

    @property
    def contract(self) -> Contract:
        """By which they are read, bound to the policy; of several bags the first one's."""
        ...

    def lengths(self) -> Mapping[int, int]:
        """Frames of each episode, by its number; it may read all of them.

        Raises:
            SourceError: the source cannot be read.
        """
        ...

    def chosen(self, places: Collection[tuple[int, int]]) -> Iterator[Frame]:
        """The frames at these (episode, frame), in the source's order.

        Raises:
            SourceError: the source cannot be read.
        """
        ...
