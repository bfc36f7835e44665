# SPDX-License-Identifier: Apache-2.0
"""The observations of rosbags, put together as the live node does: contract, synchroniser, images.

A bag has the episodes that the maps in it name, and is one episode if it has none. Bags may have
been recorded while time was simulated, so the time of a tick is that of the newest header stamp,
not that of recording. A set of messages that cannot be used is left out and counted, as the node
leaves it out. A bag without any is told, and the others are read.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import weakref
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from pam_ros.bags.errors import BagError
from pam_ros.observations.episodes import Episodes
from pam_ros.observations.errors import SourceError
from pam_ros.observations.observed_ticks import ObservedTicks
from pam_ros.observations.reading import Reading
from pam_ros.observations.recording import open_recording
from pam_ros.observations.source import Frame
from pam_ros.observations.told import Told
from pam_ros.robot.errors import MessageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from pam_ros.policy import Policy

_LOG = logging.getLogger(__name__)


class BagSource:
    """Camera and joint topics of some bags, raw or compressed; damaged ones as far as they go.

    Args:
        policy: that the contract must fit.
        bags: in the order of the episodes, which are numbered from 0 through all bags.
        reading: which topics feed the policy; a contract's name or path means it, and no more.
        episodes: how many, from the first; None for all.

    Raises:
        ContractError: the contract does not fit the policy.
        BagError: a bag cannot be read.
        SourceError: a bag lacks one of the contract's topics or has it of another type, or no
            shipped contract fits.
    """

    def __init__(
        self,
        policy: Policy,
        bags: Sequence[Path],
        reading: Reading | str,
        episodes: int | None = None,
    ) -> None:
        self._reading = Reading(contract=reading) if isinstance(reading, str) else reading
        self._policy = policy
        self._bags = list(bags)
        if not self._bags:
            raise SourceError("there is no bag to read")
        self._empty: dict[Path, str] = {}
        self._told: set[str] = set()
        # Copies of damaged bags; it goes with this source.
        self._work = Path(tempfile.mkdtemp(prefix="pam_ros_bags_"))
        weakref.finalize(self, shutil.rmtree, self._work, ignore_errors=True)
        contracts = []
        # Of each bag the number of its first episode, and of its last one.
        self._numbers: list[range] = []
        begin = 0
        for bag in self._bags:
            opened = open_recording(bag, policy, self._reading, self._copies(bag))
            try:
                count = Episodes(opened).count
            finally:
                opened.recording.close()
            contracts.append(opened.contract)
            end = begin + count if episodes is None else min(begin + count, max(episodes, begin))
            self._numbers.append(range(begin, end))
            begin += count
        self.contract = contracts[0]
        self._robots = ", ".join(dict.fromkeys(contract.robot for contract in contracts))

    @property
    def dataset(self) -> str:
        """For the provenance."""
        read = (bag.name for bag, own in zip(self._bags, self._numbers, strict=True) if own)
        return f"rosbags {', '.join(read)} ({self._robots})"

    def frames(self, after: tuple[int, int] | None) -> Iterator[Frame]:
        """See Source.

        Raises:
            SourceError: a bag cannot be read, or none of them gives a frame.
        """
        frames = 0
        for place, numbers in enumerate(self._numbers):
            if not numbers or (after is not None and numbers[-1] < after[0]):
                continue
            for frame in self._frames(place):
                frames += 1
                if after is None or (frame.episode, frame.frame) > after:
                    yield frame
        if not frames and self._empty:
            raise SourceError("; ".join(self._empty.values()))

    def lengths(self) -> Mapping[int, int]:
        """See RecordedSource; it reads all bags."""
        lengths = {number: 0 for numbers in self._numbers for number in numbers}
        for place, numbers in enumerate(self._numbers):
            for frame in self._frames(place) if numbers else ():
                lengths[frame.episode] += 1
        return lengths

    def chosen(self, places: Collection[tuple[int, int]]) -> Iterator[Frame]:
        """See RecordedSource."""
        wanted = {episode for episode, _ in places}
        for place, numbers in enumerate(self._numbers):
            for frame in self._frames(place) if wanted.intersection(numbers) else ():
                if (frame.episode, frame.frame) in places:
                    yield frame

    def _frames(self, place: int) -> Iterator[Frame]:
        """Of one bag, up to the last episode that is wanted."""
        bag, numbers = self._bags[place], self._numbers[place]
        opened = open_recording(bag, self._policy, self._reading, self._copies(bag))
        passing = ObservedTicks(
            opened, self._policy.spec.environment_dim, rate_hz=self._reading.rate_hz
        )
        told = Told(opened) if self._policy.spec.instruction else None
        episodes = Episodes(opened)
        lengths: Counter[int] = Counter()
        usable = unusable = 0
        reason = ""
        try:
            for tick in passing.ticks():
                episode = numbers.start + episodes.of(tick)
                if episode not in numbers:
                    break
                try:
                    messages, built = passing.observe(tick)
                except (MessageError, BagError) as error:
                    unusable, reason = unusable + 1, str(error)
                    continue
                yield Frame(
                    episode,
                    lengths[episode],
                    built.features,
                    stamp_ns=messages.stamp_ns,
                    task="" if told is None else told.at(tick),
                    whole=built,
                    messages=messages,
                )
                usable += 1
                lengths[episode] += 1
        finally:
            opened.recording.close()
        for note in [*opened.recording.notes, *passing.notes]:
            self._say(f"{bag}: {note}")
        if usable and unusable:
            self._say(f"{bag}: {unusable} sets of messages left out, such as: {reason}")
        elif not usable:
            why = f"none of {unusable} sets of messages can be used, such as: {reason}"
            self._empty[bag] = f"bag {bag} gives no frame: " + (
                why if unusable else passing.why_none()
            )
            self._say(self._empty[bag])

    def _copies(self, bag: Path) -> Path:
        return self._work / str(self._bags.index(bag))

    def _say(self, sentence: str) -> None:
        """Once, however often the bag is read."""
        if sentence not in self._told:
            self._told.add(sentence)
            _LOG.warning("%s", sentence)
