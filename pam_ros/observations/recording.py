# SPDX-License-Identifier: Apache-2.0
"""What bags and data sets have in common once they are open: messages on topics, as recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pam_ros.observations.dataset_messages import DatasetMessages
from pam_ros.observations.find import is_dataset
from pam_ros.observations.recorded_bag import RecordedBag
from pam_ros.observations.topics import resolve_contract

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from pam_ros.bags.reader import BagMessage, BagTopic
    from pam_ros.observations.reading import Reading
    from pam_ros.observations.recorded_tick import RecordedTick
    from pam_ros.policy.interface import Policy
    from pam_ros.robot.contract import Contract


class Recording(Protocol):
    """An open recording. `notes`: one sentence for each loss. Times are of reception [ns].

    readable: the topics that messages() takes by name: also those of raw pictures that are stored
    compressed.
    """

    path: Path
    notes: list[str]
    topics: dict[str, BagTopic]
    readable: dict[str, BagTopic]
    start_ns: int
    end_ns: int

    def messages(self, topics: Collection[str] | None = None) -> Iterator[BagMessage]:
        """The messages of these topics or of all, as recorded, up to the first damage.

        Raises:
            SourceError: a data set's frame cannot be read.
        """
        ...

    def decode(self, message: BagMessage) -> Any:
        """The message as an object with the fields of its definition.

        Raises:
            BagError: it is damaged, or of an unknown type.
        """
        ...

    def close(self) -> None:
        """Close the files."""
        ...


@dataclass(frozen=True)
class OpenRecording:
    """A recording with the contract by which it is read.

    ticks: those that it names by itself, one for each frame of a data set; empty for a bag.
    """

    recording: Recording
    contract: Contract
    ticks: Sequence[RecordedTick] = ()


def open_recording(path: Path, policy: Policy, reading: Reading, work: Path) -> OpenRecording:
    """A bag, or a LeRobot data set as if its frames had been recorded as messages.

    Args:
        path: a bag's folder or file, a data set's folder or hub id.
        policy: that its observations are for.
        reading: which topics and features feed the policy.
        work: a folder in which a copy of a damaged bag may be made.

    Raises:
        SourceError, ContractError, BagError: it cannot be read, or does not fit the policy.
    """
    if is_dataset(path):
        made = DatasetMessages(path, policy, reading)
        return OpenRecording(made, made.contract, made.ticks)
    bag = RecordedBag(path, work)
    types = {topic.name: topic.type for topic in bag.readable.values()}
    return OpenRecording(bag, resolve_contract(policy.spec, types, reading, path))
