# SPDX-License-Identifier: Apache-2.0
"""A LeRobot dataset as if its frames had been recorded as messages.

Each frame becomes the contract's images and joint state, and the recorded action its command. Time
begins at START_NS; between episodes lies a second.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.bags.reader import BagMessage, BagTopic
from pam_ros.observations.dataset import DatasetSource
from pam_ros.observations.errors import SourceError
from pam_ros.replay.errors import ReplayError
from pam_ros.replay.recorded import RecordedTick
from pam_ros.robot.commands import command_message, make_command
from pam_ros.robot.contract import (
    FLOAT64_MULTI_ARRAY,
    IMAGE,
    JOINT_STATE,
    CameraContract,
    CommandContract,
    Contract,
    EnvironmentContract,
    JointContract,
    StateContract,
)
from pam_ros.robot.images import fill_image
from pam_ros.robot.joints import to_rad
from pam_ros.robot.stamps import set_stamp
from pam_ros.robot.sync import STATE
from pam_ros.robot.topics import JOINT_COMMANDS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from pam_ros.policy.interface import Policy, PolicySpec
    from pam_ros.replay.messages import Messages

START_NS = 1_000_000_000
_SECOND = 1_000_000_000
_LAST = 1 << 40


def is_dataset(path: Path) -> bool:
    """Whether this is a dataset's folder, or looks like one of the hub: user/name."""
    if path.is_dir():
        return (path / "meta" / "info.json").is_file()
    return not path.exists() and not path.is_absolute() and len(path.parts) == 2 and not path.suffix


def parse_episodes(text: str, count: int) -> list[int]:
    """The episodes that "3", "0,4" or "2-5,9" mean; all of so many where it is empty.

    Raises:
        ReplayError: it means none, or one that is not there.
    """
    if not text:
        return list(range(count))
    chosen: list[int] = []
    for part in text.split(","):
        span = re.fullmatch(r"\s*(\d{1,9})(?:-(\d{1,9}))?\s*", part)
        if span is None:
            raise ReplayError(f"--episodes '{text}': write numbers and ranges such as 0,4-7")
        chosen += range(int(span[1]), int(span[2] or span[1]) + 1)
    if not chosen or max(chosen) >= count:
        raise ReplayError(f"--episodes '{text}': the dataset has episodes 0 to {count - 1}")
    return sorted(set(chosen))


class SourceDataset:
    """Has what SourceBag has, and the ticks: one per frame.

    Raises:
        ReplayError: there is no such dataset, or it lacks a feature of the policy.
    """

    def __init__(
        self,
        path: Path,
        policy: Policy,
        messages: Messages,
        contract: Contract | None,
        episodes: str,
    ) -> None:
        self.path = path
        self.notes: list[str] = []
        self._messages = messages
        try:
            self._data = DatasetSource(policy, str(path))
        except SourceError as error:
            raise ReplayError(_with_codec(str(error))) from error
        lengths = self._data.lengths
        self._period = round(_SECOND / self._data.fps)
        self.contract = _contract(policy.spec, self._data, path) if contract is None else contract
        self.contract = _raw(self.contract)
        self._sources = {STATE: self.contract.state.topic}
        self.ticks: list[RecordedTick] = []
        self._starts: dict[int, int] = {}
        stamp = START_NS
        for episode in parse_episodes(episodes, len(lengths)):
            self._starts[episode] = stamp
            for frame in range(lengths[episode]):
                self.ticks.append(self._tick(episode, stamp + frame * self._period))
            stamp += lengths[episode] * self._period + _SECOND
        self.start_ns, self.end_ns = START_NS, stamp
        kinds = {camera.topic: IMAGE for camera in self.contract.cameras}
        kinds[self.contract.state.topic] = JOINT_STATE
        if self.contract.environment is not None:
            kinds[self.contract.environment.topic] = FLOAT64_MULTI_ARRAY
        if self._data.has_actions:
            kinds[self.contract.command.topic] = self.contract.command.type
        self.topics = {
            name: BagTopic(name, kind, len(self.ticks), ()) for name, kind in kinds.items()
        }

    def messages(self, topics: Collection[str] | None = None) -> Iterator[BagMessage]:
        """The frames' messages of these topics, or of all.

        Raises:
            ReplayError: a frame cannot be read.
        """
        try:
            for episode, start in self._starts.items():
                actions = self._data.actions(episode)
                for frame in self._data.frames((episode - 1, _LAST)):
                    if frame.episode != episode:
                        break
                    stamp = start + frame.frame * self._period
                    action = None if actions is None else actions[frame.frame]
                    for topic, kind, message in self._of(frame.observation, action, stamp):
                        if topics is None or topic in topics:
                            data = bytes(self._messages.encode(message, kind))
                            yield BagMessage(topic, kind, stamp, data)
        except SourceError as error:
            raise ReplayError(_with_codec(str(error))) from error

    def decode(self, message: BagMessage) -> Any:
        """The message as an object."""
        return self._messages.decode(message.data, message.type)

    def close(self) -> None:
        """Nothing is open between two frames."""

    def _tick(self, episode: int, stamp: int) -> RecordedTick:
        stamps = {camera.name: stamp for camera in self.contract.cameras} | {STATE: stamp}
        return RecordedTick(
            episode=episode,
            tick=len(self.ticks),
            stamps=stamps,
            stamp_ns=stamp,
            received_ns=stamp,
            source_tick=-1,
            chunk_executed=True,
            look=None,
        )

    def _of(
        self, observation: Any, action: NDArray[np.float32] | None, stamp: int
    ) -> Iterator[tuple[str, str, Any]]:
        contract = self.contract
        if contract.environment is not None:
            message = self._messages.new(FLOAT64_MULTI_ARRAY)
            message.data = observation[contract.environment.feature].astype(np.float64)
            yield contract.environment.topic, FLOAT64_MULTI_ARRAY, message
        for camera in contract.cameras:
            image = self._messages.new(IMAGE)
            set_stamp(image.header.stamp, stamp)
            image.header.frame_id = f"{camera.name}_camera_optical_frame"
            fill_image(image, observation[camera.feature])
            yield camera.topic, IMAGE, image
        state = self._messages.new(JOINT_STATE)
        joints = {joint.name: 0.0 for joint in contract.command.joints}
        if contract.state.feature is not None:
            values = to_rad(observation[contract.state.feature], contract.state.joints)
            names = [joint.name for joint in contract.state.joints]
            joints.update(zip(names, values.tolist(), strict=True))
        set_stamp(state.header.stamp, stamp)
        state.name, state.position = list(joints), np.array(list(joints.values()))
        yield contract.state.topic, JOINT_STATE, state
        if action is not None:
            yield contract.command.topic, contract.command.type, self._command(action, stamp)

    def _command(self, action: NDArray[np.float32], stamp: int) -> Any:
        contract = self.contract.command
        command = make_command(contract, to_rad(action, contract.joints), stamp)
        return command_message(contract.type, command, self._messages.new)


def _raw(contract: Contract) -> Contract:
    """With images as they come from a dataset, and commands of a type that holds one position."""
    cameras = tuple(replace(camera, type=IMAGE, encoding="rgb8") for camera in contract.cameras)
    command = contract.command
    if command.type not in {JOINT_STATE, FLOAT64_MULTI_ARRAY}:
        command = replace(command, type=JOINT_STATE)
    return replace(contract, cameras=cameras, command=command)


def _contract(spec: PolicySpec, data: DatasetSource, path: Path) -> Contract:
    """One made of the policy's features, in the dataset's own units."""
    cameras = tuple(
        CameraContract(name, f"/{name}/image_raw", IMAGE, camera.feature, resize="policy")
        for camera in spec.cameras
        for name in [camera.feature.rpartition(".")[2]]
    )
    action = _joints(data.names("action"), spec.action_dim)
    state = action
    if spec.state_feature is not None:
        state = _joints(data.names(spec.state_feature), spec.state_dim)
    environment = None
    if spec.environment_feature is not None:
        environment = EnvironmentContract("/environment", spec.environment_feature)
    made = Contract(
        robot=path.name,
        rate_hz=data.fps,
        cameras=cameras,
        state=StateContract("/joint_states", spec.state_feature, state),
        command=CommandContract(JOINT_COMMANDS, JOINT_STATE, action),
        environment=environment,
    )
    return made.bind(spec)


def _joints(names: list[str], count: int) -> tuple[JointContract, ...]:
    if len(set(names)) != count:
        names = [f"joint_{number}" for number in range(count)]
    return tuple(JointContract(name) for name in names)


def _with_codec(sentence: str) -> str:
    """The sentence, with the package that helps where videos cannot be decoded."""
    if any(word in sentence for word in ("No module named 'av'", "torchcodec", "video_backend")):
        return f"{sentence}; its videos are read with the package av: pip install 'pam_ros[video]'"
    return sentence
