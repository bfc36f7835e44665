# SPDX-License-Identifier: Apache-2.0
"""The observations of rosbags, put together as the live node does: contract, synchroniser, images.

One bag is one episode. Bags may have been recorded while time was simulated, so the time of a tick
is that of the newest header stamp, not that of recording. A set of messages that cannot be used is
left out and counted, as the node leaves it out. A bag without any is told, and the others are read.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pam_ros.bags import BagReader
from pam_ros.observations.errors import SourceError
from pam_ros.observations.recorded_sets import RecordedSets
from pam_ros.observations.source import Frame
from pam_ros.robot import (
    ENVIRONMENT,
    STATE,
    MessageError,
    build_observation,
    load_contract,
)
from pam_ros.share.folders import find_contract

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pam_ros.message_types import Stamped
    from pam_ros.policy import Policy
    from pam_ros.robot import Contract, MessageSet

_SECOND = 1_000_000_000

_LOG = logging.getLogger(__name__)


class BagSource:
    """Raw camera and joint topics of some bags.

    Args:
        policy: that the contract must fit.
        bags: in the order of the episodes, which are numbered from 0.
        contract: name or path of the robot's contract.

    Raises:
        ContractError: it does not fit the policy.
        BagError: a bag cannot be read.
        SourceError: a bag lacks one of the contract's topics or has it of another type.
    """

    def __init__(self, policy: Policy, bags: Sequence[Path], contract: str) -> None:
        self._contract = load_contract(find_contract(contract)).bind(policy.spec)
        self._environment_dim = policy.spec.environment_dim
        self._sources = _sources(self._contract)
        self._bags = list(bags)
        self._empty: dict[Path, str] = {}
        for bag in self._bags:
            with BagReader(bag) as reader:
                missing = [topic for topic in self._sources if topic not in reader.topics]
                if missing:
                    have = ", ".join(sorted(reader.topics)) or "no topic at all"
                    raise SourceError(f"bag {bag} lacks {', '.join(missing)}: it has {have}")
                for topic, wanted in _types(self._contract).items():
                    found = reader.topics[topic].type
                    if found != wanted:
                        raise SourceError(f"bag {bag}: {topic} must be {wanted}, not {found}")

    @property
    def dataset(self) -> str:
        """For the provenance."""
        names = ", ".join(bag.name for bag in self._bags)
        return f"rosbags {names} ({self._contract.robot})"

    def frames(self, after: tuple[int, int] | None) -> Iterator[Frame]:
        """See Source.

        Raises:
            SourceError: a bag cannot be read, or none of them gives a frame.
        """
        frames = 0
        for episode, bag in enumerate(self._bags):
            if after is not None and episode < after[0]:
                continue
            for frame, observation in enumerate(self._observations(bag)):
                frames += 1
                if after is None or (episode, frame) > after:
                    yield Frame(episode, frame, observation)
        if not frames:
            raise SourceError("; ".join(self._empty.values()))

    def _observations(self, bag: Path) -> Iterator[Mapping[str, NDArray[Any]]]:
        sets = RecordedSets(self._contract)
        usable = unusable = 0
        reason = ""
        for found in _found(bag, sets, self._sources):
            try:
                built = build_observation(self._contract, found, self._environment_dim)
            except MessageError as error:
                unusable, reason = unusable + 1, str(error)
                continue
            usable += 1
            yield built.features
        if usable and unusable:
            _LOG.warning("%s: %d sets of messages left out, such as: %s", bag, unusable, reason)
        elif not usable:
            why = f"none of {unusable} sets of messages can be used, such as: {reason}"
            self._say_empty(bag, why if unusable else sets.why_none())

    def _say_empty(self, bag: Path, why: str) -> None:
        if bag not in self._empty:
            self._empty[bag] = f"bag {bag} gives no frame: {why}"
            _LOG.warning("%s", self._empty[bag])


def _found(bag: Path, sets: RecordedSets, sources: Mapping[str, str]) -> Iterator[MessageSet]:
    with BagReader(bag) as reader:
        for message in reader.messages(list(sources)):
            source = sources[message.topic]
            decoded = reader.decode(message)
            stamp = 0 if source == ENVIRONMENT else _stamp(decoded)
            for found in sets.add(source, stamp, message.stamp_ns, decoded):
                yield found.seen
    for found in sets.end():
        yield found.seen


def _sources(contract: Contract) -> dict[str, str]:
    """The synchroniser's source of each topic."""
    sources = {camera.topic: camera.name for camera in contract.cameras}
    sources[contract.state.topic] = STATE
    if contract.environment is not None:
        sources[contract.environment.topic] = ENVIRONMENT
    return sources


def _types(contract: Contract) -> dict[str, str]:
    """The type of each topic."""
    types = {camera.topic: camera.type for camera in contract.cameras}
    types[contract.state.topic] = "sensor_msgs/msg/JointState"
    if contract.environment is not None:
        types[contract.environment.topic] = "std_msgs/msg/Float64MultiArray"
    return types


def _stamp(message: Stamped) -> int:
    stamp = message.header.stamp
    return int(stamp.sec) * _SECOND + int(stamp.nanosec)
