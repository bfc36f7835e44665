# SPDX-License-Identifier: Apache-2.0
"""A synchronised set of messages to the arrays that a policy reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pam_ros.robot.errors import MessageError
from pam_ros.robot.images import compressed_to_rgb, fit, image_to_rgb, source_region
from pam_ros.robot.joints import joint_positions, joint_vector, multi_array_vector
from pam_ros.robot.sync import ENVIRONMENT, STATE

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    from pam_ros.robot.contract import CameraContract, Contract
    from pam_ros.robot.regions import SourceRegion
    from pam_ros.robot.sync import MessageSet


@dataclass(frozen=True)
class Observation:
    """What the policy reads, and what the pictures and the safety need beside it.

    ``features`` holds images (H, W, 3) uint8 RGB of the policy's size and vectors float32, by
    feature; ``sources`` the whole source images (H, W, 3) uint8 RGB and ``regions`` where the
    policy's images lie in them, by camera name; ``measured`` where the commanded joints stand
    [rad], in the command's order.
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
    for camera in contract.cameras:
        rgb = camera_image(camera, messages.messages[camera.name])
        regions[camera.name] = source_region(camera, rgb.shape[0], rgb.shape[1])
        features[camera.feature] = fit(camera, rgb)
        sources[camera.name] = rgb
    message = messages.messages[STATE]
    try:
        if contract.state.feature is not None:
            features[contract.state.feature] = joint_vector(message, contract.state.joints)
        measured = joint_positions(message, contract.command.joints)
    except MessageError as error:
        raise MessageError(f"{contract.state.topic}: {error}") from None
    if contract.environment is not None:
        features[contract.environment.feature] = multi_array_vector(
            messages.messages[ENVIRONMENT], environment_dim
        )
    return Observation(features, sources, regions, measured)


def camera_image(camera: CameraContract, message: Any) -> npt.NDArray[np.uint8]:
    """The whole source image of a camera's message: (H, W, 3) uint8 RGB.

    Raises:
        MessageError: it cannot be used; the sentence names the camera.
    """
    try:
        if camera.compressed:
            return compressed_to_rgb(message)
        return image_to_rgb(message, camera.encoding)
    except MessageError as error:
        raise MessageError(f"camera '{camera.name}' ({camera.topic}): {error}") from None
