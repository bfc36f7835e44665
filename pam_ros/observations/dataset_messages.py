# SPDX-License-Identifier: Apache-2.0
"""A LeRobot dataset as if its frames had been recorded as messages.

Each frame becomes the contract's images and joint state, and the recorded action its command. Time
begins at START_NS; between episodes lies a second.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.bags.messages import Messages
from pam_ros.bags.reader import BagMessage, BagTopic
from pam_ros.observations.dataset import DatasetSource
from pam_ros.observations.errors import SourceError
from pam_ros.observations.frame_times import FrameTimes, recorded_times, times_on_a_grid
from pam_ros.observations.recorded_tick import RecordedTick
from pam_ros.robot.commands import command_message, make_command
from pam_ros.robot.contract import IMAGE
from pam_ros.robot.images import fill_image
from pam_ros.robot.joints import to_rad
from pam_ros.robot.sources import contract_sources, state_source
from pam_ros.robot.stamps import set_stamp
from pam_ros.robot.state_messages import state_messages
from pam_ros.robot.values.arrays import FLOAT64_MULTI_ARRAY
from pam_ros.robot.values.registry import STATE_TYPES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pam_ros.observations.reading import Reading
    from pam_ros.observations.source import Frame
    from pam_ros.policy.interface import Policy

START_NS = 1_000_000_000
_SECOND = 1_000_000_000


def parse_episodes(text: str, count: int) -> list[int]:
    """The episodes that "3", "0,4" or "2-5,9" mean; all of so many where it is empty.

    Raises:
        SourceError: it means none, or one that is not there.
    """
    if not text:
        return list(range(count))
    chosen: list[int] = []
    for part in text.split(","):
        span = re.fullmatch(r"\s*(\d{1,9})(?:-(\d{1,9}))?\s*", part)
        if span is None:
            raise SourceError(f"--episodes '{text}': write numbers and ranges such as 0,4-7")
        chosen += range(int(span[1]), int(span[2] or span[1]) + 1)
    if not chosen or max(chosen) >= count:
        raise SourceError(f"--episodes '{text}': the dataset has episodes 0 to {count - 1}")
    return sorted(set(chosen))


class DatasetMessages:
    """A Recording, with its contract and its ticks: one per frame.

    Raises:
        SourceError: there is no such dataset, or it does not give what the policy reads.
    """

    def __init__(self, path: Path, policy: Policy, reading: Reading) -> None:
        self.path = path
        self._messages = Messages()
        self._data = DatasetSource(policy, str(path), reading=reading)
        self.notes = self._data.notes
        # Its stamps are those of the times that the contract it was recorded by had made of them.
        self.contract = self._data.contract.as_stamped()
        lengths = self._data.lengths()
        self._period = round(_SECOND / self._data.fps)
        self.ticks: list[RecordedTick] = []
        self._times = self._find_times(parse_episodes(reading.episodes, len(lengths)), lengths)
        for episode, times in self._times.items():
            tasks = self._data.tasks(episode)
            for (received, stamps), task in zip(times, tasks, strict=True):
                self.ticks.append(self._tick(episode, stamps, received, task))
        self.start_ns = min((tick.stamp_ns for tick in self.ticks), default=START_NS)
        self.end_ns = max((tick.stamp_ns for tick in self.ticks), default=START_NS)
        sources = contract_sources(self.contract)
        kinds = {source.topic: IMAGE if source.camera else source.type for source in sources}
        if self._data.has_actions:
            kinds |= {part.topic: part.type for part in self.contract.command.parts}
        self.topics = {
            name: BagTopic(name, kind, len(self.ticks), ()) for name, kind in kinds.items()
        }
        self.readable = self.topics

    def messages(self, topics: Collection[str] | None = None) -> Iterator[BagMessage]:
        """The frames' messages of these topics, or of all.

        Raises:
            SourceError: a frame cannot be read.
        """
        for episode, times in self._times.items():
            actions = self._data.actions(episode)
            before: Mapping[str, int] = {}
            for frame in self._data.episode(episode):
                received, stamps = times[frame.frame]
                # An image that served two frames was recorded once.
                fresh = {k: stamp for k, stamp in stamps.items() if before.get(k) != stamp}
                before = stamps
                action = None if actions is None else actions[frame.frame]
                for topic, kind, message in self._of(frame, action, fresh, received):
                    if topics is None or topic in topics:
                        data = bytes(self._messages.encode(message, kind))
                        yield BagMessage(topic, kind, received, data)

    def decode(self, message: BagMessage) -> Any:
        """The message as an object."""
        return self._messages.decode(message.data, message.type)

    def close(self) -> None:
        """Nothing is open between two frames."""

    def _find_times(
        self, chosen: Sequence[int], lengths: Mapping[int, int]
    ) -> dict[int, FrameTimes]:
        """By episode, when each frame was received and the stamps of its messages [ns]."""
        names = [source.name for source in contract_sources(self.contract) if source.stamped]
        columns = {name: self._data.stamps(name) for name in names}
        recorded = {name: column for name, column in columns.items() if column is not None}
        if len(recorded) == len(names) and chosen:
            found = recorded_times(recorded, chosen, lengths)
            if found is not None:
                return found
            self.notes.append(
                "the recorded stamps of its episodes overlap: the replay has stamps of its own"
            )
        return times_on_a_grid(names, chosen, lengths, START_NS, self._period)

    def _tick(
        self, episode: int, stamps: Mapping[str, int], received_ns: int, task: str
    ) -> RecordedTick:
        return RecordedTick(
            episode=episode,
            tick=len(self.ticks),
            stamps=dict(stamps),
            stamp_ns=received_ns,
            received_ns=received_ns,
            source_tick=-1,
            chunk_executed=True,
            look=None,
            instruction=task,
        )

    def _of(
        self,
        frame: Frame,
        action: NDArray[np.float32] | None,
        stamps: Mapping[str, int],
        received_ns: int,
    ) -> Iterator[tuple[str, str, Any]]:
        contract, observation, whole = self.contract, frame.observation, frame.whole
        assert whole is not None  # a data set's frames have their pictures
        if contract.environment is not None:
            message = self._messages.new(FLOAT64_MULTI_ARRAY)
            message.data = observation[contract.environment.feature].astype(np.float64)
            yield contract.environment.topic, FLOAT64_MULTI_ARRAY, message
        for camera in contract.cameras:
            if camera.name not in stamps:
                continue
            image = self._messages.new(IMAGE)
            set_stamp(image.header.stamp, stamps[camera.name])
            image.header.frame_id = f"{camera.name}_camera_optical_frame"
            fill_image(image, whole.sources[camera.name])
            yield camera.topic, IMAGE, image
        yield from self._state(observation, stamps)
        if action is not None:
            yield from self._command(action, received_ns)

    def _state(
        self, observation: Mapping[str, NDArray[Any]], stamps: Mapping[str, int]
    ) -> Iterator[tuple[str, str, Any]]:
        contract = self.contract
        values: NDArray[np.float64] = np.zeros(len(contract.state.joints))
        if contract.state.feature is not None:
            values = to_rad(observation[contract.state.feature], contract.state.joints)
        for topic, kind, message in state_messages(contract, values, 0, self._messages.new):
            source = state_source(contract.state, topic)
            if not STATE_TYPES[kind].has_header:
                yield topic, kind, message
            elif source in stamps:
                set_stamp(message.header.stamp, stamps[source])
                yield topic, kind, message

    def _command(self, action: NDArray[np.float32], stamp: int) -> Iterator[tuple[str, str, Any]]:
        command = self.contract.command
        values = command.split(to_rad(action, command.joints))
        for part, each in zip(command.parts, values, strict=True):
            made = make_command(part, each, stamp)
            yield part.topic, part.type, command_message(part.type, made, self._messages.new)
