# SPDX-License-Identifier: Apache-2.0
"""A synchronised set of messages to the arrays that a policy reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.robot.errors import MessageError
from pam_ros.robot.images import compressed_to_rgb, image_to_rgb
from pam_ros.robot.joints import message_values, multi_array_vector, policy_vector
from pam_ros.robot.resizing import fit, source_region
from pam_ros.robot.sources import ENVIRONMENT, state_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import numpy.typing as npt

    from pam_ros.robot.contract import CameraContract, Contract
    from pam_ros.robot.parts import StatePart
    from pam_ros.robot.regions import SourceRegion
    from pam_ros.robot.sync import MessageSet


@dataclass(frozen=True)
class Observation:
    """What the policy reads, and what the pictures and the safety need beside it.

    ``features`` holds images (H, W, 3) uint8 RGB of the policy's size and vectors float32, by
    feature; ``sources`` the whole source images (H, W, 3) uint8 RGB and ``regions`` where the
    policy's images lie in them, by camera name; ``measured`` where the commanded joints stand, in
    the command's order and in messages' units, 0 for what is no position.
    """

    features: Mapping[str, npt.NDArray[Any]]
    sources: Mapping[str, npt.NDArray[np.uint8]]
    regions: Mapping[str, SourceRegion]
    measured: npt.NDArray[np.float64]


def build_observation(
    contract: Contract, messages: MessageSet, environment_dim: int = 0
) -> Observation:
    """The arrays of one set of messages, by a bound contract (``Contract.bind``).

    Raises:
        MessageError: a message cannot be used; the sentence names its source.
    """
    features: dict[str, npt.NDArray[Any]] = {}
    sources: dict[str, npt.NDArray[np.uint8]] = {}
    regions: dict[str, SourceRegion] = {}
    converted: dict[int, npt.NDArray[np.uint8]] = {}
    for camera in contract.cameras:
        message = messages.messages[camera.name]
        # Cameras that share a topic share its picture.
        rgb = converted.get(id(message))
        if rgb is None:
            rgb = converted[id(message)] = camera_image(camera, message)
        regions[camera.name] = source_region(camera, rgb.shape[0], rgb.shape[1])
        features[camera.feature] = fit(camera, rgb)
        sources[camera.name] = rgb

    def recent(topic: str) -> Iterable[Any]:
        return messages.of(state_source(contract.state, topic))

    feature = contract.state.feature
    if feature is not None:
        parts = [part for part in contract.state.parts if part.feature is not None]
        vectors = [_vector(part, recent) for part in parts]
        features[feature] = np.concatenate(vectors)
    measured = measured_positions(contract, recent)
    if contract.environment is not None:
        features[contract.environment.feature] = multi_array_vector(
            messages.messages[ENVIRONMENT], environment_dim
        )
    return Observation(features, sources, regions, measured)


def measured_positions(
    contract: Contract, recent: Callable[[str], Iterable[Any]]
) -> npt.NDArray[np.float64]:
    """Where the commanded joints stand, in the command's order and in messages' units.

    What is no position is 0: it begins there.

    Args:
        contract: of the robot.
        recent: the messages of a topic of the state that are not too old, the newest first.

    Raises:
        MessageError: a joint's position is not known; the sentence names the topic.
    """
    measured = [
        np.zeros(len(part.joints)) if part.measured is None else _values(part.measured, recent)
        for part in contract.command.parts
    ]
    return np.concatenate(measured)


def _values(part: StatePart, recent: Callable[[str], Iterable[Any]]) -> npt.NDArray[np.float64]:
    try:
        return message_values(part.type, recent(part.topic), part.joints)
    except MessageError as error:
        raise MessageError(f"{part.topic}: {error}") from None


def _vector(part: StatePart, recent: Callable[[str], Iterable[Any]]) -> npt.NDArray[np.float32]:
    values = _values(part, recent)
    try:
        return policy_vector(values, part.joints)
    except MessageError as error:
        raise MessageError(f"{part.topic}: {error}") from None


def camera_image(camera: CameraContract, message: Any) -> npt.NDArray[np.uint8]:
    """The whole source image of a camera's message: (H, W, 3) uint8 RGB.

    Of a video topic, the message is what VideoDecoder made of its packets.

    Raises:
        MessageError: it cannot be used; the sentence names the camera.
    """
    try:
        if camera.compressed:
            return compressed_to_rgb(message)
        return image_to_rgb(message, None if camera.video else camera.encoding)
    except MessageError as error:
        raise MessageError(f"camera '{camera.name}' ({camera.topic}): {error}") from None
