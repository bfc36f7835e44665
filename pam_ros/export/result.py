# SPDX-License-Identifier: Apache-2.0
"""What an export did, of one recording and of all of them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class ExportedEpisode:
    """One episode of a recording.

    Attributes:
        folder: name of its part in the recording's work folder.
        frames: how many it has.
        task: its text.
        start_ns, end_ns: the newest stamps of its first and its last observation [ns].
    """

    folder: str
    frames: int
    task: str
    start_ns: int
    end_ns: int


@dataclass(frozen=True)
class BagReport:
    """One recording. counts: what was not used, by cause. notes: one sentence for each loss."""

    bag: str
    episodes: tuple[ExportedEpisode, ...]
    counts: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def frames(self) -> int:
        """Of all its episodes."""
        return sum(episode.frames for episode in self.episodes)


@dataclass(frozen=True)
class BagCheck:
    """What reading the dataset gave, compared with the recording once more.

    Attributes:
        frames: whose stamps, states and actions are equal to the bit.
        psnr_db: of each picture that was compared [dB]; inf if it is equal to the bit.
    """

    frames: int
    psnr_db: tuple[float, ...]
